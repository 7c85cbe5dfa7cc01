"""A worker's place among those that run: what a rolling bundle goes by.

The server of a worker hears it from the supervisor, and the application in the same process reads it; the two know
nothing of each other, so that it lies here.
"""

from dataclasses import dataclass

_ROUNDING = 1e-9
"""What a share of the workers may be below a whole number of them without leaving one out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Number of a worker, from 0 in the order in which workers were numbered, among so many."""

    number: int
    workers: int

    def is_within(self, share: float) -> bool:
        """Whether the worker is among the first `share` of all: any share above 0 has one of them."""
        return self.number < share * self.workers - _ROUNDING


@dataclass(slots=True)
class _Heard:
    place: Place | None = None


_HEARD = _Heard()


def hear(place: Place) -> None:
    """Keep what the supervisor said."""
    _HEARD.place = place


def heard() -> Place | None:
    """What the supervisor said last; None before it said anything."""
    return _HEARD.place


def alone() -> Place:
    """The place of a worker that nobody supervises."""
    return Place(0, 1)
