"""The workers of one supervisor and what becomes of each: started, ready, retired, replaced. Time is an argument."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

BACK_OFF_SECONDS = 0.5
MOST_BACK_OFF_SECONDS = 30.0
_DOUBLINGS = 16  # more than any back-off needs
STEADY_SECONDS = 60.0
"""A worker that was ready so long did not crash for the reason that the one before it did."""
logger = logging.getLogger("lintel.supervisor")


class Process(Protocol):
    """The part of `subprocess.Popen` that is needed."""

    pid: int

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RETIRING = "retiring"
    STOPPING = "stopping"


@dataclass(slots=True)
class Worker:
    """One process; `since` is when it came into its state, `heard` when it last reported."""

    number: int
    process: Process
    since: float
    state: State = State.STARTING
    connections: int = 0
    heard: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a worker may take."""

    to_start: float = 90.0
    to_report: float = 60.0
    to_retire: float = 60.0
    to_stop: float = 30.0


@dataclass(slots=True)
class Fleet:
    """Keeps as many workers as are wanted.

    Parameters
    ----------
    start: starts worker number N, from 1, the lowest that is free. May raise OSError.
    retire: asks the worker with that pid to take no more connections and to end when it has answered.
    """

    start: Callable[[int], Process]
    retire: Callable[[int], None]
    limits: Limits = field(default_factory=Limits)
    workers: list[Worker] = field(default_factory=list)
    ever_ready: bool = False
    exit_code: int | None = None
    """Of a worker that ended before any was ready: what it lacks, the next would lack too."""
    _crashes: int = 0
    _not_before: float = 0.0

    def hear(self, now: float, pid: int, connections: int) -> None:
        """A worker has reported, so it accepts connections."""
        for worker in self.workers:
            if worker.process.pid == pid:
                worker.connections, worker.heard = connections, now
                if worker.state is State.STARTING:
                    worker.state, worker.since, self.ever_ready = State.READY, now, True

    def step(self, now: float, wanted: int) -> None:
        """Bury the dead, end the late, then start or retire until there are as many as wanted."""
        self._reap(now)
        self._end_late(now)
        while len(self.serving) < wanted and now >= self._not_before:
            self._begin(now)
        for worker in self._spare(len(self.serving) - wanted):
            self._let_go(worker, now)

    def stop(self, now: float) -> bool:
        """End all, each after what it is answering. Returns whether none is left; call it again until so."""
        self._reap(now)
        for worker in self.workers:
            if worker.state is not State.STOPPING:
                self._terminate(worker, now)
        self._end_late(now)
        return not self.workers

    @property
    def serving(self) -> list[Worker]:
        """Those that stay: ready or about to be."""
        return [worker for worker in self.workers if worker.state in (State.STARTING, State.READY)]

    @property
    def ready(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.state is State.READY]

    def _begin(self, now: float) -> None:
        number = self._free_number()
        try:
            self.workers.append(Worker(number, self.start(number), now))
        except OSError as error:  # no memory, or no process to be had: those that run go on
            logger.error("worker %d cannot be started (%s)", number, error.strerror or type(error).__name__)
            self._failed(1, now)

    def _reap(self, now: float) -> None:
        for worker in list(self.workers):
            code = worker.process.poll()
            if code is not None:
                self.workers.remove(worker)
                if worker.state in (State.STARTING, State.READY):
                    self._crashed(worker, code, now)

    def _crashed(self, worker: Worker, code: int, now: float) -> None:
        if worker.state is State.READY and now - worker.since >= STEADY_SECONDS:
            self._crashes = 0
        self._failed(code, now)

    def _failed(self, code: int, now: float) -> None:
        if not self.ever_ready:
            self.exit_code = code
        self._not_before = now + min(MOST_BACK_OFF_SECONDS, BACK_OFF_SECONDS * 2.0 ** min(self._crashes, _DOUBLINGS))
        self._crashes += 1

    def _end_late(self, now: float) -> None:
        """One that does not start or hangs is killed, and replaced as if it had crashed; one that does not end, too."""
        for worker in self.workers:
            waited = now - worker.since
            if worker.state is State.RETIRING and waited > self.limits.to_retire:
                self._terminate(worker, now)
            elif self._hangs(worker, now) or (worker.state is State.STOPPING and waited > self.limits.to_stop):
                worker.process.kill()

    def _hangs(self, worker: Worker, now: float) -> bool:
        if worker.state is State.READY:
            return now - worker.heard > self.limits.to_report
        return worker.state is State.STARTING and now - worker.since > self.limits.to_start

    def _spare(self, number: int) -> list[Worker]:
        """The ones to go: first those that are not ready yet, then the newest."""
        order = sorted(self.serving, key=lambda worker: (worker.state is State.READY, -worker.number))
        return order[: max(0, number)]

    def _let_go(self, worker: Worker, now: float) -> None:
        if worker.state is State.STARTING:
            self._terminate(worker, now)
        else:
            self.retire(worker.process.pid)
            worker.state, worker.since = State.RETIRING, now

    def _terminate(self, worker: Worker, now: float) -> None:
        worker.process.terminate()
        worker.state, worker.since = State.STOPPING, now

    def _free_number(self) -> int:
        taken = {worker.number for worker in self.workers}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)
