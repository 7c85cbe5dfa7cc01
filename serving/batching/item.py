"""An item is one row that somebody waits for; a row is computed once for all items that ask the same."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Any, Self

from serving.urgency import Urgency


class State(Enum):
    """What became of an item. Every state but WAITING is final."""

    WAITING = "waiting"
    """In the queue or in compute: not answered yet."""
    ANSWERED = "answered"
    FAILED = "failed"
    """Its computation raised, or returned an exception for it."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SHUT = "shut"
    """The worker stopped before it was computed."""


@dataclass(slots=True, eq=False)
class Item:
    """One row that one caller waits for.

    Parameters
    ----------
    key: rows of equal keys may share a batch. payload: what is computed, opaque here.
    deadline: seconds on the scheduler's clock; nobody wants the answer after it.
    flight: items of one key with equal flights (not None) share one computation; it must name the versions of all
        that the answer depends on, so that equal flights have equal answers.
    accepted_at: set when the item is accepted. outcome: result or exception, once the state is final.
    """

    key: Hashable
    payload: Any
    urgency: Urgency
    deadline: float = inf
    flight: Hashable | None = None
    accepted_at: float = inf
    state: State = State.WAITING
    outcome: Any = None
    row: "Row | None" = None


class Place(Enum):
    """Where a row is."""

    QUEUED = "queued"
    COMPUTING = "computing"
    SUSPECT = "suspect"
    """In a batch that failed, to be computed again in a smaller one."""
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Row:
    """One computation and the items that wait for it; as urgent as the most urgent, as soon as the earliest.

    `level` is the class that it queues in, more urgent than its own once it has aged. `flight` includes the key.
    """

    key: Hashable
    payload: Any
    urgency: Urgency
    deadline: float
    accepted_at: float
    waiters: dict[Item, None]
    flight: Hashable | None = None
    place: Place = Place.QUEUED
    level: int = 0
    aged: bool = False

    @classmethod
    def of(cls, item: Item) -> Self:
        flight = None if item.flight is None else (item.key, item.flight)
        return cls(item.key, item.payload, item.urgency, item.deadline, item.accepted_at, {item: None}, flight)

    def renew(self) -> bool:
        """Take class and deadline from the items that still wait; whether either changed."""
        urgency = min(item.urgency for item in self.waiters)
        deadline = min(item.deadline for item in self.waiters)
        changed = urgency != self.urgency or deadline != self.deadline
        self.urgency, self.deadline = urgency, deadline
        return changed


def wanted(rows: Iterable[Row]) -> list[Row]:
    """The rows that somebody still waits for."""
    return [row for row in rows if row.waiters]
