"""Brown-out: when interactive requests miss their objective, the service does less, one level at a time.

The micro-batcher serves interactive rows first, and its bounded queues refuse what is too much. This is the second
line, for when that is not enough: explanations go first, then bulk, then event requests, and at last interactive
requests are answered by the light model. Only interactive requests without explanations are judged; a long queue of
bulk alone changes nothing. Pure logic on the caller's clock (seconds, monotonic), for one event loop.

A level is judged by requests that began in it, and changes are at least a hold apart. A calm level is left soon when
what it withholds is asked for less than half as often as before, else as a trial: one that fails is undone, and the
next waits four times as long, so that steady overload is not let in again every second.
Source of the idea: C. Klein et al., Brownout: building more robust cloud applications, ICSE 2014.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from serving.urgency import Urgency

_TICK_SECONDS = 0.02  # the level is worked out no more often: it is asked for several times a request
_SLICE_SECONDS = 0.1  # windows move in such steps, so that memory does not grow with the requests
_PATIENCE_GROWTH = 4.0


class Level(IntEnum):
    """What is done without; each level includes those before it."""

    NORMAL = 0
    NO_EXPLANATIONS = 1
    """Scores come without reasons."""
    SHED_BULK = 2
    SHED_EVENT = 3
    """Only interactive requests are answered."""
    LIGHT = 4
    """Interactive requests are answered by the light model."""

    @property
    def label(self) -> str:
        """As in answers and metrics."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class BrownOutPolicy:
    """The objective, and how soon a level is entered and left. Times in seconds."""

    objective_seconds: float = 0.1
    objective_share: float = 0.99
    """Share of interactive requests that are to be answered within the objective."""
    wait_share: float = 0.5
    """An interactive row that waited longer than this share of the objective before compute will be late, too."""
    minimum_samples: int = 20
    minimum_slow: int = 3
    """Fewer slow requests than this are chance, whatever their share."""
    window_seconds: float = 5.0
    hold_seconds: float = 0.25
    """Least time between two changes of level."""
    calm_seconds: float = 0.9
    """When the objective was met for so long, a level may be left: four levels in less than 5 seconds."""
    longest_patience_seconds: float = 120.0
    relapse_seconds: float = 5.0
    """A level entered again within this time after it was left: the trial has failed."""
    busy_share: float = 0.5
    """Below this utilisation, doing less would not help: what is slow is not ours."""


class BrownOut:
    """The level of one worker.

    Parameters
    ----------
    observer: told every new level, for metrics and the log.
    """

    def __init__(
        self, policy: BrownOutPolicy = BrownOutPolicy(), *, observer: Callable[[Level], None] | None = None
    ) -> None:
        self.policy = policy
        self._observer = observer
        self._level = Level.NORMAL
        self._latencies = _Counts(policy.window_seconds)
        self._waits = _Counts(policy.window_seconds)
        self._utilisation = (1.0, -math.inf)
        self._worked_out_at = -math.inf
        self._changed_at = -math.inf
        self._missed_at = -math.inf
        self._stays = {level: _Stay(policy) for level in Level}

    def observe(self, latency_seconds: float, now: float) -> None:
        """An interactive request without explanations was answered, or given up, after so long."""
        if now - latency_seconds >= self._changed_at:
            self._latencies.add(latency_seconds > self.policy.objective_seconds, now)

    def observe_wait(self, wait_seconds: float, now: float) -> None:
        """An interactive row began to be computed after so long in the queue."""
        if now - wait_seconds >= self._changed_at:
            self._waits.add(wait_seconds > self.policy.wait_share * self.policy.objective_seconds, now)

    def observe_utilisation(self, busy_share: float, now: float) -> None:
        """How busy the worker was of late, 0 to 1. Never observed, or long ago: taken as busy."""
        self._utilisation = (busy_share, now)

    def level(self, now: float) -> Level:
        """The level that holds now."""
        if now - self._worked_out_at >= _TICK_SECONDS:
            self._worked_out_at = now
            self._work_out(now)
        return self._level

    def explains(self, now: float) -> bool:
        """Whether a request that asks for explanations gets them."""
        return not self._withholds(Level.NO_EXPLANATIONS, now)

    def sheds(self, urgency: Urgency, now: float) -> bool:
        """Whether a request of this class is refused."""
        if urgency is Urgency.INTERACTIVE:
            return False
        return self._withholds(Level.SHED_BULK if urgency is Urgency.BULK else Level.SHED_EVENT, now)

    def takes_light_model(self, now: float) -> bool:
        """Whether the light model answers an interactive request."""
        return self._withholds(Level.LIGHT, now)

    def _withholds(self, level: Level, now: float) -> bool:
        if self.level(now) < level:
            return False
        self._stays[level].withheld.add(True, now)
        return True

    def _work_out(self, now: float) -> None:
        if self._misses(self.policy.calm_seconds, now):
            self._missed_at = now
        if self._may_raise(now):
            self._raise(now)
        while self._level > Level.NORMAL and (due := self._due(now)) <= now:
            self._lower(due)  # several at once if nobody has asked for long

    def _may_raise(self, now: float) -> bool:
        if self._level is Level.LIGHT or now - self._changed_at < self.policy.hold_seconds:
            return False
        busy_share, at = self._utilisation
        if busy_share < self.policy.busy_share and now - at <= self.policy.window_seconds:
            return False
        return self._misses(self.policy.window_seconds, now)

    def _misses(self, span: float, now: float) -> bool:
        return self._is_missed(self._latencies, span, now) or self._is_missed(self._waits, span, now)

    def _is_missed(self, counts: "_Counts", span: float, now: float) -> bool:
        samples, slow = counts.of_last(span, now)
        allowed = (1 - self.policy.objective_share) * samples
        return samples >= self.policy.minimum_samples and slow >= self.policy.minimum_slow and slow > allowed

    def _due(self, now: float) -> float:
        """When the level is to be left, as far as is known now."""
        stay = self._stays[self._level]
        if stay.has_ebbed(now):
            return max(self._changed_at + self.policy.calm_seconds, self._missed_at + _TICK_SECONDS)
        return max(self._changed_at, self._missed_at) + stay.patience_seconds

    def _raise(self, now: float) -> None:
        level = Level(self._level + 1)
        self._stays[level].begin(now)
        self._enter(level, now)

    def _lower(self, at: float) -> None:
        self._stays[self._level].left_at = at
        self._enter(Level(self._level - 1), at)

    def _enter(self, level: Level, at: float) -> None:
        self._level = level
        self._changed_at = at
        self._latencies.clear()
        self._waits.clear()
        if self._observer is not None:
            self._observer(level)


class _Stay:
    """What is known of staying in one level: how long to be patient, and how much it withholds."""

    def __init__(self, policy: BrownOutPolicy) -> None:
        self._policy = policy
        self.patience_seconds = policy.calm_seconds
        self.left_at = -math.inf
        self.withheld = _Counts(policy.calm_seconds)
        self._begun_at = -math.inf

    def begin(self, now: float) -> None:
        """The level was entered from the one below."""
        if now - self.left_at <= self._policy.relapse_seconds:
            longer = _PATIENCE_GROWTH * self.patience_seconds
            self.patience_seconds = min(longer, self._policy.longest_patience_seconds)
        else:
            self.patience_seconds = self._policy.calm_seconds
        self._begun_at = now
        self.withheld.clear()

    def has_ebbed(self, now: float) -> bool:
        """Whether it withholds less than half as much as on the whole stay, by two standard errors."""
        recent, _ = self.withheld.of_last(self._policy.calm_seconds, now)
        stayed = max(now - self._begun_at, self._policy.calm_seconds)
        half = 0.5 * self.withheld.total * self._policy.calm_seconds / stayed
        return recent == 0 or recent < half - 2 * math.sqrt(half)


class _Counts:
    """All and slow ones of the last seconds, by slices of time."""

    def __init__(self, window_seconds: float) -> None:
        self._kept = math.ceil(window_seconds / _SLICE_SECONDS)
        self._slices: deque[list[int]] = deque()  # number of the slice, all, slow
        self.total = 0
        """All since it was cleared."""

    def add(self, slow: bool, now: float) -> None:
        current = int(now // _SLICE_SECONDS)
        if not self._slices or self._slices[-1][0] < current:
            self._slices.append([current, 0, 0])
            while self._slices[0][0] <= current - self._kept:
                self._slices.popleft()
        self._slices[-1][1] += 1
        self._slices[-1][2] += slow
        self.total += 1

    def of_last(self, span: float, now: float) -> tuple[int, int]:
        after = int(now // _SLICE_SECONDS) - math.ceil(span / _SLICE_SECONDS)
        every = slow = 0
        for number, of_slice, slow_of_slice in reversed(self._slices):
            if number <= after:
                break
            every += of_slice
            slow += slow_of_slice
        return every, slow

    def clear(self) -> None:
        self._slices.clear()
        self.total = 0
