"""What follows from broken rules: what blocks, what stays behind, what is only told."""

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.evaluation import evaluate
from expectations.rule import Consequence, Rule, rule
from expectations.verdict import Verdict, pardoned, verdict

LIMIT = 0.1


def asked(consequence: Consequence) -> Rule:
    return rule("small", gxe.ExpectColumnValuesToBeBetween(column="x", max_value=1), "x is small", consequence)


def judged(values: list[float], consequence: Consequence, limit: float = LIMIT) -> Verdict:
    return verdict(evaluate(pa.table({"x": values}), "some", [asked(consequence)]), limit)


@pytest.mark.parametrize(
    ("consequence", "broken", "blocked", "aside"),
    [
        (Consequence.BLOCK, 0, False, 0),
        (Consequence.BLOCK, 1, True, 0),
        (Consequence.SET_ASIDE, 1, False, 1),
        (Consequence.SET_ASIDE, 2, False, 2),
        (Consequence.SET_ASIDE, 3, True, 0),
        (Consequence.WARN, 20, False, 0),
    ],
)
def test_each_consequence(consequence: Consequence, broken: int, blocked: bool, aside: int) -> None:
    found = judged([5.0] * broken + [0.0] * (20 - broken), consequence)
    assert (found.blocked, int(found.set_aside.sum())) == (blocked, aside)
    assert found.warns == (consequence is Consequence.WARN)


def test_the_explanation_has_the_figures_and_the_limit() -> None:
    words = judged([5.0] * 3 + [0.0] * 17, Consequence.SET_ASIDE).explanation
    assert "small (3 of 20 values)" in words
    assert "3 of 20 rows are over the limit of 10.00%" in words
    assert "1 rules of some hold over 2 rows" in judged([0.0, 0.0], Consequence.BLOCK).explanation


def test_a_row_that_was_released_breaks_that_rule_no_longer() -> None:
    result = evaluate(pa.table({"x": [5.0, 0.0, 5.0]}), "some", [asked(Consequence.SET_ASIDE)])
    let_off = pardoned(result, {"small": np.array([True, False, False])})
    assert verdict(let_off, 0.5).set_aside.tolist() == [False, False, True]
    assert pardoned(result, {"another": np.array([True] * 3)}) == result
    assert pardoned(result, {"small": np.array([True] * 3)}).success


def test_a_rule_that_could_not_be_judged_blocks() -> None:
    result = evaluate(pa.table({"y": [5.0]}), "some", [asked(Consequence.SET_ASIDE)])
    assert verdict(result, 1.0).blocked


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), st.floats(0, 0.99))
def test_never_more_than_the_limit_stays_behind(values: list[float], limit: float) -> None:
    found = judged(values, Consequence.SET_ASIDE, limit)
    wrong = sum(value > 1 for value in values)
    assert found.set_aside.sum() <= limit * len(values)
    assert found.blocked == (wrong > limit * len(values))
    assert found.blocked or found.set_aside.tolist() == [value > 1 for value in values]
