"""How many workers are wanted, from what the workers report. Pure: time is an argument.

Demand is counted in workers: the capacity in use, or the rows that are offered over the rows that one worker can
compute, over the target utilisation. It does not depend on how many workers there are, so constant load gives
constant demand. Rows that arrive are counted even when they are refused, so that an overload of ten times asks for ten
times the workers at once, where a share of time computing would stop at one. A backlog asks for what clears it.

Up at once, on the mean over a short look-back, or on the most in it while rows wait too long; down on the most that was
wanted in a long one (the stabilisation window of the Kubernetes horizontal pod autoscaler). A worker that does not
report counts as one that is needed.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lintel.settings import Settings

_ROUNDING = 1e-9
"""What sums of floats may be above a whole number without asking for one more."""


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """What one worker did since it last told.

    Parameters
    ----------
    pid: the worker's process.
    utilisation: share of its capacity in use, 0 to 1: rows computed a second over `drain_rate`; where rows are never
        batched, the share of time computing. With batches that share nears 1 long before the worker is full.
    queue_wait_seconds: the 90th percentile over interactive rows of the time in the queue; 0 if there were none.
    queue_rows: rows waiting now, of all classes.
    drain_rate: rows a second that it computes when it has enough to do; 0 while that is not known.
    offered_rate: rows a second that arrived, those refused for overload among them.
    """

    pid: int
    utilisation: float
    queue_wait_seconds: float = 0.0
    queue_rows: int = 0
    drain_rate: float = 0.0
    offered_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Bounds, targets, look-backs and cool-downs; seconds throughout."""

    least: int = 1
    most: int = 1
    target_queue_wait_seconds: float = 0.05
    target_utilisation: float = 0.7
    up_look_back_seconds: float = 3.0
    up_cool_down_seconds: float = 1.0
    down_look_back_seconds: float = 300.0
    down_cool_down_seconds: float = 30.0
    clear_seconds: float = 10.0
    """In how long a backlog should be gone."""


def policy_settings(settings: Settings) -> PolicySettings:
    """What the operator has set. A most below the least is taken as the least."""
    least = settings.inference_workers
    return PolicySettings(
        least=least,
        most=max(least, settings.inference_workers_max or least),
        target_queue_wait_seconds=settings.scaling_queue_wait_seconds,
        target_utilisation=settings.scaling_utilisation,
        down_look_back_seconds=settings.scaling_down_seconds,
        down_cool_down_seconds=min(30.0, settings.scaling_down_seconds),
    )


class Reason(StrEnum):
    """Why so many."""

    QUEUE_WAIT = "queue wait above target"
    UTILISATION = "utilisation above target"
    IDLE = "fewer would do"
    HOLD = "as it should be"
    COOL_DOWN = "changed a moment ago"
    UNKNOWN = "no worker reports"


@dataclass(frozen=True, slots=True)
class Decision:
    workers: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    demand: float | None
    """In workers; None while nobody reports."""
    late: bool
    """Whether rows wait longer than the target."""


@dataclass(frozen=True, slots=True)
class _Wish:
    at: float
    workers: int


class Policy:
    """Remembers what it was told over its look-backs, and how many workers it last asked for."""

    def __init__(self, settings: PolicySettings) -> None:
        self._settings = settings
        self._workers = settings.least
        self._samples: deque[_Sample] = deque()
        self._wishes: deque[_Wish] = deque()
        self._began = -math.inf
        self._changed = -math.inf
        self._running = 0

    def start_with(self, workers: int) -> None:
        """There are so many already."""
        self._workers = min(max(workers, self._settings.least), self._settings.most)

    def observe(self, now: float, workers: Sequence[WorkerLoad], *, running: int | None = None) -> None:
        """Take note of the fresh reports. `running` counts the workers that should report (default: those that do);
        those among them that do not are unknown. Workers that are still starting are in neither."""
        self._running = len(workers) if running is None else max(running, len(workers))
        if not self._wishes or self._wishes[-1].at < now - self._settings.up_look_back_seconds:
            self._began = now  # what was before a gap says nothing of what was in it
        self._samples.append(self._sample(now, workers))
        _forget(self._samples, now - self._settings.up_look_back_seconds)
        self._wishes.append(_Wish(now, self._wish()))
        _forget(self._wishes, now - self._settings.down_look_back_seconds)

    def wanted(self, now: float) -> Decision:
        """How many workers there should be, in least..most."""
        decision = self._decide(now)
        if decision.workers != self._workers:
            self._changed = now
            self._workers = decision.workers
        return decision

    def _decide(self, now: float) -> Decision:
        settings, current = self._settings, self._workers
        samples = [sample for sample in self._samples if sample.at > now - settings.up_look_back_seconds]
        if not any(sample.demand is not None for sample in samples):
            return Decision(current, Reason.UNKNOWN)
        wish = self._wishes[-1].workers
        if wish > current:
            if now - self._changed < settings.up_cool_down_seconds:
                return Decision(current, Reason.COOL_DOWN)
            return Decision(wish, Reason.QUEUE_WAIT if _are_late(samples) else Reason.UTILISATION)
        return self._down(now)

    def _down(self, now: float) -> Decision:
        settings, current = self._settings, self._workers
        enough = max(wish.workers for wish in self._wishes)
        if enough >= current:
            return Decision(current, Reason.HOLD)
        seen = now - self._began
        if seen < settings.down_look_back_seconds or now - self._changed < settings.down_cool_down_seconds:
            return Decision(current, Reason.COOL_DOWN)
        return Decision(enough, Reason.IDLE)

    def _sample(self, now: float, workers: Sequence[WorkerLoad]) -> _Sample:
        if not workers:
            return _Sample(now, None, late=False)
        settings = self._settings
        used = max(sum(load.utilisation for load in workers), _offered(workers))
        wait = sum(load.queue_wait_seconds for load in workers) / len(workers)
        late = wait > settings.target_queue_wait_seconds
        backlog = _backlog(workers) / settings.clear_seconds if late else 0.0
        unknown = self._running - len(workers)
        return _Sample(now, used / settings.target_utilisation + backlog + unknown, late)

    def _wish(self) -> int:
        """Workers by the demand of the short look-back: its mean, its most while rows wait too long. What there is
        while nobody reports."""
        demands = [sample.demand for sample in self._samples if sample.demand is not None]
        if not demands:
            return self._workers
        demand = max(demands) if self._samples[-1].late else sum(demands) / len(demands)
        workers = math.ceil(min(demand, self._settings.most) - _ROUNDING)  # infinite where a rate is next to nothing
        if _are_late(self._samples) and self._running >= self._workers:
            workers = max(workers, self._workers + 1)
        return min(max(workers, self._settings.least), self._settings.most)


def _offered(workers: Sequence[WorkerLoad]) -> float:
    """Rows offered over the rows that one worker can compute: in workers. 0 while nobody knows its rate."""
    return _in_workers(sum(load.offered_rate for load in workers), workers)


def _backlog(workers: Sequence[WorkerLoad]) -> float:
    """Rows waiting, in seconds of one worker's time."""
    return _in_workers(sum(load.queue_rows for load in workers), workers)


def _in_workers(amount: float, workers: Sequence[WorkerLoad]) -> float:
    rates = [load.drain_rate for load in workers if load.drain_rate > 0]
    return amount * len(rates) / sum(rates) if rates else 0.0


def _are_late(samples: Iterable[_Sample]) -> bool:
    """Whether rows wait too long now, and did for half of the look-back."""
    known = [sample.late for sample in samples if sample.demand is not None]
    return bool(known) and known[-1] and 2 * sum(known) >= len(known)


def _forget(entries: deque[_Sample] | deque[_Wish], before: float) -> None:
    while entries and entries[0].at <= before:
        entries.popleft()
