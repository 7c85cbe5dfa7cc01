"""Episodes, points and labels written the slow and obvious way: one lead, one event, one window at a time."""

from dataclasses import dataclass

import numpy as np

from lintel.events.columns import NEVER, NULL, EventColumns, Queries, sort_columns
from lintel.events.kinds import Actor, kind_codes, kinds
from lintel.events.schema import SIGNALS
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.definition import LabelSet, Question, Timing
from lintel.labels.nightly import nightly_ticks
from lintel.labels.points import DecisionPoints, Origin

DAY = MICROSECONDS_PER_DAY


@dataclass(frozen=True)
class Event:
    """One event; `late` is how long after it happened the source knew of it, `corrected` when its value changed."""

    lead: int
    time: int
    kind: str
    episode: int = 0
    late: int = 0
    actor: Actor | None = None
    value: int = NULL
    superseded: int = NEVER

    @property
    def known(self) -> int:
        return self.time + self.late

    @property
    def acted_by(self) -> Actor:
        return self.actor or kinds()[self.kind].actor


def columns_of(events: list[Event]) -> EventColumns:
    count = len(events)
    return sort_columns(
        EventColumns(
            lead=np.array([event.lead for event in events], np.int32),
            occurred_at=np.array([event.time for event in events], np.int64),
            known_at=np.array([event.known for event in events], np.int64),
            superseded_at=np.array([event.superseded for event in events], np.int64),
            due_at=np.full(count, NULL),
            kind=np.array([kind_codes()[event.kind] for event in events], np.int16),
            actor=np.array([list(Actor).index(event.acted_by) for event in events], np.int8),
            channel=np.full(count, -1, np.int8),
            object_id=np.zeros(count, np.int64),
            episode_id=np.array([event.episode for event in events], np.int64),
            value=np.array([event.value for event in events], np.int64),
            attributes=np.full((3, count), NULL),
            signals=np.full((len(SIGNALS), count), -128, np.int8),
        )
    )


@dataclass(frozen=True)
class Span:
    """An episode of one lead and the events in it."""

    id: int
    opened: int
    closed: int
    events: list[Event]

    def holds(self, time: int) -> bool:
        return self.opened <= time < self.closed


def spans(events: list[Event], labels: LabelSet, log_end: int) -> list[Span]:
    """The episodes of one lead's `events`, by opening."""
    known = sorted((event for event in events if event.known <= log_end), key=lambda event: event.time)
    owned = [event for event in known if event.episode]
    endings = [event.time for event in known if event.kind in labels.ends and not event.episode]
    bounds = []
    loose = bool(known) and (not owned or bool(endings and endings[0] < owned[0].time))
    if loose:
        bounds.append((known[0].time, 0, endings[0] if endings else NEVER))
    for identity in {event.episode for event in owned}:
        mine = [event.time for event in owned if event.episode == identity]
        opened = known[0].time if not loose and mine[0] == owned[0].time else mine[0]
        closings = [event.time for event in owned if event.episode == identity and event.kind in labels.ends]
        closings += [time for time in endings if time >= opened]
        bounds.append((opened, identity, min(closings, default=NEVER)))
    return [
        Span(
            identity,
            opened,
            closed,
            [event for event in known if event.episode in (0, identity) and opened <= event.time <= closed],
        )
        for opened, identity, closed in sorted(bounds)
    ]


def points(events: list[Event], labels: LabelSet, log_end: int, zone: str) -> list[tuple[int, int, int, int]]:
    """All (lead, time, origin, episode id), sorted by the first three."""
    found = set()
    for lead in {event.lead for event in events}:
        episodes = spans([event for event in events if event.lead == lead], labels, log_end)
        for span in episodes:
            for time, origin in _moments(span, labels, log_end, zone):
                asked = next((other for other in episodes if other.holds(time)), None)
                if asked is span and time >= min(event.known for event in span.events):
                    found.add((lead, time, int(origin), span.id))
    return sorted(found)


def _moments(span: Span, labels: LabelSet, log_end: int, zone: str) -> list[tuple[int, Origin]]:
    times = {event.known for event in span.events}
    settled = [time for time in times if not any(time < other <= time + labels.settle for other in times)]
    nights = nightly_ticks(span.opened, min(span.closed, log_end), zone).tolist()
    touches = [event.time - 1 for event in span.events if event.kind in labels.touches]
    return (
        [(time, Origin.EVENT) for time in settled]
        + [(time, Origin.TICK) for time in nights]
        + [(time, Origin.TOUCH) for time in touches]
    )


@dataclass(frozen=True)
class Label:
    status: int
    known_from: int
    days: float | None = None
    cause: int = 0
    amount: float | None = None


def label(
    events: list[Event], dimension: Question | Timing, labels: LabelSet, point: tuple[int, int, int, int], log_end: int
) -> Label:
    """The label of one point (lead, time, origin, episode id)."""
    lead, time, origin, identity = point
    touched = isinstance(dimension, Question) and bool(dimension.touches)
    begin = time + 1 if touched else time
    end = begin + dimension.horizon
    mine = spans([event for event in events if event.lead == lead], labels, log_end)
    span = next((span for span in mine if span.id == identity and span.holds(time)), None)
    if span is None or touched != (origin == Origin.TOUCH):
        return Label(-2, end)
    if isinstance(dimension, Timing):
        return _timing(span, dimension, time, log_end)
    if not _asked(span, dimension, time):
        return Label(-2, end)
    if end > log_end:
        return Label(-1, end)
    return _answer(span, dimension, begin, end, log_end)


def _asked(span: Span, question: Question, time: int) -> bool:
    if question.touches and not any(e.time == time + 1 and e.kind in question.touches for e in span.events):
        return False
    return not any(event.time <= time and event.kind in question.asked_before for event in span.events)


def _answer(span: Span, question: Question, begin: int, end: int, log_end: int) -> Label:
    window = [event for event in span.events if begin < event.time <= end]
    if any(event.kind in question.negated_by for event in window):
        return Label(0, end)
    current = [event for event in window if event.kind in question.any_of and event.superseded > log_end]
    if current:
        return Label(1, end, amount=_amount(current) if question.amount else None)
    silent = question.silence_of is not None and span.closed > end and not any(_acts(e, question) for e in window)
    return Label(int(silent), end)


def _acts(event: Event, question: Question) -> bool:
    if isinstance(question.silence_of, Actor):
        return event.acted_by is question.silence_of
    return event.kind in (question.silence_of or ())


def _amount(events: list[Event]) -> float | None:
    first = min(events, key=lambda event: event.time)
    measure = kinds()[first.kind].value
    return None if first.value == NULL or measure is None else first.value / measure.scale


def _timing(span: Span, timing: Timing, time: int, log_end: int) -> Label:
    end = time + timing.horizon
    causes = {kind: number for number, group in enumerate(timing.causes, start=1) for kind in group}
    decided = sorted((event.time, event.kind) for event in span.events if event.time > time and event.kind in causes)
    days = (decided[0][0] - time) / DAY if decided else None
    cause = causes[decided[0][1]] if decided else 0
    if end > log_end:
        return Label(-1, end, days, cause)
    return Label(int(days is not None and decided[0][0] <= end), end, days, cause)


def points_at(rows: list[tuple[int, int, int, int]]) -> DecisionPoints:
    """(lead, time, origin, episode id), sorted, as DecisionPoints of weight 1."""
    lead, time, origin, episode = (
        (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else [np.zeros(0, np.int64)] * 4
    )
    return DecisionPoints(Queries(lead.astype(np.int32), time), origin.astype(np.int8), np.ones(len(lead)), episode)
