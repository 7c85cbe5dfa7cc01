"""A simulated worker under load: discrete events, one server that takes requests in the order they come.

It knows no classes, which is the worst case that a brown-out can meet: each row of bulk stands before the interactive
rows behind it. Its queue of bulk is bounded all the same, as a worker's is.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from serving.brown_out import BrownOut, Level
from serving.urgency import Urgency

ROW_SECONDS = 0.4e-3
HEAD_SECONDS = 0.1e-3
"""What a refused request costs, and every other besides its rows."""
LIGHT_SHARE = 0.25
"""Of the time of a row that the light model takes."""
EXPLAINED_ROWS = 20
"""An explained row takes as long as so many."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Poisson arrivals of one class from `begin` to `end`."""

    urgency: Urgency
    requests_per_second: float
    rows: int
    begin: float
    end: float
    explained: bool = False

    def arrivals(self, chance: random.Random) -> Iterator[tuple[float, int, "Stream"]]:
        at = self.begin
        while (at := at + chance.expovariate(self.requests_per_second)) < self.end:
            yield at, chance.randrange(2**30), self


@dataclass(slots=True)
class Outcome:
    """What became of the requests. Latencies by the moment of arrival."""

    interactive: list[tuple[float, float]] = field(default_factory=list)
    bulk: list[tuple[float, float]] = field(default_factory=list)
    levels: list[tuple[float, Level]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def p99(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Of interactive latencies, in seconds."""
        return float(np.percentile([latency for at, latency in self.interactive if since <= at < until], 99))


class Worker:
    """Takes the streams' requests, asks the brown-out at the door, and tells it what interactive ones took."""

    def __init__(self, brown_out: BrownOut | None, *, bulk_seconds: float = 0.5) -> None:
        self.outcome = Outcome()
        self.brown_out = brown_out
        self._bulk_seconds = bulk_seconds
        self._free_at = 0.0
        self._waiting_bulk: deque[tuple[float, float]] = deque()  # when it begins, how long it takes
        self._answers: list[tuple[float, float, float]] = []

    def run(self, streams: list[Stream], seed: int = 0) -> Outcome:
        chance = random.Random(seed)
        for at, _, stream in heapq.merge(*(stream.arrivals(chance) for stream in streams)):
            self._tell(at)
            self._arrive(stream, at)
        return self.outcome

    def _tell(self, now: float) -> None:
        while self._answers and self._answers[0][0] <= now:
            answered_at, latency, wait = heapq.heappop(self._answers)
            if self.brown_out is not None:
                self.brown_out.observe_wait(wait, answered_at)
                self.brown_out.observe(latency, answered_at)

    def _arrive(self, stream: Stream, now: float) -> None:
        begin = max(now, self._free_at) + HEAD_SECONDS
        self._free_at = begin
        if self._asks(lambda brown_out: brown_out.sheds(stream.urgency, now)) or self._is_full(stream, now):
            self.outcome.refused.append(now)
            return
        seconds = ROW_SECONDS * stream.rows
        if stream.explained and (self.brown_out is None or self.brown_out.explains(now)):
            seconds *= EXPLAINED_ROWS
        elif stream.urgency is Urgency.INTERACTIVE and self._asks(lambda brown_out: brown_out.takes_light_model(now)):
            seconds *= LIGHT_SHARE
        self._free_at = begin + seconds
        self._note(stream, now, begin, seconds)
        if self.brown_out is not None and (not self.outcome.levels or self.outcome.levels[-1][1] != self.level(now)):
            self.outcome.levels.append((now, self.level(now)))

    def level(self, now: float) -> Level:
        return Level.NORMAL if self.brown_out is None else self.brown_out.level(now)

    def _asks(self, question: Callable[[BrownOut], bool]) -> bool:
        return self.brown_out is not None and question(self.brown_out)

    def _is_full(self, stream: Stream, now: float) -> bool:
        while self._waiting_bulk and self._waiting_bulk[0][0] <= now:
            self._waiting_bulk.popleft()
        return stream.urgency is Urgency.BULK and sum(s for _, s in self._waiting_bulk) >= self._bulk_seconds

    def _note(self, stream: Stream, now: float, begin: float, seconds: float) -> None:
        latency = self._free_at - now
        if stream.urgency is Urgency.BULK:
            self._waiting_bulk.append((begin, seconds))
            self.outcome.bulk.append((now, latency))
        elif stream.urgency is Urgency.INTERACTIVE and not stream.explained:
            self.outcome.interactive.append((now, latency))
            heapq.heappush(self._answers, (self._free_at, latency, begin - now))
