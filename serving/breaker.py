"""Circuit breakers: a model or dependency that keeps failing is left alone for a while, then tried by one call.

A closed breaker lets every call through and counts. It opens on too many failures in a row, or on too large a share
of failures in a sliding window. An open one refuses until its back-off is over, and then lets a single probe through:
a good probe closes it, a failed one doubles the back-off. Pure logic on the caller's clock (seconds, monotonic).
Source: M. Nygard, Release It!, 2nd edition (2018), chapter 5.
"""

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock, RLock


class BreakerState(IntEnum):
    """As in the metrics: the larger, the less gets through."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


Observer = Callable[[str, BreakerState], None]
"""Told the breaker's name and its new state, in order. Must not wait for another thread that calls the breaker."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and how it comes back. Times in seconds."""

    window_seconds: float = 30.0
    slices: int = 10
    """The window moves in steps of a slice, so that memory does not grow with the calls."""
    minimum_calls: int = 10
    """A share of fewer calls in the window says nothing."""
    failure_share: float = 0.5
    consecutive_failures: int = 5
    slow_seconds: float = 5.0
    """A call that took longer has failed, whatever it brought."""
    first_backoff_seconds: float = 1.0
    longest_backoff_seconds: float = 60.0
    jitter: float = 0.2
    """A back-off is lengthened by up to this share, so that workers do not all probe at once."""
    probe_seconds: float = 10.0
    """A probe that has not reported by then is given up, and the next call probes."""


class Permit:
    """The leave to make one call. The first report counts; further ones, and reports of an earlier state, do not."""

    __slots__ = ("_breaker", "_generation", "_reported", "begun", "is_probe")

    def __init__(self, breaker: "Breaker", generation: int, begun: float, *, is_probe: bool) -> None:
        self._breaker = breaker
        self._generation = generation
        self._reported = False
        self.begun = begun
        self.is_probe = is_probe

    def succeeded(self, now: float) -> None:
        """The call brought an answer."""
        self._report(now, failed=False)

    def failed(self, now: float) -> None:
        """The call raised, or was given up."""
        self._report(now, failed=True)

    def cancelled(self) -> None:
        """The call was never made or says nothing of its target; a probe's slot is free again at once."""
        if not self._reported:
            self._reported = True
            self._breaker._cancel(self._generation)

    def _report(self, now: float, *, failed: bool) -> None:
        if not self._reported:
            self._reported = True
            slow = now - self.begun > self._breaker.policy.slow_seconds
            self._breaker._report(self._generation, now, failed=failed or slow)


class Breaker:
    """One breaker of one model or dependency. Safe to use from many threads.

    Parameters
    ----------
    name: what it guards, as in metrics.
    chance: seeded randomness of the jitter.
    observer: told every change of state.
    """

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy = BreakerPolicy(),  # frozen
        *,
        chance: random.Random | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self.policy = policy
        self._chance = chance or random.Random(name)
        self._observer = observer
        self._lock = RLock()  # an observer may read the state
        self._state = BreakerState.CLOSED
        self._generation = 0  # each change begins a new one; reports of older ones count no longer
        self._outcomes = _Outcomes(policy.window_seconds / policy.slices, policy.slices)
        self._in_a_row = 0
        self._openings = 0  # since it last stayed closed for a whole window
        self._closed_at = 0.0
        self._retry_at = 0.0
        self._probe_until: float | None = None

    @property
    def state(self) -> BreakerState:
        """An open breaker whose back-off is over stays open until a call asks to probe."""
        return self._state

    @property
    def retry_at(self) -> float:
        """When an open breaker lets a probe through, on the callers' clock."""
        return self._retry_at

    def allow(self, now: float) -> Permit | None:
        """Leave for one call, or None: do without it. Every permit is to be reported on."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return Permit(self, self._generation, now, is_probe=False)
            if self._state is BreakerState.OPEN and now < self._retry_at:
                return None
            if self._probe_until is not None and now < self._probe_until:
                return None
            return self._probe(now)

    def _probe(self, now: float) -> Permit:
        self._enter(BreakerState.HALF_OPEN)  # also when the last probe was given up: its report is too late
        self._probe_until = now + self.policy.probe_seconds
        return Permit(self, self._generation, now, is_probe=True)

    def _report(self, generation: int, now: float, *, failed: bool) -> None:
        with self._lock:
            if generation != self._generation:
                return
            if self._state is BreakerState.HALF_OPEN:
                self._open(now) if failed else self._close(now)
                return
            self._outcomes.add(now, failed=failed)
            self._in_a_row = self._in_a_row + 1 if failed else 0
            if failed and self._has_failed_enough():
                self._open(now)

    def _cancel(self, generation: int) -> None:
        with self._lock:
            if generation == self._generation:
                self._probe_until = None

    def _has_failed_enough(self) -> bool:
        if self._in_a_row >= self.policy.consecutive_failures:
            return True
        calls, failures = self._outcomes.counts()
        return calls >= self.policy.minimum_calls and failures >= self.policy.failure_share * calls

    def _open(self, now: float) -> None:
        if self._state is BreakerState.CLOSED and now - self._closed_at > self.policy.window_seconds:
            self._openings = 0  # it had recovered for good: this is another trouble
        doubled = self.policy.first_backoff_seconds * 2.0 ** min(self._openings, 60)
        backoff = min(doubled, self.policy.longest_backoff_seconds)
        self._retry_at = now + backoff * (1 + self.policy.jitter * self._chance.random())
        self._openings += 1
        self._enter(BreakerState.OPEN)

    def _close(self, now: float) -> None:
        self._closed_at = now
        self._enter(BreakerState.CLOSED)

    def _enter(self, state: BreakerState) -> None:
        changed = state is not self._state
        self._state = state
        self._generation += 1
        self._probe_until = None
        self._in_a_row = 0
        self._outcomes.clear()
        if changed and self._observer is not None:
            self._observer(self.name, state)


class _Outcomes:
    """Calls and failures of the last so many slices of time."""

    def __init__(self, slice_seconds: float, slices: int) -> None:
        self._slice_seconds = slice_seconds
        self._slices = slices
        self._counts: deque[list[int]] = deque()  # slice, calls, failures

    def add(self, now: float, *, failed: bool) -> None:
        current = int(now // self._slice_seconds)
        if not self._counts or self._counts[-1][0] < current:
            self._counts.append([current, 0, 0])
            while self._counts[0][0] <= current - self._slices:
                self._counts.popleft()
        self._counts[-1][1] += 1  # threads may report a little out of order: such a report joins the newest slice
        self._counts[-1][2] += failed

    def counts(self) -> tuple[int, int]:
        """Up to the newest."""
        return sum(calls for _, calls, _ in self._counts), sum(failures for _, _, failures in self._counts)

    def clear(self) -> None:
        self._counts.clear()


class Breakers:
    """Breakers by name. Bounded: models come and go, so the breaker asked for longest ago makes room.

    Parameters
    ----------
    seed: of all their jitter; give each worker its own.
    """

    def __init__(
        self,
        policy: BreakerPolicy = BreakerPolicy(),  # frozen
        *,
        seed: int = 0,
        capacity: int = 64,
        observer: Observer | None = None,
    ) -> None:
        self._policy = policy
        self._seed = seed
        self._capacity = capacity
        self._observer = observer
        self._lock = Lock()
        self._breakers: OrderedDict[str, Breaker] = OrderedDict()

    def __getitem__(self, name: str) -> Breaker:
        """The breaker of this name, a closed one if it is new."""
        with self._lock:
            if name not in self._breakers:
                self._make_room()
                chance = random.Random(f"{self._seed}/{name}")
                self._breakers[name] = Breaker(name, self._policy, chance=chance, observer=self._observer)
            self._breakers.move_to_end(name)
            return self._breakers[name]

    def states(self) -> dict[str, BreakerState]:
        """Each breaker's state, for metrics."""
        with self._lock:
            return {name: breaker.state for name, breaker in self._breakers.items()}

    def _make_room(self) -> None:
        if len(self._breakers) < self._capacity:
            return
        closed = (name for name, one in self._breakers.items() if one.state is BreakerState.CLOSED)
        del self._breakers[next(closed, next(iter(self._breakers)))]
