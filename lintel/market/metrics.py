"""The market metrics that Lintel knows: what each means, in which unit, and how long one number speaks."""

from collections.abc import Mapping
from dataclasses import dataclass

NATIONAL = "national"
"""The area of a whole country's series; what a tenant without a series of its own area falls back to."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. An observation speaks for `reach_days` from its date on; a change of it raises KERNEL_VERSION."""

    name: str
    meaning: str
    unit: str
    highest: float  # values lie in 0..highest; a unit that was mixed up lies outside
    reach_days: int


_METRICS: tuple[Metric, ...] = (
    # a weekly survey: two months without one mean that nobody loads it any more
    Metric("mortgage_rate", "average rate of a 30-year fixed mortgage", "percent", 30.0, 60),
    # monthly, and on FRED dated to the first of the month and published weeks after its end
    Metric("inventory", "homes for sale", "homes", 1e8, 180),
    Metric("new_listings", "homes newly listed in a month", "homes", 1e8, 180),
    Metric("home_value_index", "index of the value of a typical home", "currency or index points", 1e9, 180),
    # quarterly on FRED, dated to the first day of the quarter
    Metric("median_price", "median price of homes sold", "currency", 1e9, 300),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}
METRIC_CODES: Mapping[str, int] = {metric.name: code for code, metric in enumerate(_METRICS)}
"""Position of each metric in METRICS: what `ContextColumns.metric` holds. Never stored."""
