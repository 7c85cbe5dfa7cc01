"""How fast rows are computed, and when a refused caller should come back."""

from collections import deque
from collections.abc import Sequence
from math import ceil

from serving.urgency import Urgency

_LEAST_SHARE = 0.05  # of the compute time that is taken to be left for a class, however busy more urgent ones are
LEAST_RETRY_SECONDS, MOST_RETRY_SECONDS = 1, 60


class DrainRate:
    """Rows a second of the batches that ended within a look-back.

    Counted over the time that the thread was computing, not over the wall clock: else a queue that fills after a
    quiet minute would seem to drain at the pace of that minute.
    """

    def __init__(self, lookback_seconds: float) -> None:
        self._lookback = lookback_seconds
        self._batches: deque[tuple[float, float, tuple[int, ...]]] = deque()  # end, seconds, rows of each class
        self._seconds = [0.0] * len(Urgency)
        self._rows = [0] * len(Urgency)
        self._since: float | None = None

    def note(self, now: float, seconds: float, rows: Sequence[int]) -> None:
        """A batch with so many `rows` of each class took `seconds` and ended at `now`."""
        if self._since is None:
            self._since = now - seconds
        self._batches.append((now, seconds, tuple(rows)))
        self._add(seconds, rows, 1)
        self._forget(now)

    def rate(self, now: float, urgency: Urgency = Urgency.INTERACTIVE) -> float | None:
        """Rows a second that drain for a class beside what more urgent ones take; None if nothing ran lately."""
        self._forget(now)
        busy = sum(self._seconds)
        if not self._batches or busy <= 0.0 or self._since is None:
            return None
        wall = max(min(self._lookback, now - self._since), busy)
        left = 1.0 - sum(self._seconds[:urgency]) / wall
        return sum(self._rows) / busy * max(left, _LEAST_SHARE)

    def retry_after(self, ahead: int, now: float, urgency: Urgency) -> int:
        """Whole seconds until `ahead` rows are computed, 1 to 60."""
        rate = self.rate(now, urgency)
        seconds = ceil(ahead / rate) if rate else LEAST_RETRY_SECONDS
        return min(max(seconds, LEAST_RETRY_SECONDS), MOST_RETRY_SECONDS)

    def _forget(self, now: float) -> None:
        while self._batches and self._batches[0][0] <= now - self._lookback:
            _, seconds, rows = self._batches.popleft()
            self._add(seconds, rows, -1)
        if not self._batches:
            self._seconds, self._since = [0.0] * len(Urgency), None  # what rounding left

    def _add(self, seconds: float, rows: Sequence[int], sign: int) -> None:
        every = sum(rows) or 1
        for urgency, count in enumerate(rows):
            self._rows[urgency] += sign * count
            self._seconds[urgency] += sign * seconds * count / every
