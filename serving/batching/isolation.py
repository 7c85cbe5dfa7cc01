"""Finding the rows that make a batch fail, so that the others are answered."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.batching.item import Row, wanted

GIVE_UP_AFTER = 8
"""Single rows that fail in a row, without one part that succeeds in between, before parts are no longer divided."""


@dataclass(slots=True)
class Isolation:
    """One failed batch that is computed again in parts: halves of halves, depth first.

    A poisoned row costs log2 n further calls at most twice over. With fewer than `GIVE_UP_AFTER` poisoned rows every
    other row is answered. When so many rows failed one after another, what is left (at most log2 n parts) is computed
    part by part without dividing, until one succeeds: when everything fails, that is 2 x `GIVE_UP_AFTER` + 2 log2 n
    calls instead of 2 n.
    """

    failed_in_a_row: int = 0

    @property
    def given_up(self) -> bool:
        return self.failed_in_a_row >= GIVE_UP_AFTER


@dataclass(slots=True, eq=False)
class Batch:
    """Rows of one key that are computed together.

    `urgency` is that of the most urgent row. `isolation` is set if the rows are part of a batch that failed.
    """

    key: Hashable
    rows: list[Row]
    taken_at: float
    isolation: Isolation | None = None
    urgency: int = field(init=False)

    def __post_init__(self) -> None:
        self.urgency = min(row.urgency for row in self.rows)

    @property
    def payloads(self) -> list[Any]:
        return [row.payload for row in self.rows]


def parts(batch: Batch) -> list[Batch]:
    """The two halves of a failed batch of several rows, of what somebody still waits for; fewer if little is."""
    isolation = batch.isolation or Isolation()
    rows = wanted(batch.rows)
    middle = (len(rows) + 1) // 2
    return [Batch(batch.key, half, batch.taken_at, isolation) for half in _non_empty(rows[:middle], rows[middle:])]


def _non_empty(*halves: Sequence[Row]) -> list[list[Row]]:
    return [list(half) for half in halves if half]
