"""What must hold of the answers about open leads before anyone sees them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

import great_expectations.expectations as gxe
import pyarrow as pa

from expectations.evaluation import evaluate
from expectations.rule import Consequence, Rule, rule
from expectations.suite import SuiteResult
from lintel.events.moments import to_microseconds
from lintel.labels.definition import DIMENSIONS

NAME = "scores"
SET_ASIDE, WARN = Consequence.SET_ASIDE, Consequence.WARN
OF_ANOTHER_MOMENT, AFTER_THE_LOG, UNFINISHED = "of_another_moment", "after_the_log", "unfinished"
_NUMBERS = ("probability", "low", "high", "p0", "p1")
Json = Mapping[str, Any]


def frame(answers: Sequence[Json], clock: datetime, seq: int) -> pa.Table:
    """One row an answer: who, by which bundle, its numbers, and three marks: it is of another moment than `clock`, it
    saw events after `seq`, or a dimension has neither a probability nor a status that says why."""
    columns: dict[str, pa.Array] = {
        "lead_id": pa.array([one["lead_id"] for one in answers], pa.string()),
        "bundle": pa.array([one["model"]["digest"] for one in answers], pa.string()),
        "priority": _numbers([one.get("overall", {}).get("priority") for one in answers]),
        OF_ANOTHER_MOMENT: pa.array([_moment(one) != to_microseconds(clock) for one in answers], pa.bool_()),
        AFTER_THE_LOG: pa.array([one["seq"] > seq for one in answers], pa.bool_()),
        UNFINISHED: pa.array([any(map(_unfinished, one["dimensions"].values())) for one in answers], pa.bool_()),
    }
    for dimension in DIMENSIONS:
        told = [_told(one["dimensions"].get(dimension, {})) for one in answers]
        for place, name in enumerate(_NUMBERS):
            columns[f"{dimension}.{name}"] = _numbers([one[place] for one in told])
    return pa.table(columns)


def judge(answers: Sequence[Json], clock: datetime, seq: int) -> SuiteResult:
    """The outcome of the suite over answers as of the tenant's `clock` from the events up to `seq`."""
    return evaluate(frame(answers, clock, seq), NAME, rules())


def rules() -> list[Rule]:
    """For a table made by `frame`: identity, moments, and numbers that are chances with the doubt around them."""
    return [*_identity(), *(one for dimension in DIMENSIONS for one in _chances(dimension))]


def _identity() -> list[Rule]:
    priority = gxe.ExpectColumnValuesToBeBetween(column="priority", min_value=0, max_value=1)
    bundles = gxe.ExpectColumnUniqueValueCountToBeBetween(column="bundle", max_value=1)
    return [
        rule("lead_stated", gxe.ExpectColumnValuesToNotBeNull(column="lead_id"), "every answer names its lead"),
        rule("one_answer_a_lead", gxe.ExpectColumnValuesToBeUnique(column="lead_id"), "no lead has two answers"),
        rule("one_bundle", bundles, "one bundle gave all answers"),
        rule("no_of_another_moment", _never(OF_ANOTHER_MOMENT), "answers are as of the tenant's clock", SET_ASIDE),
        rule("no_after_the_log", _never(AFTER_THE_LOG), "no answer saw more than the log", SET_ASIDE),
        rule("no_unfinished", _never(UNFINISHED), "a dimension has a probability or says why not", SET_ASIDE),
        rule("priority_in_range", priority, "a priority lies in 0..1", SET_ASIDE),
    ]


def _chances(dimension: str) -> list[Rule]:
    ordered = [("high", "low", SET_ASIDE), ("p1", "p0", SET_ASIDE), ("probability", "low", WARN)]
    ordered += [("high", "probability", WARN)]
    return [
        *(
            rule(
                f"{dimension}_{name}_in_range",
                gxe.ExpectColumnValuesToBeBetween(column=f"{dimension}.{name}", min_value=0, max_value=1),
                "a chance lies in 0..1",
                SET_ASIDE,
            )
            for name in _NUMBERS
        ),
        *(
            rule(
                f"{dimension}_{low}_to_{high}",
                gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A=f"{dimension}.{high}", column_B=f"{dimension}.{low}", or_equal=True
                ),
                f"{low} does not lie above {high}",
                consequence,
            )
            for high, low, consequence in ordered
        ),
    ]


def _never(column: str) -> gxe.ExpectColumnValuesToBeInSet:
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[False])


def _numbers(values: Sequence[float | None]) -> pa.Array:
    return pa.array(values, pa.float64())


def _moment(answer: Json) -> int:
    return to_microseconds(datetime.fromisoformat(answer["as_of"]))


def _told(dimension: Json) -> tuple[float | None, ...]:
    low, high = dimension.get("interval") or (None, None)
    return dimension.get("probability"), low, high, dimension.get("p0"), dimension.get("p1")


def _unfinished(dimension: Json) -> bool:
    probability = dimension.get("probability")
    stated = probability is not None and isfinite(probability)
    return not stated and "status" not in dimension
