"""One feature as data: what it is, over which events and window, in which unit, and what its absence means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lintel.features.selectors import Selector


class Aggregation(StrEnum):
    """How events become a number. A = `kinds`, B = `against`; each over the window that ends at the as-of time."""

    COUNT = "count"  # number of A
    SUM = "sum"  # of the measure over A
    MEAN = "mean"
    DEVIATION = "deviation"  # standard deviation (population) of whole seconds, of at least two
    MIN = "min"
    MAX = "max"
    FIRST = "first"  # the measure of the first A
    LAST = "last"  # the measure of the last A
    EQUALS = "equals"  # 1 if the measure of the last A is `level`, else 0
    RECENCY = "recency"  # days since the last A
    TENURE = "tenure"  # days since the first A
    UNTIL = "until"  # days from the as-of time to the instant that the last A's measure holds; negative if past
    DISTINCT = "distinct"  # number of different values of the measure
    DISTINCT_DAYS = "distinct_days"  # number of local days with an A
    TREND = "trend"  # A a day in the window less A a day in the longer baseline
    SHARE = "share"  # number of A divided by number of B, of which A is a part
    PER = "per"  # number of A divided by number of B, other events
    RATIO = "ratio"  # measure of the last A divided by measure of the last B
    ELAPSED = "elapsed"  # days from the first A to the first B
    COUNT_SINCE = "count_since"  # number of A since the last B
    PENDING = "pending"  # days since the first A that no B followed
    EXCESS = "excess"  # number of A less number of B, at least 0
    IS_LAST = "is_last"  # 1 if the last event of B is one of A, else 0
    CLOCK = "clock"  # the measure of the as-of time itself
    SEASON = "season"  # the measure of the local date of the as-of time
    CONTEXT_LEVEL = "context_level"  # the newest value of the market metric that the measure names
    CONTEXT_CHANGE = "context_change"  # that less the value of the same series at the beginning of the window
    CONTEXT_GROWTH = "context_growth"  # the same change divided by the value at the beginning of the window


class Unit(StrEnum):
    """Unit of the number and, with it, how it is shown to people."""

    COUNT = "count"
    RATE = "events a day"
    MINUTES = "minutes"
    DAYS = "days"
    CURRENCY = "currency"
    SHARE = "share"
    HOUR = "hour"
    FLAG = "flag"
    STAGE = "stage"
    NUMBER = "number"
    PERCENT = "percent"
    POINTS = "percentage points"


_ZERO = "0: none happened"
_ABSENT = "absent = NaN: never happened"
_NO_SERIES = "absent = NaN: no market series, or none that goes back so far"
_MISSING: Mapping[Aggregation, str] = {
    Aggregation.COUNT: _ZERO,
    Aggregation.SUM: _ZERO,
    Aggregation.DISTINCT: _ZERO,
    Aggregation.DISTINCT_DAYS: _ZERO,
    Aggregation.TREND: _ZERO,
    Aggregation.COUNT_SINCE: _ZERO,
    Aggregation.EXCESS: _ZERO,
    Aggregation.IS_LAST: _ZERO,
    Aggregation.EQUALS: _ZERO,
    Aggregation.SHARE: "absent = NaN: nothing to divide by",
    Aggregation.PER: "absent = NaN: nothing to divide by",
    Aggregation.RATIO: "absent = NaN: one of the two never happened",
    Aggregation.ELAPSED: "absent = NaN: one of the two never happened",
    Aggregation.PENDING: "absent = NaN: nothing is pending",
    Aggregation.DEVIATION: "absent = NaN: fewer than two",
    Aggregation.CLOCK: "never absent",
    Aggregation.SEASON: "never absent",
    Aggregation.CONTEXT_LEVEL: _NO_SERIES,
    Aggregation.CONTEXT_CHANGE: _NO_SERIES,
    Aggregation.CONTEXT_GROWTH: _NO_SERIES,
}
OF_CONTEXT = frozenset({Aggregation.CONTEXT_LEVEL, Aggregation.CONTEXT_CHANGE, Aggregation.CONTEXT_GROWTH})
"""Of the market, whoever the lead is: they read no events."""
OF_TIME = frozenset({Aggregation.CLOCK, Aggregation.SEASON})
"""Of the as-of time alone."""
NEEDS_MEASURE = frozenset(
    {
        Aggregation.SUM,
        Aggregation.MEAN,
        Aggregation.DEVIATION,
        Aggregation.MIN,
        Aggregation.MAX,
        Aggregation.FIRST,
        Aggregation.LAST,
        Aggregation.EQUALS,
        Aggregation.UNTIL,
        Aggregation.DISTINCT,
        Aggregation.RATIO,
        *OF_TIME,
        *OF_CONTEXT,
    }
)
NEEDS_AGAINST = frozenset(
    {
        Aggregation.SHARE,
        Aggregation.PER,
        Aggregation.RATIO,
        Aggregation.ELAPSED,
        Aggregation.COUNT_SINCE,
        Aggregation.PENDING,
        Aggregation.EXCESS,
        Aggregation.IS_LAST,
    }
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature. `label` is how a person reads it ("listings seen in the last 30 days"); `monotone` gives, by
    dimension, the direction in which the score may move with it, where one is known."""

    name: str
    aggregation: Aggregation
    kinds: Selector
    unit: Unit
    meaning: str
    label: str
    measure: str | None = None
    window_days: int | None = None
    against: Selector = ()
    against_measure: str | None = None
    baseline_days: int | None = None
    level: int | None = None
    monotone: Mapping[str, int] | None = None

    def __hash__(self) -> int:
        """Of the name alone: no two features of a catalogue share it, and whole catalogues are looked up by."""
        return hash(self.name)

    @property
    def missing(self) -> str:
        """What the value is when there is nothing to compute it from."""
        return _MISSING.get(self.aggregation, _ABSENT)

    @property
    def definition(self) -> dict[str, object]:
        """What determines the number, and nothing else: wording may change without a new version."""
        return {
            "name": self.name,
            "aggregation": self.aggregation.value,
            "kinds": self.kinds,
            "unit": self.unit.value,
            "measure": self.measure,
            "window_days": self.window_days,
            "against": self.against,
            "against_measure": self.against_measure,
            "baseline_days": self.baseline_days,
            "level": self.level,
        }
