"""What assets that need a champion come to while a tenant has none."""

import dagster as dg

WAITS_FOR = "the approval of a first version"


def without_champion() -> dg.MaterializeResult:
    """The result where nothing was promoted yet: no fault, so that the night goes on. A champion whose files are gone
    is one, and raises."""
    return dg.MaterializeResult(metadata={"dagster/row_count": 0, "waits_for": WAITS_FOR})
