"""Answers that wait for the disk: so many rows and bytes at most, and a count of those that had no room."""

from collections import deque
from dataclasses import dataclass

from lintel.store.segments import Loss


@dataclass(frozen=True, slots=True)
class Load:
    """What goes into one frame."""

    rows: list[bytes]
    losses: list[Loss]
    bytes: int
    last_at: int  # UTC µs; of the newest answer in it

    @property
    def answers(self) -> int:
        return len(self.rows) + sum(loss.count or 0 for loss in self.losses)


class Backlog:
    """First in, first out; no room is made for the newest. Not safe to share without a lock.

    Parameters
    ----------
    max_rows, max_bytes: bounds on what is held, what was taken and is not settled yet included.
    """

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._rows: deque[tuple[bytes, int]] = deque()
        self._losses: dict[str, Loss] = {}
        self.rows = self.bytes = 0

    def offer(self, row: bytes, at: int) -> bool:
        """Keep an encoded answer given at `at` (UTC µs). False if there is no room."""
        if self.rows >= self._max_rows or self.bytes + len(row) > self._max_bytes:
            return False
        self._rows.append((row, at))
        self.rows += 1
        self.bytes += len(row)
        return True

    def drop(self, reason: str, at: int) -> None:
        """Count an answer that is not kept, for the next load."""
        before = self._losses.get(reason)
        count, first, last = (1, at, at) if before is None else (before.count or 0, before.first_at, before.last_at)
        self._losses[reason] = Loss(reason, count + (before is not None), min(first, at), max(last, at))

    def take(self, max_bytes: int) -> Load | None:
        """The oldest answers, at least one and some `max_bytes` of them, and all losses; None if there is neither."""
        if not self._rows and not self._losses:
            return None
        losses = list(self._losses.values())
        self._losses = {}
        rows: list[bytes] = []
        size, last = 0, max((loss.last_at for loss in losses), default=0)
        while self._rows and (not rows or size + len(self._rows[0][0]) <= max_bytes):
            row, at = self._rows.popleft()
            rows.append(row)
            size, last = size + len(row), max(last, at)
        return Load(rows, losses, size, last)

    def settle(self, load: Load) -> None:
        """Forget a load that is written."""
        self.rows -= len(load.rows)
        self.bytes -= load.bytes
