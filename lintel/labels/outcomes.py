"""The label kernel: what became of each decision point, and from when on that is known."""

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, NULL, EventColumns
from lintel.events.kinds import Actor, kinds
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.definition import LabelSet, Question, Timing
from lintel.labels.episodes import Episodes, Rows, find_episodes, first_after, mask_of
from lintel.labels.points import DecisionPoints, Origin

Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Status(IntEnum):
    """A label as it stands at the end of the log."""

    NOT_ASKED = -2
    CENSORED = -1
    """The horizon reaches beyond the log: not known, whatever has happened so far."""
    NO = 0
    YES = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Labels of p decision points for one dimension."""

    status: NDArray[np.int8]  # (p,) Status
    known_from: Int64  # (p,) UTC µs at which the label is known: the end of its horizon
    days: NDArray[np.float64] | None = None  # timing: (p,) days to the decision, NaN if not decided by the log's end
    cause: NDArray[np.int8] | None = None  # timing: (p,) 0 if not decided, else 1 + position in CAUSES
    censored_after: NDArray[np.float64] | None = None  # timing: (p,) days from the point to the end of the log
    amount: NDArray[np.float64] | None = None  # (p,) in the unit of the kind's value; NaN without a yes or a value

    @property
    def mature(self) -> Mask:
        return self.status >= Status.NO

    def take(self, rows: NDArray[np.intp]) -> "Outcome":
        """Labels of the points at `rows`, in that order."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: one[rows] for name, one in columns.items() if one is not None})

    def days_observed(self, as_of: Int64, until: int) -> NDArray[np.float64]:
        """Timing: (p,) days from each point to `until` (UTC µs), or to the end of its log if that came first: the logs
        of a pool end one by one, and after its end nothing that happened was seen."""
        days = (until - as_of) / MICROSECONDS_PER_DAY
        return days if self.censored_after is None else np.minimum(days, self.censored_after)

    def within(self, days: float) -> NDArray[np.int8]:
        """Timing: the status of "decided within `days`", for any number of them."""
        if self.days is None or self.censored_after is None:
            raise TypeError("only the outcome of timing has days")
        answer = np.where(self.days <= days, Status.YES, Status.NO)
        answer = np.where(self.censored_after < days, Status.CENSORED, answer)
        return np.where(self.status == Status.NOT_ASKED, Status.NOT_ASKED, answer).astype(np.int8)


def outcomes(columns: EventColumns, points: DecisionPoints, labels: LabelSet, *, log_end: int) -> dict[str, Outcome]:
    """Label every point for every dimension that the source defines.

    Only events with `known_at <= log_end` (UTC µs) count, each in the version then in force. Labels as they stood at
    the border of a training fold are those with `log_end` = border. A point outside its episode is not asked.
    """
    view = _View.of(columns, points, find_episodes(columns, labels.ends, log_end=log_end), log_end)
    return {
        name: _timing(view, entry) if isinstance(entry, Timing) else _question(view, entry)
        for name, entry in labels.defined.items()
    }


@dataclass(frozen=True, slots=True)
class _View:
    """The points beside the events of their episodes."""

    columns: EventColumns
    episodes: Episodes
    log_end: int
    origin: NDArray[np.int8]  # (p,)
    as_of: Int64  # (p,)
    episode: Rows  # (p,) position in `episodes`, 0 where `open` is False
    open: Mask  # (p,)
    closed_at: Int64  # (p,)

    @classmethod
    def of(cls, columns: EventColumns, points: DecisionPoints, episodes: Episodes, log_end: int) -> "_View":
        as_of = points.queries.as_of
        found = episodes.find(points.queries.lead, points.episode)
        if not len(episodes):
            none = np.zeros(len(points), np.bool_)
            return cls(columns, episodes, log_end, points.origin, as_of, found, none, np.full(len(points), NEVER))
        episode = np.maximum(found, 0)
        closed = episodes.closed_at[episode]
        is_open = (found >= 0) & (episodes.opened_at[episode] <= as_of) & (as_of < closed)
        return cls(columns, episodes, log_end, points.origin, as_of, episode, is_open, closed)

    def next_row(self, wanted: Mask, after: Int64) -> Rows:
        """(p,) the first row of the point's episode with `wanted` (by row of columns) after `after`; -1 if none."""
        if not len(self.episodes):
            return np.full(len(self.as_of), -1, np.intp)
        entry = np.flatnonzero(wanted[self.episodes.row])
        row = self.episodes.row[entry]
        bounds = np.searchsorted(entry, self.episodes.start)
        begin, end = bounds[self.episode], bounds[self.episode + 1]
        place = first_after(self.columns.occurred_at[row], begin, end, after)
        return np.where(place < end, np.append(row, -1)[place], -1)

    def next_time(self, wanted: Mask, after: Int64) -> Int64:
        """As `next_row`, the time; NEVER if none."""
        row = self.next_row(wanted, after)
        return np.where(row >= 0, np.append(self.columns.occurred_at, NEVER)[row], NEVER)

    def of_kinds(self, names: tuple[str, ...]) -> Mask:
        return mask_of(names)[self.columns.kind]


def _question(view: _View, question: Question) -> Outcome:
    asked, begin = _asked(view, question)
    end = begin + question.horizon
    row = view.next_row(_in_force(view, view.of_kinds(question.any_of)), begin)
    happened = (row >= 0) & (np.append(view.columns.occurred_at, NEVER)[row] <= end)
    yes = happened.copy()
    if question.silence_of is not None:
        yes |= (view.next_time(_acts(view, question.silence_of), begin) > end) & (view.closed_at > end)
    yes &= view.next_time(view.of_kinds(question.negated_by), begin) > end
    outcome = Outcome(_status(asked, yes, end <= view.log_end), end)
    if not question.amount:
        return outcome
    paid = np.where((outcome.status == Status.YES) & happened, row, -1)
    return replace(outcome, amount=_amount(view.columns, paid))


def _timing(view: _View, timing: Timing) -> Outcome:
    asked, begin = view.open & (view.origin != Origin.TOUCH), view.as_of
    deciding = tuple(kind for group in timing.causes for kind in group)
    row = view.next_row(view.of_kinds(deciding), begin)
    decided = asked & (row >= 0)
    code = np.zeros(len(mask_of(())), np.int8)
    for number, names in enumerate(timing.causes, start=1):
        code[mask_of(names)] = number
    time = np.append(view.columns.occurred_at, NEVER)[row]
    end = begin + timing.horizon
    return Outcome(
        status=_status(asked, time <= end, end <= view.log_end),
        known_from=end,
        days=np.where(decided, (time - begin) / MICROSECONDS_PER_DAY, np.nan),
        cause=np.where(decided, code[np.append(view.columns.kind, 0)[row]], 0).astype(np.int8),
        censored_after=(view.log_end - begin) / MICROSECONDS_PER_DAY,
    )


def _asked(view: _View, question: Question) -> tuple[Mask, Int64]:
    """Which points are asked, and where each window begins."""
    if question.touches:
        touch = view.next_time(view.of_kinds(question.touches), view.as_of)
        asked, begin = (view.origin == Origin.TOUCH) & (touch == view.as_of + 1), view.as_of + 1
    else:
        asked, begin = view.origin != Origin.TOUCH, view.as_of
    if question.asked_before:
        everything_before = np.full(len(begin), np.iinfo(np.int64).min)
        asked &= view.next_time(view.of_kinds(question.asked_before), everything_before) > view.as_of
    return view.open & asked, begin


def _acts(view: _View, who: tuple[str, ...] | Actor) -> Mask:
    return view.columns.actor == list(Actor).index(who) if isinstance(who, Actor) else view.of_kinds(who)


def _in_force(view: _View, wanted: Mask) -> Mask:
    """The version of each event that holds at the log's end."""
    return wanted & (view.columns.superseded_at > view.log_end)


def _status(asked: Mask, yes: Mask, mature: Mask) -> NDArray[np.int8]:
    answer = np.where(mature, yes.astype(np.int8), Status.CENSORED)
    return np.where(asked, answer, Status.NOT_ASKED).astype(np.int8)


def _amount(columns: EventColumns, row: Rows) -> NDArray[np.float64]:
    """The value of each row in its kind's unit; NaN for row -1 or a missing value."""
    scale = np.array([kind.value.scale if kind.value else 1 for kind in kinds().values()], np.float64)
    value = np.append(columns.value, NULL)[row]
    return np.where(value == NULL, np.nan, value / scale[np.append(columns.kind, 0)[row]])
