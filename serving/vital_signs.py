"""What a worker tells of itself every moment: gauges for Prometheus, its load for the supervisor."""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from serving.autoscaling.policy import WorkerLoad
from serving.batch_metrics import BatchMetrics
from serving.batching.item import State
from serving.batching.micro_batcher import MicroBatcher
from serving.breaker import Breakers, BreakerState
from serving.brown_out import BrownOut, Level
from serving.computation import OF_MODEL, breaker_of
from serving.model import Models
from serving.prediction_log.log import PredictionLog
from serving.questions import LeadScore, Question, Shape
from serving.scoring_metrics import ScoringMetrics

_CLOSED = BreakerState.CLOSED

logger = logging.getLogger("lintel.serving")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Rows since the start, at one moment of the monotonic clock."""

    at: float
    offered: int
    done: int


class Parts(Protocol):
    """What is looked at."""

    @property
    def batcher(self) -> MicroBatcher[Shape, Question, LeadScore]: ...

    @property
    def brown_out(self) -> BrownOut: ...

    @property
    def breakers(self) -> Breakers: ...

    @property
    def log(self) -> PredictionLog: ...


class VitalSigns:
    """Reads the parts of a worker. For its event loop."""

    def __init__(self, parts: Parts, models: Models, metrics: ScoringMetrics, observer: BatchMetrics) -> None:
        self._batcher = parts.batcher
        self._brown_out = parts.brown_out
        self._breakers = parts.breakers
        self._log = parts.log
        self._models = models
        self._metrics = metrics
        self._observer = observer
        self._seen = self._rows()
        self._counted = {"swapped": 0, "refused": 0, "written": 0}
        self._dropped: dict[str, int] = {}
        self._shown: set[str] = set()
        self._load = WorkerLoad(os.getpid(), 0.0)

    async def watch(self, seconds: float) -> None:
        """Renew everything every `seconds` until cancelled; after a failure, which is told once, at the next turn."""
        failing = False
        while True:
            await asyncio.sleep(seconds)
            try:
                self._renew()
                failing = False
            except Exception as error:
                # whatever a disk under the metrics raises: who looks no more would report the same load for ever
                if not failing:
                    logger.error("the worker's own metrics cannot be renewed: %s", type(error).__name__)
                failing = True

    def load(self) -> WorkerLoad:
        """What the worker did of late."""
        return self._load

    def _renew(self) -> None:
        now, before = self._rows(), self._seen
        self._seen = now
        seconds = max(now.at - before.at, 1e-6)
        rate = self._batcher.drain_rate() or 0.0
        used = min((now.done - before.done) / seconds / rate, 1.0) if rate else 0.0
        offered = (now.offered - before.offered) / seconds
        depth = self._batcher.depth
        self._load = WorkerLoad(os.getpid(), used, self._wait(), sum(depth), rate, offered)
        self._brown_out.observe_utilisation(used, now.at)
        self._metrics.show_queue(depth)
        self._show_breakers()
        self._show_brown_out(now.at)
        self._show_log()
        self._count("swapped", self._models.swaps)
        self._count("refused", self._models.refused)

    def _rows(self) -> _Seen:
        counts = self._batcher.counts
        done = sum(counts.settled[State.ANSWERED]) + sum(counts.settled[State.FAILED])
        return _Seen(time.monotonic(), sum(counts.accepted) + sum(counts.refused), done)

    def _wait(self) -> float:
        """The 90th percentile of what interactive rows waited since the last look; 0 if there were none."""
        waits = sorted(self._observer.interactive_waits)
        self._observer.interactive_waits.clear()
        return waits[ceil(0.9 * len(waits)) - 1] if waits else 0.0

    def _show_breakers(self) -> None:
        """Of a model that no longer answers nobody will ask for its breaker again."""
        states = self._breakers.states()
        served = {breaker_of(model) for model in self._models.models}
        for name in self._shown | states.keys():
            gone = name.startswith(OF_MODEL) and name not in served
            self._metrics.breakers.labels(name).set(not gone and states.get(name, _CLOSED) is not _CLOSED)
        self._shown = set(states)

    def _show_brown_out(self, now: float) -> None:
        current = self._brown_out.level(now)
        for level in Level:
            self._metrics.brown_out.labels(level.label).set(level is current)

    def _show_log(self) -> None:
        counters = self._log.counters()
        self._metrics.log_lag.set(counters.waiting_rows)
        self._metrics.log_rows.labels("written").inc(counters.written - self._counted["written"])
        self._counted["written"] = counters.written
        for reason, rows in counters.dropped.items():
            self._metrics.log_rows.labels(reason).inc(rows - self._dropped.get(reason, 0))
            self._dropped[reason] = rows

    def _count(self, outcome: str, total: int) -> None:
        self._metrics.swaps.labels(outcome).inc(total - self._counted[outcome])
        self._counted[outcome] = total
