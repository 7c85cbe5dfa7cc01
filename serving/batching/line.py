"""All rows that wait: a lane a class for fresh rows, one for those that aged into it."""

from collections.abc import Callable, Hashable, Iterator
from math import inf
from typing import NamedTuple

from serving.batching.agenda import Agenda
from serving.batching.item import Place, Row
from serving.batching.lane import Lane
from serving.batching.policy import BatchingPolicy
from serving.batching.turns import Turns
from serving.urgency import Urgency


class Head(NamedTuple):
    """The row whose turn it is, and the lane that it stands in."""

    lane: Lane
    row: Row


class _Level:
    """The rows that queue as one class."""

    def __init__(self, party_of: Callable[[Hashable], Hashable], ahead: float, aged_share: float) -> None:
        self.fresh, self.aged = Lane(party_of, ahead), Lane(party_of, ahead)
        self.turns = Turns(aged_share)

    def lane(self) -> Lane | None:
        """Whose turn it is."""
        if self.aged and (not self.fresh or self.turns.due):
            return self.aged
        return self.fresh if self.fresh else None


class Line:
    """Classes in order, the earliest deadline first within one, fair between parties, and nobody starves.

    A row that has waited longer than the ageing time of its class moves up one class; interactive rows, and those
    that moved up to them, then stand in the order of their waiting, whatever their deadlines. Aged rows get
    `aged_share` of the compute time while fresh ones of their level wait, and no more: else old bulk rows would
    crowd out interactive ones just when the worker is overloaded.

    Bound: under whatever load, an accepted row whose deadline allows heads a batch after at most the ageing times
    of its class and the more urgent ones above it but one (event: event's; bulk: bulk's and event's; interactive: its
    own), and then after the aged rows ahead of it have run at `aged_share` of the compute time.
    """

    def __init__(self, policy: BatchingPolicy, party_of: Callable[[Hashable], Hashable]) -> None:
        self._policy = policy
        self._more_urgent_at = [-inf] * len(Urgency)  # when a row more urgent than the class came last
        self._levels = [_Level(party_of, policy.quantum_seconds[each], policy.aged_share) for each in Urgency]
        self._ageing: Agenda[Row] = Agenda()

    def add(self, row: Row, now: float) -> None:
        """Queue a fresh row in its own class."""
        row.place, row.level, row.aged = Place.QUEUED, row.urgency, False
        self._levels[row.level].fresh.add(row, row.deadline)
        self._ageing.put(row, now + self._policy.ageing_seconds[row.level])
        for less in range(row.urgency + 1, len(Urgency)):
            self._more_urgent_at[less] = now

    def quantum(self, urgency: int, now: float) -> float:
        """Seconds that a batch of a class may take: longer while nothing more urgent comes."""
        policy = self._policy
        quiet = urgency > Urgency.INTERACTIVE and now - self._more_urgent_at[urgency] > policy.quiet_seconds
        own = policy.quantum_seconds[urgency]
        return max(own, policy.quiet_quantum_seconds) if quiet else own

    def drop(self, row: Row) -> None:
        self._lane(row).drop(row)
        self._ageing.drop(row)

    def renew(self, row: Row, now: float) -> None:
        """The row's class or deadline changed. One that has aged keeps its place, unless it is as urgent by itself."""
        if row.aged and row.level <= row.urgency:
            return
        self._lane(row).drop(row)
        if row.aged or row.level != row.urgency:
            self.add(row, now)
        else:
            self._lane(row).add(row, row.deadline)

    def promote(self, now: float) -> None:
        """Move up the rows that have waited for the ageing time of their class."""
        while self._ageing.first_due <= now:
            row = self._ageing.pop()
            self._lane(row).drop(row)
            row.level, row.aged = max(row.level - 1, 0), True
            self._levels[row.level].aged.add(row, now)
            if row.level > 0:
                self._ageing.put(row, now + self._policy.ageing_seconds[row.level])

    def head(self) -> Head | None:
        """The row that comes next."""
        for level in self._levels:
            lane = level.lane()
            row = lane.head() if lane is not None else None
            if lane is not None and row is not None:
                return Head(lane, row)
        return None

    def lanes(self) -> Iterator[Lane]:
        """The lanes in which rows wait, the most urgent first."""
        for level in self._levels:
            if level.fresh:
                yield level.fresh
            if level.aged:
                yield level.aged

    def taken(self, head: Head, rows: list[Row], seconds: float) -> None:
        """Rows popped from the lanes' queues go to compute, in a batch that `head` heads."""
        for row in rows:
            row.place = Place.COMPUTING
            self._ageing.drop(row)
        level = self._levels[head.row.level]
        if head.row.aged:
            level.turns.took(seconds)
        else:
            level.turns.stood_back(seconds)

    def _lane(self, row: Row) -> Lane:
        level = self._levels[row.level]
        return level.aged if row.aged else level.fresh
