"""The fast evaluation and Great Expectations itself give the same answers, rule by rule and count by count."""

from datetime import UTC, datetime, timedelta

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.data_gates import by_arrow, by_pandas, log
from cli.rules_page import labelled
from expectations import events, examples, features, scores, timeliness
from expectations.evaluation import evaluate
from expectations.rule import Rule, rule
from expectations.suite import validate
from lintel.features.catalogue import catalogue

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
WORDS = st.sampled_from(["a", "b", "c", None])
NUMBERS = st.one_of(st.none(), st.floats(-2, 2), st.sampled_from([float("nan"), float("inf"), 0.0, 1.0]))
MOMENTS = st.one_of(st.none(), st.integers(0, 3).map(lambda days: START + timedelta(days=days)))
MARKS = st.sampled_from([True, False, None])


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Few rows of few values, so that nulls, repeats and faults all occur."""
    rows = draw(st.integers(1, 8))

    def some(values: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pa.table(
        {
            "word": pa.array(some(WORDS), pa.string()),
            "kind": pa.array(some(WORDS), pa.string()).dictionary_encode(),
            "number": pa.array(some(NUMBERS), pa.float64()),
            "count": pa.array(some(st.integers(0, 3)), pa.int64()),
            "mark": pa.array(some(MARKS), pa.bool_()),
            "sure": pa.array(some(st.booleans()), pa.bool_()),
            "first": pa.array(some(MOMENTS), TIME),
            "second": pa.array(some(MOMENTS), TIME),
        }
    )


def small_rules() -> list[Rule]:
    between, pair = gxe.ExpectColumnValuesToBeBetween, gxe.ExpectColumnPairValuesAToBeGreaterThanB
    stated, within = gxe.ExpectColumnValuesToNotBeNull, gxe.ExpectColumnValuesToBeInSet
    wanted = [
        *(stated(column=name) for name in ("word", "kind", "number", "mark", "first")),
        within(column="kind", value_set=["a", "b"]),
        within(column="word", value_set=["a"], mostly=0.5),
        within(column="count", value_set=[0, 1]),
        within(column="sure", value_set=[False]),
        within(column="mark", value_set=[False], mostly=0.7),
        between(column="number", min_value=0, max_value=1),
        between(column="number", min_value=0, strict_min=True),
        between(column="count", max_value=2, strict_max=True),
        pair(column_A="first", column_B="second", or_equal=True),
        pair(column_A="first", column_B="second"),
        pair(column_A="number", column_B="count", or_equal=True),
        *(gxe.ExpectColumnValuesToBeUnique(column=name) for name in ("word", "count")),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["word", "first"]),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["count", "word", "sure"]),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="word", min_value=1, max_value=2),
        gxe.ExpectTableRowCountToBeBetween(min_value=3, max_value=6),
        gxe.ExpectTableColumnsToMatchSet(column_set=["word", "other"], exact_match=False),
        gxe.ExpectTableColumnsToMatchSet(column_set=["word"], exact_match=True),
    ]
    return [rule(f"rule_{place}", one, "some rule") for place, one in enumerate(wanted)]


RULES = small_rules()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_both_ways_agree_on_frames_with_faults(table: pa.Table) -> None:
    fast, plain = evaluate(table, "small", RULES), validate(table.to_pandas(), "small", RULES)
    for one, other in zip(fast.results, plain.results, strict=True):
        said = (one.rule.name, one.rule.expectation.configuration.type)
        assert (*said, one.success, one.unexpected) == (*said, other.success, other.unexpected)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_marked_rows_are_as_many_as_the_unexpected(table: pa.Table) -> None:
    for one in evaluate(table, "small", RULES).results:
        assert one.faulty is None or int(one.faulty.sum()) == one.unexpected


@pytest.mark.parametrize(
    "rules",
    [
        events.rules(),
        timeliness.rules(),
        scores.rules(),
        features.rules(catalogue(), 1),
        examples.rules(catalogue(), labelled()),
    ],
    ids=["events", "timeliness", "scores", "features", "examples"],
)
def test_every_rule_of_every_suite_can_be_judged(rules: list[Rule]) -> None:
    names = {name for one in rules for name in _columns(one)}
    empty = pa.table({name: pa.array([], pa.float64()) for name in names})
    result = evaluate(empty, "all", rules)
    assert len({one.rule.name for one in result.results}) == len(rules), "two rules of one name"
    assert not [one.observed for one in result.results if "is not there" in one.observed]


def _columns(rule: Rule) -> list[str]:
    kwargs = rule.expectation.configuration.kwargs
    return [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs] + kwargs.get(
        "column_list", []
    )


def test_a_column_of_another_type_is_a_failure_not_a_crash() -> None:
    wrong = pa.table({"kind": pa.array([1.0, 2.0])})
    (known,) = (one for one in events.rules() if one.name == "kind_registered")
    (judged,) = evaluate(wrong, "events", [known]).results
    assert not judged.success
    assert "another type" in judged.observed


def test_event_rules_agree_with_plain_gx_on_a_log_with_faults() -> None:
    recorded = log(3_000, seed=3)
    random = np.random.default_rng(3)
    late = pd.Series(recorded.column("known_at").to_pandas())
    late[random.integers(0, 3_000, 20)] -= pd.Timedelta(days=2)
    place = recorded.schema.get_field_index("known_at")
    recorded = recorded.set_column(place, "known_at", pa.array(late).cast(TIME))
    fast, plain = by_arrow(recorded), by_pandas(recorded)
    assert fast.failures
    for one, other in zip(fast.results, plain.results, strict=True):
        assert (one.rule.name, one.success, one.unexpected) == (other.rule.name, other.success, other.unexpected)
