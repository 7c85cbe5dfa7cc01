"""Rows that are computed together."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from serving.batching.item import Row

GIVE_UP_AFTER = 8
"""Single rows that fail one after another before a failed batch is no longer divided."""


@dataclass(slots=True)
class Isolation:
    """What all parts of one failed batch know: how many single rows failed since a part succeeded."""

    failures: int = 0

    @property
    def given_up(self) -> bool:
        return self.failures >= GIVE_UP_AFTER


@dataclass(slots=True, eq=False)
class Batch:
    """Rows of one key; `isolation` is set if they are part of a batch that failed."""

    key: Hashable
    rows: list[Row]
    taken_at: float
    isolation: Isolation | None = None

    @property
    def urgency(self) -> int:
        """Of the most urgent row."""
        return min(row.urgency for row in self.rows)

    @property
    def payloads(self) -> list[Any]:
        return [row.payload for row in self.rows]

    def failed_for_good(self) -> bool:
        """Note that it failed; whether its rows fail with it, rather than being computed again in parts."""
        if self.isolation is None:
            return len(self.rows) == 1
        self.isolation.failures += len(self.rows) == 1
        return len(self.rows) == 1 or self.isolation.given_up

    def succeeded(self) -> None:
        if self.isolation is not None:
            self.isolation.failures = 0
