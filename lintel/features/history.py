"""The events of some leads, indexed by row (selector or series): which, how many so far, and their measures.

The members of all rows lie in one flat array, by row and then in the order of events. `rank` gives the flat position
that the next member of a row has at any position among the events. What a row has in a window is therefore a range of
flat positions, found by two look-ups, and a sum over it is a difference of prefix sums: int64, whose wrap-around
cancels in the difference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NULL, EventColumns
from lintel.events.timezones import MICROSECONDS_PER_DAY, UtcOffsets
from lintel.features.measures import fill_measures
from lintel.features.plan import Plan
from lintel.features.timeline import Timeline

Index = NDArray[np.intp]
Int64 = NDArray[np.int64]
Counts = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class History:
    """n events in R rows with M members; series come first, and only they have values."""

    time: Int64  # (n,)
    base: Int64  # (n,) the timeline's base of each event's lead
    rank: Counts  # (R * n + 1,) for row r and position p at r * n + p: members of earlier rows, and of r before p
    position: Index  # (M + 1,) of each member among the events; the last is a stop
    value: Int64  # (members of series + 1,)
    prefix: Int64  # (members of summed series + 1,) sum of the values before
    seconds_prefix: Int64  # (members of squared series + 1,) the same of values in whole seconds
    squares_prefix: Int64  # (members of squared series + 1,) and of their squares
    day_prefix: Counts  # (members of selectors + 1,) number of members before that began a new local day

    @property
    def first_selected(self) -> int:
        """Flat position of the first member of the first selector."""
        return len(self.value) - 1

    def members(self, row: int) -> slice:
        """The flat positions of one row."""
        count = len(self.time)
        return slice(int(self.rank[row * count]), int(self.rank[(row + 1) * count]))


def index_events(columns: EventColumns, timeline: Timeline, zone: UtcOffsets, plan: Plan) -> History:
    """Index `columns` (at least one event, sorted by lead and time) for the rows of `plan`."""
    count = len(columns)
    rank = np.zeros(plan.rows * count + 1, np.int32)
    taken = plan.membership.take(columns.kind, axis=1)
    selectors = _Members.of(taken, rank[plan.series * count :])
    links = _Links.of(selectors, columns)
    local = zone.local(columns.occurred_at)
    measures = np.full((plan.measure_rows, count), NULL, np.int64)
    fill_measures(measures, columns, local, plan.measures)
    links.fill_waits(measures[plan.waited_row], plan)
    links.fill_gaps(measures, plan)
    carried = taken[plan.series_selector] & (measures != NULL)[plan.series_measure]
    series = _Members.of(carried, rank[: plan.series * count + 1])
    rank[plan.series * count + 1 :] += len(series.row)
    value = _padded(measures.take(plan.series_measure[series.row] * count + series.position))
    seconds = (value[: series.offset[plan.squared]] + 500_000) // 1_000_000
    return History(
        time=columns.occurred_at,
        base=timeline.base(columns.lead),
        rank=rank,
        position=_padded(np.concatenate((series.position, selectors.position))),
        value=value,
        prefix=_running(value[: series.offset[plan.summed]]),
        seconds_prefix=_running(seconds),
        squares_prefix=_running(seconds * seconds),
        day_prefix=links.new_days(local // MICROSECONDS_PER_DAY),
    )


@dataclass(frozen=True, slots=True)
class _Members:
    """Members of some rows, flat: by row, then by position."""

    rank: Counts  # (rows * n + 1,)
    offset: Counts  # (rows + 1,) flat position of each row's first member
    row: Index  # (M,)
    position: Index  # (M,)

    @classmethod
    def of(cls, taken: NDArray[np.bool_], rank: Counts) -> "_Members":
        """Members of the rows of `taken` (rows, n); `rank`, which begins with 0, is written."""
        rows, count = taken.shape
        np.cumsum(taken.ravel(), out=rank[1:])
        offset = rank[::count].copy()
        row = np.repeat(np.arange(rows), offset[1:] - offset[:-1])
        return cls(rank, offset, row, np.flatnonzero(taken) - row * count)


@dataclass(frozen=True, slots=True)
class _Links:
    """Each member and its predecessor in the same row and lead."""

    members: _Members
    time: Int64  # (n,)
    before: Index  # (M,) position after the predecessor, or of the lead's first event if there is none
    follows: NDArray[np.bool_]  # (M,) whether there is a predecessor

    @classmethod
    def of(cls, members: _Members, columns: EventColumns) -> "_Links":
        start = _lead_start(columns.lead)[members.position]
        before = np.zeros_like(start)
        np.add(members.position[:-1], 1, out=before[1:])
        heads = members.offset[:-1]
        before[heads[heads < len(before)]] = 0
        return cls(members, columns.occurred_at, np.maximum(before, start), before > start)

    def fill_waits(self, out: Int64, plan: Plan) -> None:
        """Write the time from the first event that was waited on, after the previous answer, to each answer."""
        members = self.members
        asked = plan.waits_on[members.row]
        answers = np.flatnonzero(asked >= 0)
        asked, position = asked[answers], members.position[answers]
        cell = asked * len(self.time)
        first = members.rank[cell + self.before[answers]]
        found = first < members.rank[cell + position]
        position = position[found]
        out[position] = self.time[position] - self.time[members.position[first[found]]]

    def fill_gaps(self, measures: Int64, plan: Plan) -> None:
        """Write the time from the predecessor to each member of the rows that have a measure for it."""
        rows = plan.gap_row[self.members.row]
        later = np.flatnonzero((rows >= 0) & self.follows)
        position = self.members.position[later]
        measures[rows[later], position] = self.time[position] - self.time[self.before[later] - 1]

    def new_days(self, day: Int64) -> Counts:
        """Prefix counts of members on another local day than their predecessor's. A window adds one for its first
        member, whose own flag it leaves out."""
        fresh = day[self.members.position] != day[np.maximum(self.before - 1, 0)]
        prefix = np.zeros(len(fresh) + 1, np.int32)
        np.cumsum(fresh, out=prefix[1:])
        return prefix


def _lead_start(lead: NDArray[np.int32]) -> Index:
    """(n,) position of the first event of each event's lead."""
    starts = np.zeros(len(lead), np.intp)
    changed = np.flatnonzero(lead[1:] != lead[:-1]) + 1
    starts[changed] = changed
    return np.maximum.accumulate(starts)


def _running(values: Int64) -> Int64:
    prefix = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=prefix[1:])
    return prefix


def _padded(values: Int64) -> Int64:
    """One element more, so that the end of a range is a valid index."""
    return np.append(values, values.dtype.type(0))
