"""What must hold of computed feature rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.rule import Rule, rule
from lintel.events.schema import TIME
from lintel.features.catalogue import Catalogue
from lintel.features.feature import Aggregation

NAME = "features"
INFINITE, AFTER_CLOCK = "infinite", "after_the_clock"
_NEVER_NEGATIVE = (
    Aggregation.COUNT,
    Aggregation.COUNT_SINCE,
    Aggregation.DISTINCT,
    Aggregation.DISTINCT_DAYS,
    Aggregation.DEVIATION,
    Aggregation.RECENCY,
    Aggregation.TENURE,
    Aggregation.PENDING,
    Aggregation.EXCESS,
    Aggregation.PER,
    Aggregation.CONTEXT_LEVEL,
)
_FRACTIONS = (Aggregation.SHARE, Aggregation.EQUALS, Aggregation.IS_LAST)
BOUNDS: Mapping[Aggregation, tuple[float, float | None]] = {
    **dict.fromkeys(_NEVER_NEGATIVE, (0.0, None)),
    **dict.fromkeys(_FRACTIONS, (0.0, 1.0)),
    Aggregation.SEASON: (-1.0, 1.0),
}
"""What follows from the definition of an aggregation, whatever the events are."""


def frame(features: pa.Table, catalogue: Catalogue, clock: datetime) -> pa.Table:
    """The rows with two columns more: whether a feature is infinite, and whether `as_of` lies after the clock."""
    infinite = np.zeros(len(features), bool)
    for name in set(catalogue.names) & set(features.column_names):
        infinite |= np.isinf(features.column(name).to_numpy())
    late = pc.greater(features.column("as_of"), pa.scalar(clock, TIME))
    return features.append_column(INFINITE, pa.array(infinite)).append_column(AFTER_CLOCK, late)


def rules(catalogue: Catalogue, leads: int) -> list[Rule]:
    """For a table made by `frame` of features of so many leads: identity, the catalogue's columns in full, and ranges
    that follow from the aggregation (a count is never negative, a share lies in 0..1)."""
    count = gxe.ExpectTableRowCountToBeBetween(min_value=leads, max_value=leads)
    columns = gxe.ExpectTableColumnsToMatchSet(column_set=["lead_id", "as_of", *catalogue.names], exact_match=False)
    unique = gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of"])
    return [
        rule("a_row_a_lead", count, "every lead of the log has a row"),
        rule("columns", columns, "the catalogue's features are there in full"),
        rule("lead_stated", gxe.ExpectColumnValuesToNotBeNull(column="lead_id"), "every row has a lead"),
        rule("one_row_a_lead", unique, "no lead has two rows at one moment"),
        rule("no_infinite", _never(INFINITE), "no feature is infinite"),
        rule("no_after_the_clock", _never(AFTER_CLOCK), "nothing is computed as of a moment after the tenant's clock"),
        *(_range(name, *bounds) for name, bounds in _bounds(catalogue)),
    ]


def _never(column: str) -> gxe.ExpectColumnValuesToBeInSet:
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[False])


def _bounds(catalogue: Catalogue) -> Sequence[tuple[str, tuple[float, float | None]]]:
    return [(one.name, BOUNDS[one.aggregation]) for one in catalogue.features if one.aggregation in BOUNDS]


def _range(name: str, low: float, high: float | None) -> Rule:
    words = f"lies in {low:g}..{high:g}" if high is not None else f"is not under {low:g}"
    bounds = gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
    return rule(f"range_{name}", bounds, f"the feature {words}, by its definition")
