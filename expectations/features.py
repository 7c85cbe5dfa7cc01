"""What must hold of computed feature rows."""

from collections.abc import Mapping, Sequence

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from lintel.features.catalogue import Catalogue
from lintel.features.feature import Aggregation

NAME = "features"
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


def expectations(catalogue: Catalogue) -> list[Expectation]:
    """For a frame with `lead_id`, `as_of` and one column a feature: identity, the catalogue's columns in full, and
    ranges that follow from the aggregation (a count is never negative, a share lies in 0..1)."""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(column_set=["lead_id", "as_of", *catalogue.names], exact_match=False),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of"]),
        *(_range(name, *bounds) for name, bounds in _bounds(catalogue)),
    ]


def _bounds(catalogue: Catalogue) -> Sequence[tuple[str, tuple[float, float | None]]]:
    return [(one.name, BOUNDS[one.aggregation]) for one in catalogue.features if one.aggregation in BOUNDS]


def _range(name: str, low: float, high: float | None) -> Expectation:
    return gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
