"""What must hold of the pace of a tenant's events, held against the tenant's own weekly rhythm."""

from collections.abc import Sequence

import great_expectations.expectations as gxe
import pyarrow as pa

from expectations.rule import Consequence, Rule, rule
from lintel.monitoring.freshness import Freshness
from lintel.monitoring.volume import DayVolume

NAME = "timeliness"
_BOUNDS = ("events", "at_least", "at_most")


def frame(freshness: Freshness | None, days: Sequence[DayVolume]) -> pa.Table:
    """One row a judgement: `quiet` (expected events since the newest one) or `events` of a day, with what each may be.

    Nothing of what is not known yet: a young log has few rows or none.
    """
    rows: list[dict[str, object]] = [
        {"what": f"day {one.date}", "events": one.events, "at_least": one.at_least, "at_most": one.at_most}
        for one in days
    ]
    if freshness is not None:
        rows.append({"what": "freshness", "quiet": freshness.quiet, "quiet_at_most": freshness.at_most})
    schema = [("what", pa.string()), *((name, pa.float64()) for name in (*_BOUNDS, "quiet", "quiet_at_most"))]
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def rules() -> list[Rule]:
    """For a table made by `frame`."""
    return [
        _at_least("fresh", "quiet_at_most", "quiet", "events went on to come in as they do at these hours"),
        _at_least("not_too_few", "events", "at_least", "the last days brought as many events as such days do"),
        _at_least("not_too_many", "at_most", "events", "the last days brought no more events than such days do"),
    ]


def _at_least(name: str, larger: str, smaller: str, meaning: str) -> Rule:
    expectation = gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=larger, column_B=smaller, or_equal=True)
    return rule(name, expectation, meaning, Consequence.WARN)
