import great_expectations.expectations as gxe
import pandas as pd

from expectations.suite import validate

FRAME = pd.DataFrame({"lead_id": ["a", "b", "b"], "value": [1.0, 2.0, -3.0]})


def test_a_suite_that_holds_has_no_failures() -> None:
    result = validate(FRAME, "small", [gxe.ExpectColumnValuesToNotBeNull(column="lead_id")])
    assert result.success
    assert result.evaluated == 1
    assert "All 1 expectations" in result.markdown()


def test_each_failure_names_expectation_column_and_count() -> None:
    expectations = [
        gxe.ExpectColumnValuesToBeUnique(column="lead_id"),
        gxe.ExpectColumnValuesToBeBetween(column="value", min_value=0),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
    ]
    result = validate(FRAME, "small", expectations)
    assert not result.success
    assert {(one.column, one.unexpected, one.rows) for one in result.failures} == {("lead_id", 2, 3), ("value", 1, 3)}
    assert "2 of 3 expectations" in result.markdown()


def test_a_column_that_is_not_there_is_a_failure_not_a_pass() -> None:
    result = validate(FRAME, "small", [gxe.ExpectColumnValuesToNotBeNull(column="missing")])
    assert [one.column for one in result.failures] == ["missing"]


def test_failures_hold_no_values_of_the_data() -> None:
    frame = pd.DataFrame({"lead_id": ["jane@example.com", "jane@example.com"]})
    result = validate(frame, "small", [gxe.ExpectColumnValuesToBeUnique(column="lead_id")])
    assert "jane" not in result.markdown()
