"""A simulated worker under load: discrete events, one server that takes requests in the order they come.

It knows no classes, which is the worst case that a brown-out can meet: each row of bulk stands before the interactive
rows behind it. How much bulk may wait is bounded all the same, as in a worker.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from serving.brown_out import BrownOut, Level
from serving.urgency import Urgency

ROW_SECONDS = 0.4e-3
HEAD_SECONDS = 0.05e-3
"""What a refused request costs, and every other besides its rows."""
LIGHT_SHARE = 0.25
"""Of the time of a row that the light model takes."""
EXPLAINED_ROWS = 20
"""An explained row takes as long as so many."""
BULK_WAITS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Stream:
    """Poisson arrivals of one class from `begin` to `end`."""

    urgency: Urgency
    requests_per_second: float
    rows: int
    begin: float
    end: float
    explained: bool = False

    def arrivals(self, seed: str) -> Iterator[tuple[float, "Stream"]]:
        chance = random.Random(seed)
        at = self.begin
        while (at := at + chance.expovariate(self.requests_per_second)) < self.end:
            yield at, self


@dataclass(slots=True)
class Outcome:
    """What became of the requests: interactive latencies by arrival, refusals, changes of level."""

    interactive: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    changes: list[tuple[float, Level]] = field(default_factory=list)

    def p99(self, since: float, until: float = float("inf")) -> float:
        """Of interactive latencies without explanations, in seconds."""
        return float(np.percentile([latency for at, latency in self.interactive if since <= at < until], 99))


class Worker:
    """Takes the streams' requests, asks the brown-out at the door, and tells it what interactive ones took."""

    def __init__(self, brown_out: bool, *, seed: int = 0) -> None:
        self._outcome = Outcome()
        self._brown_out = BrownOut(observer=self._changed) if brown_out else None
        self._seed = seed
        self._now = 0.0
        self._free_at = 0.0
        self._bulk: deque[tuple[float, float]] = deque()  # when it begins, how long it takes
        self._answers: list[tuple[float, float, float]] = []  # when, latency, wait

    def run(self, streams: list[Stream]) -> Outcome:
        arrivals = [stream.arrivals(f"{self._seed}/{number}") for number, stream in enumerate(streams)]
        for self._now, stream in heapq.merge(*arrivals, key=lambda arrival: arrival[0]):
            self._tell_answers()
            self._free_at = max(self._now, self._free_at) + HEAD_SECONDS
            if self._refuses(stream.urgency):
                self._outcome.refused.append(self._now)
            else:
                self._serve(stream)
        return self._outcome

    def _changed(self, level: Level) -> None:
        self._outcome.changes.append((self._now, level))

    def _tell_answers(self) -> None:
        while self._answers and self._answers[0][0] <= self._now:
            answered_at, latency, wait = heapq.heappop(self._answers)
            if self._brown_out is not None:
                self._brown_out.observe_wait(wait, answered_at)
                self._brown_out.observe(latency, answered_at)

    def _refuses(self, urgency: Urgency) -> bool:
        if self._brown_out is not None and self._brown_out.sheds(urgency, self._now):
            return True
        while self._bulk and self._bulk[0][0] <= self._now:
            self._bulk.popleft()
        return urgency is Urgency.BULK and sum(seconds for _, seconds in self._bulk) >= BULK_WAITS_SECONDS

    def _serve(self, stream: Stream) -> None:
        begin, seconds = self._free_at, self._seconds(stream)
        self._free_at += seconds
        if stream.urgency is Urgency.BULK:
            self._bulk.append((begin, seconds))
        elif stream.urgency is Urgency.INTERACTIVE and not stream.explained:
            latency = self._free_at - self._now
            self._outcome.interactive.append((self._now, latency))
            heapq.heappush(self._answers, (self._free_at, latency, begin - self._now))

    def _seconds(self, stream: Stream) -> float:
        seconds = ROW_SECONDS * stream.rows
        if stream.explained and (self._brown_out is None or self._brown_out.explains(self._now)):
            return seconds * EXPLAINED_ROWS
        is_interactive = stream.urgency is Urgency.INTERACTIVE
        if is_interactive and self._brown_out is not None and self._brown_out.takes_light_model(self._now):
            return seconds * LIGHT_SHARE
        return seconds
