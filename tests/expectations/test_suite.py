from collections.abc import Callable

import great_expectations.expectations as gxe
import pandas as pd
import pyarrow as pa
import pytest

from expectations.evaluation import evaluate
from expectations.rule import Consequence, Rule, rule
from expectations.suite import SuiteResult, validate

FRAME = pd.DataFrame({"lead_id": ["a", "b", "b"], "value": [1.0, 2.0, -3.0]})
LEAD_STATED = rule("stated", gxe.ExpectColumnValuesToNotBeNull(column="lead_id"), "every row has a lead")
UNIQUE = rule("unique", gxe.ExpectColumnValuesToBeUnique(column="lead_id"), "no lead occurs twice")
POSITIVE = rule(
    "positive", gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0), "no value is negative", Consequence.WARN
)
ROWS = rule("rows", gxe.ExpectTableRowCountToBeBetween(min_value=1), "there are rows")


def fast(frame: pd.DataFrame, name: str, rules: list[Rule]) -> SuiteResult:
    return evaluate(pa.Table.from_pandas(frame, preserve_index=False), name, rules)


Judge = Callable[[pd.DataFrame, str, list[Rule]], SuiteResult]
BOTH = pytest.mark.parametrize("judge", [validate, fast], ids=["plain GX", "evaluate"])


@BOTH
def test_a_suite_that_holds_has_no_failures(judge: Judge) -> None:
    result = judge(FRAME, "small", [LEAD_STATED])
    assert result.success
    assert result.evaluated == 1
    assert "All 1 expectations" in result.markdown()


@BOTH
def test_each_failure_names_rule_column_and_count(judge: Judge) -> None:
    result = judge(FRAME, "small", [UNIQUE, POSITIVE, ROWS])
    assert not result.success
    assert {(one.column, one.unexpected, one.rows) for one in result.failures} == {("lead_id", 2, 3), ("value", 1, 3)}
    assert [one.rule.name for one in result.broken(Consequence.WARN)] == ["positive"]
    assert "2 of 3 expectations" in result.markdown()
    assert "no value is negative" in result.markdown()


@BOTH
def test_a_column_that_is_not_there_is_a_failure_not_a_pass(judge: Judge) -> None:
    missing = rule("there", gxe.ExpectColumnValuesToNotBeNull(column="missing"), "it is there")
    assert [one.column for one in judge(FRAME, "small", [missing]).failures] == ["missing"]


@BOTH
def test_failures_hold_no_values_of_the_data(judge: Judge) -> None:
    frame = pd.DataFrame({"lead_id": ["jane@example.com", "jane@example.com"]})
    result = judge(frame, "small", [UNIQUE])
    assert not result.success
    assert "jane" not in result.markdown()
