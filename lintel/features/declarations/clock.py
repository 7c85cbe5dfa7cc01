"""Hours and weekdays: of the as-of time, of the lead's own rhythm, of entry and of what happened last."""

from collections.abc import Iterator

from lintel.features.declarations.declare import Quantity, statistics
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANY, BY_LEAD, ENTRY, Selector

_SINE = "sine of the local hour as an angle"
_COSINE = "cosine of the local hour as an angle"


def clock_features() -> Iterator[Feature]:
    yield from _now()
    yield from _rhythm("lead_act", BY_LEAD, "actions of the lead")
    yield from _rhythm("event", ANY, "events")
    last, first = (Aggregation.LAST,), (Aggregation.FIRST,)
    yield from statistics(Quantity("event_hour", ANY, "hour", Unit.HOUR, "local hour of an event"), last)
    yield from statistics(
        Quantity("event_weekday", ANY, "weekday", Unit.NUMBER, "weekday (Monday 0) of an event"), last
    )
    yield from statistics(
        Quantity("lead_act_hour", BY_LEAD, "hour", Unit.HOUR, "local hour of an action of the lead"), last
    )
    yield from statistics(Quantity("entry_hour", ENTRY, "hour", Unit.HOUR, "local hour of entry"), first)
    yield from statistics(
        Quantity("entry_weekday", ENTRY, "weekday", Unit.NUMBER, "weekday (Monday 0) of entry"), first
    )


def _now() -> Iterator[Feature]:
    for name, measure, unit, words in (
        ("now_hour", "hour", Unit.HOUR, "local hour of the as-of time"),
        ("now_hour_sine", "hour_sine", Unit.NUMBER, f"{_SINE}, at the as-of time"),
        ("now_hour_cosine", "hour_cosine", Unit.NUMBER, f"{_COSINE}, at the as-of time"),
        ("now_weekday", "weekday", Unit.NUMBER, "weekday (Monday 0) of the as-of time"),
        ("now_office_hours", "office_hours", Unit.FLAG, "1 if the as-of time is Monday to Friday, 9:00 to 17:00 local"),
    ):
        yield Feature(name, Aggregation.CLOCK, (), unit, words, words, measure=measure)
    for measure, words in (("season_sine", "sine"), ("season_cosine", "cosine")):
        told = f"{words} of the local day of the year as an angle, at the as-of time"
        yield Feature(f"now_{measure}", Aggregation.SEASON, (), Unit.NUMBER, told, told, measure=measure)


def _rhythm(stem: str, events: Selector, words: str) -> Iterator[Feature]:
    yield _mean(f"{stem}_hour_sine", events, "hour_sine", f"average {_SINE}, of {words}")
    yield _mean(f"{stem}_hour_cosine", events, "hour_cosine", f"average {_COSINE}, of {words}")
    yield _share(f"{stem}_evening_share", events, "evening", f"share of {words} at 18:00-24:00 local")
    yield _share(f"{stem}_weekend_share", events, "weekend", f"share of {words} at week-ends")
    yield _share(f"{stem}_office_hours_share", events, "office_hours", f"share of {words} in office hours")


def _mean(name: str, events: Selector, measure: str, words: str) -> Feature:
    return Feature(name, Aggregation.MEAN, events, Unit.NUMBER, words, words, measure=measure)


def _share(name: str, events: Selector, measure: str, words: str) -> Feature:
    return Feature(name, Aggregation.MEAN, events, Unit.SHARE, words, words, measure=measure)
