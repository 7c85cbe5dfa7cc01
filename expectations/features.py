"""What must hold of computed feature rows."""

from collections.abc import Sequence

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from lintel.features.catalogue import Catalogue

NAME = "features"


def expectations(catalogue: Catalogue) -> list[Expectation]:
    """For a frame with `lead_id`, `as_of` and one column a feature: identity, the catalogue's columns in full, and
    ranges that follow from the aggregation (a count is never negative, a share lies in 0..1)."""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(column_set=["lead_id", "as_of", *catalogue.names], exact_match=False),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of"]),
        *(_range(name, *bounds) for name, bounds in _bounds(catalogue)),
    ]


def _bounds(catalogue: Catalogue) -> Sequence[tuple[str, tuple[float | None, float | None]]]:
    by_aggregation: dict[str, tuple[float | None, float | None]] = {
        "count": (0, None),
        "distinct_days": (0, None),
        "distinct_objects": (0, None),
        "recency": (0, None),
        "share": (0, 1),
    }
    return [
        (feature.name, by_aggregation[feature.aggregation])
        for feature in catalogue.features
        if feature.aggregation in by_aggregation
    ]


def _range(name: str, low: float | None, high: float | None) -> Expectation:
    return gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
