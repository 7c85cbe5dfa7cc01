"""The features by their meaning: one query, one feature, plain lists and loops. Slow and, so it is hoped, obvious."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import pstdev
from zoneinfo import ZoneInfo

from lintel.events.columns import NULL, NULL_SIGNAL, EventColumns
from lintel.events.kinds import kinds
from lintel.events.schema import SIGNALS
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import WAITS
from lintel.market.metrics import METRICS

DAY = 86_400_000_000
NAN = float("nan")


@dataclass(frozen=True)
class Event:
    lead: int
    occurred_at: int
    known_at: int
    superseded_at: int
    due_at: int | None
    kind: str
    channel: int | None
    object_id: int | None
    episode_id: int | None
    value: float | None
    attributes: tuple[float | None, ...]
    signals: dict[str, float | None]


def events_of(columns: EventColumns) -> list[Event]:
    names = list(kinds())
    events = []
    for i in range(len(columns)):
        kind = kinds()[names[columns.kind[i]]]
        scales = [measure.scale for measure in kind.attributes] + [1, 1, 1]
        attributes = [_number(columns.attributes[j, i], scales[j]) for j in range(3)]
        signals = {
            name: None if columns.signals[j, i] == NULL_SIGNAL else columns.signals[j, i] / 100
            for j, name in enumerate(SIGNALS)
        }
        events.append(
            Event(
                int(columns.lead[i]),
                int(columns.occurred_at[i]),
                int(columns.known_at[i]),
                int(columns.superseded_at[i]),
                None if columns.due_at[i] == NULL else int(columns.due_at[i]),
                kind.name,
                None if columns.channel[i] == -1 else int(columns.channel[i]),
                int(columns.object_id[i]) or None,
                int(columns.episode_id[i]) or None,
                _number(columns.value[i], kind.value.scale if kind.value else 1),
                tuple(attributes),
                signals,
            )
        )
    return events


def _number(value: int, scale: int) -> float | None:
    return None if value == NULL else int(value) / scale


@dataclass(frozen=True)
class Vintage:
    """One publication of one observation of a market series."""

    metric: str
    national: bool
    observed_at: int
    published_at: int
    value: float


def feature_value(
    feature: Feature, log: list[Event], lead: int, as_of: int, zone: str, *, market: Sequence[Vintage] = ()
) -> float:
    """The value of one feature for one lead at one time, from the whole log in its order."""
    if feature.measure in METRICS:
        return _of_market(feature, market, as_of)
    seen = [
        event
        for event in log
        if event.lead == lead and event.occurred_at <= as_of and event.known_at <= as_of < event.superseded_at
    ]
    if feature.aggregation is Aggregation.CLOCK:
        return _rhythm(feature.measure, as_of, zone)
    if feature.aggregation is Aggregation.SEASON:
        angle = 2 * math.pi * (_local(as_of, zone).timetuple().tm_yday - 1) / 365.25
        return {"season_sine": math.sin, "season_cosine": math.cos}[feature.measure](angle)
    return _RULES[feature.aggregation](_Case(feature, seen, as_of, zone))


def _of_market(feature: Feature, market: Sequence[Vintage], as_of: int) -> float:
    """Of the tenant's own area if it said anything that still speaks, else of the country."""
    reach = METRICS[feature.measure].reach_days * DAY
    for national in (False, True):
        seen = [
            one
            for one in market
            if (one.metric, one.national) == (feature.measure, national)
            and one.observed_at <= as_of
            and one.published_at <= as_of
        ]
        newest = _newest(seen, as_of, reach)
        if newest is None:
            continue
        if feature.aggregation is Aggregation.CONTEXT_LEVEL:
            return newest.value
        earlier = _newest(seen, newest.observed_at - feature.window_days * DAY, reach)
        if earlier is None or (feature.aggregation is Aggregation.CONTEXT_GROWTH and not earlier.value):
            return NAN
        change = newest.value - earlier.value
        return change if feature.aggregation is Aggregation.CONTEXT_CHANGE else change / earlier.value
    return NAN


def _newest(seen: list[Vintage], limit: int, reach: int) -> Vintage | None:
    """The newest vintage of the newest observation up to `limit`, if that still speaks at `limit`."""
    up_to = [one for one in seen if one.observed_at <= limit]
    newest = max(up_to, key=lambda one: (one.observed_at, one.published_at), default=None)
    return newest if newest is not None and limit - newest.observed_at < reach else None


@dataclass(frozen=True)
class _Case:
    feature: Feature
    seen: list[Event]
    as_of: int
    zone: str

    def selected(self, selected: tuple[str, ...], days: int | None) -> list[Event]:
        return [
            event
            for event in self.seen
            if event.kind in selected and (days is None or event.occurred_at > self.as_of - days * DAY)
        ]

    def carrying(self, selected: tuple[str, ...], measure: str | None, days: int | None) -> list[Event]:
        return [
            e
            for e in self.selected(selected, days)
            if measure is None or self.measured(e, measure, selected) is not None
        ]

    @property
    def a(self) -> list[Event]:
        return self.carrying(self.feature.kinds, self.feature.measure, self.feature.window_days)

    @property
    def b(self) -> list[Event]:
        return self.carrying(self.feature.against, self.feature.against_measure, self.feature.window_days)

    @property
    def values(self) -> list[float]:
        return [self.in_unit(event, self.feature.measure, self.feature.kinds) for event in self.a]

    def in_unit(self, event: Event, measure: str, selected: tuple[str, ...]) -> float:
        value = self.measured(event, measure, selected)
        if measure in {"gap", "waited"}:
            value /= {Unit.DAYS: DAY, Unit.HOUR: 3_600_000_000, Unit.MINUTES: 60_000_000}[self.feature.unit]
        return value

    def measured(self, event: Event, measure: str, selected: tuple[str, ...]) -> float | None:
        """The measure of an event; durations in µs."""
        carried = {
            "value": event.value,
            **{f"attribute_{i + 1}": attribute for i, attribute in enumerate(event.attributes)},
            **event.signals,
            "object": event.object_id,
            "episode": event.episode_id,
            "channel": event.channel,
            "due_at": event.due_at,
        }
        if measure in carried:
            return carried[measure]
        if measure == "gap":
            return _gap(self.seen, event, selected)
        if measure == "waited":
            return _waited(self.seen, event)
        return _rhythm(measure, event.occurred_at, self.zone)

    def days_ago(self, event: Event) -> float:
        return (self.as_of - event.occurred_at) / DAY

    def after(self, events: list[Event], marker: list[Event]) -> list[Event]:
        """Those of `events` that come after the last of `marker` in the log."""
        border = max((_place(self.seen, event) for event in marker), default=-1)
        return [event for event in events if _place(self.seen, event) > border]


def _place(seen: list[Event], event: Event) -> int:
    """Position by identity: two events may be equal in every field."""
    return next(i for i, other in enumerate(seen) if other is event)


def _gap(seen: list[Event], event: Event, selected: tuple[str, ...]) -> int | None:
    earlier = [other for other in seen[: _place(seen, event)] if other.kind in selected]
    return event.occurred_at - earlier[-1].occurred_at if earlier else None


def _waited(seen: list[Event], event: Event) -> int | None:
    for asked, answering in WAITS:
        if event.kind not in answering:
            continue
        pending: list[Event] = []
        for other in seen[: _place(seen, event)]:
            if other.kind in answering:
                pending = []
            elif other.kind in asked:
                pending.append(other)
        return event.occurred_at - pending[0].occurred_at if pending else None
    return None


def _local(instant: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))


def _rhythm(measure: str, instant: int, zone: str) -> float:
    local = _local(instant, zone)
    hour = local.hour + local.minute / 60
    return float(
        {
            "hour": hour,
            "hour_sine": math.sin(2 * math.pi * hour / 24),
            "hour_cosine": math.cos(2 * math.pi * hour / 24),
            "weekday": local.weekday(),
            "weekend": local.weekday() >= 5,
            "night": local.hour < 6,
            "morning": 6 <= local.hour < 12,
            "afternoon": 12 <= local.hour < 18,
            "evening": local.hour >= 18,
            "office_hours": local.weekday() < 5 and 9 <= local.hour < 17,
        }[measure]
    )


def _deviation(case: _Case) -> float:
    seconds = [(case.measured(e, case.feature.measure, case.feature.kinds) + 500_000) // 1_000_000 for e in case.a]
    scale = {Unit.DAYS: 86_400, Unit.MINUTES: 60}[case.feature.unit]
    return pstdev(seconds) / scale if len(seconds) > 1 else NAN


def _trend(case: _Case) -> float:
    feature = case.feature
    recent = len(case.selected(feature.kinds, feature.window_days)) / feature.window_days
    return recent - len(case.selected(feature.kinds, feature.baseline_days)) / feature.baseline_days


def _ratio(case: _Case) -> float:
    feature = case.feature
    if not case.a or not case.b:
        return NAN
    below = case.in_unit(case.b[-1], feature.against_measure, feature.against)
    return case.values[-1] / below if below else NAN


def _pending(case: _Case) -> float:
    open_ones = case.after(case.a, case.b)
    return case.days_ago(open_ones[0]) if open_ones else NAN


def _local_days(case: _Case) -> float:
    return float(len({_local(event.occurred_at, case.zone).date() for event in case.a}))


_RULES: dict[Aggregation, Callable[[_Case], float]] = {
    Aggregation.COUNT: lambda case: len(case.a),
    Aggregation.SUM: lambda case: sum(case.values),
    Aggregation.MEAN: lambda case: sum(case.values) / len(case.values) if case.values else NAN,
    Aggregation.DEVIATION: _deviation,
    Aggregation.MIN: lambda case: min(case.values, default=NAN),
    Aggregation.MAX: lambda case: max(case.values, default=NAN),
    Aggregation.FIRST: lambda case: case.values[0] if case.values else NAN,
    Aggregation.LAST: lambda case: case.values[-1] if case.values else NAN,
    Aggregation.EQUALS: lambda case: bool(case.values) and case.values[-1] == case.feature.level,
    Aggregation.RECENCY: lambda case: case.days_ago(case.a[-1]) if case.a else NAN,
    Aggregation.TENURE: lambda case: case.days_ago(case.a[0]) if case.a else NAN,
    Aggregation.UNTIL: lambda case: (case.values[-1] - case.as_of) / DAY if case.values else NAN,
    Aggregation.DISTINCT: lambda case: len(set(case.values)),
    Aggregation.DISTINCT_DAYS: _local_days,
    Aggregation.TREND: _trend,
    Aggregation.SHARE: lambda case: len(case.a) / len(case.b) if case.b else NAN,
    Aggregation.PER: lambda case: len(case.a) / len(case.b) if case.b else NAN,
    Aggregation.RATIO: _ratio,
    Aggregation.ELAPSED: lambda case: (
        (case.b[0].occurred_at - case.a[0].occurred_at) / DAY if case.a and case.b else NAN
    ),
    Aggregation.COUNT_SINCE: lambda case: len(case.after(case.a, case.b)),
    Aggregation.PENDING: _pending,
    Aggregation.EXCESS: lambda case: max(len(case.a) - len(case.b), 0),
    Aggregation.IS_LAST: lambda case: bool(case.b) and case.b[-1].kind in case.feature.kinds,
}
