"""What the micro-batcher does, as metrics and as the signals that brown-out and autoscaling go by."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence

from serving.brown_out import BrownOut
from serving.scoring_metrics import ScoringMetrics
from serving.urgency import Urgency


class BatchMetrics:
    """A `BatchObserver`."""

    def __init__(
        self, metrics: ScoringMetrics, brown_out: BrownOut, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._metrics = metrics
        self._brown_out = brown_out
        self._clock = clock
        self.interactive_waits: list[float] = []
        """Since somebody last emptied it."""

    def on_batch(self, shape: Hashable, rows: int, seconds: float, waits: Mapping[Urgency, Sequence[float]]) -> None:
        self._metrics.batch_rows.labels(str(shape)).observe(rows)
        self._metrics.batch_seconds.labels(str(shape)).observe(seconds)
        for urgency, each in waits.items():
            longest = max(each, default=None)
            if longest is not None:  # of rows that were computed together the one that waited longest tells
                self._metrics.queue_wait.labels(urgency.label).observe(longest)
        now = self._clock()
        for wait in waits.get(Urgency.INTERACTIVE, ()):
            self._brown_out.observe_wait(wait, now)
            self.interactive_waits.append(wait)

    def on_refused(self, urgency: Urgency, reason: str, rows: int) -> None:
        self._metrics.refused.labels(urgency.label, reason).inc(rows)
