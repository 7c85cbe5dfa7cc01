"""A discrete-event simulation of workers behind one port: arrivals, queues, batches, starts and retirements.

A request goes to a worker drawn at random, as over connections that are kept alive. A free worker takes what waits, in
order of arrival, up to `batch_rows` rows, and computes it in ``a + b * rows`` seconds. A request waits until the last
of its rows is taken, and is refused if it would make the queue longer than `queue_rows`. A worker that is started
serves after `start_seconds`; one that retires gets nothing new and ends when its queue is empty.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Service:
    """What one worker can do; seconds and rows."""

    batch_seconds: float = 0.007
    row_seconds: float = 0.00035
    start_seconds: float = 6.0
    batch_rows: int = 64
    queue_rows: int = 1_000

    @property
    def rate(self) -> float:
        """Rows a second in full batches."""
        return self.batch_rows / self.seconds(self.batch_rows)

    def seconds(self, rows: int) -> float:
        return self.batch_seconds + self.row_seconds * rows


@dataclass(slots=True)
class Worker:
    """A simulated process and what it did since its counters were last read."""

    pid: int
    started: float
    ready: float
    retires: bool = False
    busy: bool = False
    queue: deque[list[float]] = field(default_factory=deque)
    """Of [second of arrival, rows left]."""
    waiting_rows: int = 0
    busy_seconds: float = 0.0
    computed_rows: int = 0
    offered_rows: int = 0
    waits: list[float] = field(default_factory=list)

    def forget(self) -> None:
        self.busy_seconds, self.computed_rows, self.offered_rows = 0.0, 0, 0
        self.waits.clear()


class Scaler(Protocol):
    """Says how many workers there should be; the counters of all workers begin anew after each call."""

    every_seconds: float

    @property
    def first(self) -> int: ...

    def wanted(self, now: float, ready: list[Worker], seconds: float) -> int: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of every request. Refused ones have a wait of infinity."""

    arrived: Floats
    waits: Floats
    worker_seconds: float
    most_workers: int

    @property
    def refused(self) -> npt.NDArray[np.bool_]:
        return np.isinf(self.waits)


@dataclass(slots=True)
class Fleet:
    """The workers of one simulation."""

    service: Service
    ready: list[Worker] = field(default_factory=list)
    starting: list[Worker] = field(default_factory=list)
    retiring: list[Worker] = field(default_factory=list)
    worker_seconds: float = 0.0
    most: int = 0
    made: int = 0

    def change(self, now: float, wanted: int, start_seconds: float) -> None:
        """Start workers, or retire the newest, starting ones first."""
        while len(self.ready) + len(self.starting) < wanted:
            self.made += 1
            self.starting.append(Worker(self.made, now, now + start_seconds))
        for _ in range(len(self.ready) + len(self.starting) - wanted):
            if self.starting:
                self.worker_seconds += now - self.starting.pop().started
            else:
                self._retire(self.ready.pop(), now)
        self.promote(now)
        self.most = max(self.most, len(self.ready) + len(self.starting))

    def promote(self, now: float) -> None:
        self.ready += [worker for worker in self.starting if worker.ready <= now]
        self.starting = [worker for worker in self.starting if worker.ready > now]

    def end(self, worker: Worker, now: float) -> None:
        self.worker_seconds += now - worker.started

    def end_all(self, now: float) -> None:
        for worker in (*self.ready, *self.starting, *self.retiring):
            self.end(worker, now)

    def _retire(self, worker: Worker, now: float) -> None:
        worker.retires = True
        if worker.busy:
            self.retiring.append(worker)
        else:
            self.end(worker, now)


class Simulation:
    """One run of arrivals through a fleet that a scaler changes."""

    def __init__(self, service: Service, scaler: Scaler, seed: int) -> None:
        self._service, self._scaler = service, scaler
        self._random = random.Random(seed)
        self._fleet = Fleet(service)
        self._ends: list[tuple[float, int, Worker]] = []
        self._arrived: list[float] = []
        self._waits: list[float] = []

    def run(self, arrivals: Iterable[tuple[float, int]]) -> Outcome:
        """`arrivals` are (second, rows), in order."""
        every = self._scaler.every_seconds
        self._fleet.change(0.0, self._scaler.first, 0.0)
        now, tick = 0.0, every
        for now, rows in arrivals:
            while tick <= now:
                self._finish(tick)
                self._scale(tick, every)
                tick += every
            self._finish(now)
            self._arrive(now, rows)
        self._finish(np.inf)
        self._fleet.end_all(now)
        fleet = self._fleet
        return Outcome(np.array(self._arrived), np.array(self._waits), fleet.worker_seconds, fleet.most)

    def _scale(self, now: float, seconds: float) -> None:
        fleet = self._fleet
        fleet.promote(now)
        fleet.change(now, self._scaler.wanted(now, fleet.ready, seconds), self._service.start_seconds)
        for worker in fleet.ready:
            worker.forget()

    def _arrive(self, now: float, rows: int) -> None:
        ready = self._fleet.ready
        worker = ready[int(self._random.random() * len(ready))]
        worker.offered_rows += rows
        if worker.waiting_rows and worker.waiting_rows + rows > self._service.queue_rows:
            self._arrived.append(now)
            self._waits.append(np.inf)
            return
        worker.queue.append([now, rows])
        worker.waiting_rows += rows
        if not worker.busy:
            self._begin(worker, now)

    def _begin(self, worker: Worker, now: float) -> None:
        rows = room = min(worker.waiting_rows, self._service.batch_rows)
        while room:
            request = worker.queue[0]
            taken = min(room, int(request[1]))
            room -= taken
            request[1] -= taken
            if not request[1]:
                worker.queue.popleft()
                self._served(worker, request[0], now - request[0])
        worker.busy = True
        worker.waiting_rows -= rows
        worker.computed_rows += rows
        seconds = self._service.seconds(rows)
        worker.busy_seconds += seconds
        heapq.heappush(self._ends, (now + seconds, worker.pid, worker))

    def _served(self, worker: Worker, arrived: float, wait: float) -> None:
        worker.waits.append(wait)
        self._arrived.append(arrived)
        self._waits.append(wait)

    def _finish(self, now: float) -> None:
        """All batches that end by now; their workers begin the next."""
        while self._ends and self._ends[0][0] <= now:
            at, _, worker = heapq.heappop(self._ends)
            worker.busy = False
            if worker.queue:
                self._begin(worker, at)
            elif worker.retires:
                self._fleet.retiring.remove(worker)
                self._fleet.end(worker, at)
