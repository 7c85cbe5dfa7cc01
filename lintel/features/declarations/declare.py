"""Short ways to declare features: a stem, the events, the words, and one feature a window."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import Selector

Monotone = Mapping[str, int]
Windows = tuple[int | None, ...]
"""Days; None is all time."""


def suffix(days: int | None) -> str:
    return "all" if days is None else f"{days}d"


def within(days: int | None) -> str:
    """The window in words."""
    if days is None:
        return "so far"
    return "in the last day" if days == 1 else f"in the last {days} days"


def counts(
    stem: str, events: Selector, words: str, windows: Windows, monotone: Monotone | None = None
) -> Iterator[Feature]:
    for days in windows:
        yield Feature(
            f"{stem}_count_{suffix(days)}",
            Aggregation.COUNT,
            events,
            Unit.COUNT,
            f"number of {words} {within(days)}",
            f"{words} {within(days)}",
            window_days=days,
            monotone=monotone,
        )


def distinct_days(stem: str, events: Selector, words: str, windows: Windows) -> Iterator[Feature]:
    for days in windows:
        yield Feature(
            f"{stem}_days_{suffix(days)}",
            Aggregation.DISTINCT_DAYS,
            events,
            Unit.COUNT,
            f"number of local calendar days with {words} {within(days)}",
            f"days with {words} {within(days)}",
            window_days=days,
        )


def recency(stem: str, events: Selector, words: str, monotone: Monotone | None = None) -> Feature:
    return Feature(
        f"{stem}_recency",
        Aggregation.RECENCY,
        events,
        Unit.DAYS,
        f"days since the last {words}",
        f"time since the last {words}",
        monotone=monotone,
    )


def tenure(stem: str, events: Selector, words: str) -> Feature:
    return Feature(
        f"{stem}_tenure",
        Aggregation.TENURE,
        events,
        Unit.DAYS,
        f"days since the first {words}",
        f"time since the first {words}",
    )


_STATISTICS: Mapping[Aggregation, tuple[str, str]] = {
    Aggregation.SUM: ("sum", "total"),
    Aggregation.MEAN: ("mean", "average"),
    Aggregation.DEVIATION: ("deviation", "standard deviation of the"),
    Aggregation.MIN: ("min", "smallest"),
    Aggregation.MAX: ("max", "largest"),
    Aggregation.FIRST: ("first", "first"),
    Aggregation.LAST: ("last", "last"),
}


class Quantity(NamedTuple):
    """What is measured: the features' stem, the events that carry it, the measure, its unit, and it in words."""

    stem: str
    events: Selector
    measure: str
    unit: Unit
    words: str


def statistics(
    quantity: Quantity,
    aggregations: tuple[Aggregation, ...],
    *,
    windows: Windows = (None,),
    monotone: Monotone | None = None,
) -> Iterator[Feature]:
    """One feature an aggregation and window of one quantity."""
    for aggregation in aggregations:
        short, spoken = _STATISTICS[aggregation]
        for days in windows:
            yield Feature(
                f"{quantity.stem}_{short}" if days is None else f"{quantity.stem}_{short}_{suffix(days)}",
                aggregation,
                quantity.events,
                quantity.unit,
                f"{spoken} {quantity.words} {within(days)}",
                f"{spoken} {quantity.words}" if days is None else f"{spoken} {quantity.words} {within(days)}",
                measure=quantity.measure,
                window_days=days,
                monotone=monotone,
            )


def trend(stem: str, events: Selector, words: str, days: int, baseline_days: int) -> Feature:
    return Feature(
        f"{stem}_trend_{days}d_{baseline_days}d",
        Aggregation.TREND,
        events,
        Unit.RATE,
        f"{words} a day over {days} days less {words} a day over {baseline_days} days",
        f"rise of {words} ({days} against {baseline_days} days)",
        window_days=days,
        baseline_days=baseline_days,
    )


def per(name: str, events: Selector, each: Selector, words: str) -> Feature:
    return Feature(name, Aggregation.PER, events, Unit.NUMBER, f"{words}, so far", words, against=each)


def elapsed(name: str, start: Selector, end: Selector, words: str) -> Feature:
    return Feature(name, Aggregation.ELAPSED, start, Unit.DAYS, f"days {words}", f"time {words}", against=end)


def is_last(stem: str, events: Selector, among: Selector, words: str) -> Feature:
    return Feature(
        f"last_is_{stem}",
        Aggregation.IS_LAST,
        events,
        Unit.FLAG,
        f"1 if the last event was {words}, else 0",
        f"the last event was {words}",
        against=among,
    )


def excess(name: str, events: Selector, ended_by: Selector, words: str) -> Feature:
    return Feature(name, Aggregation.EXCESS, events, Unit.COUNT, f"number of {words}", words, against=ended_by)
