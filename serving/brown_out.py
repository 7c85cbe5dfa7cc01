"""Brown-out: when interactive requests miss their objective, the service does less, one level at a time.

The micro-batcher serves interactive rows first, and its bounded queues refuse what is too much. This is the second
line, for when that is not enough: explanations go first, then bulk, then event requests, and at last interactive
requests are answered by the light model. Only interactive requests without explanations are judged; a long queue of
bulk alone changes nothing. Pure logic on the caller's clock (seconds, monotonic), for one event loop.

A level is judged by requests that did not find the backlog of the level before, changes are at least a hold apart, and
levels that would withhold nothing, because nobody asks for it, are passed over. A calm level is left soon when what it
withholds is asked for less than half as often as before, else as a trial: one that fails is undone, and the next waits
eight times as long, so that steady overload is not let in again every second.
Source of the idea: C. Klein et al., Brownout: building more robust cloud applications, ICSE 2014.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from lintel.settings import Settings
from serving.urgency import Urgency

_TICK_SECONDS = 0.02  # the level is worked out no more often: it is asked for several times a request
_SLICE_SECONDS = 0.1  # windows move in such steps, so that memory does not grow with the requests
_PATIENCE_GROWTH = 8.0
_STANDARD_ERRORS = 3.0  # by which the objective is to be missed: a few slow ones more than allowed are chance


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
    wait_share: float = 0.8
    """An interactive row that waited longer than this share of the objective before compute will be late, too."""
    minimum_samples: int = 10
    minimum_slow: int = 3
    """Fewer slow requests than this are chance, whatever their share. In a trial they suffice without more samples."""
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


def policy_of(settings: Settings) -> BrownOutPolicy:
    return BrownOutPolicy(settings.interactive_slo_ms / 1_000, settings.interactive_slo_share)


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
        self._latencies = _Samples(policy)
        self._waits = _Samples(policy)
        self._utilisation = (1.0, -math.inf)
        self._worked_out_at = -math.inf
        self._changed_at = -math.inf
        self._judged_from = -math.inf
        self._backlog_seconds = 0.0
        self._came_from_above = False
        self._missed_at = -math.inf
        self._stays = {level: _Stay(policy) for level in Level}

    def observe(self, latency_seconds: float, now: float) -> None:
        """An interactive request without explanations was answered, or given up, after so long."""
        self._note(self._latencies, latency_seconds, self.policy.objective_seconds, now)

    def observe_wait(self, wait_seconds: float, now: float) -> None:
        """An interactive row began to be computed after so long in the queue."""
        self._note(self._waits, wait_seconds, self.policy.wait_share * self.policy.objective_seconds, now)

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

    def _note(self, samples: "_Samples", seconds: float, limit: float, now: float) -> None:
        if seconds > limit:
            self._backlog_seconds = min(2 * seconds, self.policy.calm_seconds)  # it was still growing meanwhile
        samples.add(seconds > limit, now, of_this_level=now - seconds >= self._judged_from)

    def _withholds(self, level: Level, now: float) -> bool:
        holds = self.level(now) >= level
        self._stays[level].note(now, withheld=holds)
        return holds

    def _work_out(self, now: float) -> None:
        if self._latencies.were_missed(now) or self._waits.were_missed(now):
            self._missed_at = now
        if self._may_raise(now):
            self._raise(now)
        while self._level > Level.NORMAL and (due := self._due(now)) <= now:
            self._lower(due, now)  # several at once if nobody has asked for long

    def _may_raise(self, now: float) -> bool:
        if self._level is Level.LIGHT or now - self._changed_at < self.policy.hold_seconds:
            return False
        busy_share, at = self._utilisation
        if busy_share < self.policy.busy_share and now - at <= self.policy.window_seconds:
            return False
        trial = self._is_in_trial(now)
        return self._latencies.are_missed(now, trial=trial) or self._waits.are_missed(now, trial=trial)

    def _is_in_trial(self, now: float) -> bool:
        return self._came_from_above and now - self._changed_at <= self.policy.relapse_seconds

    def _due(self, now: float) -> float:
        """When the level is to be left, as far as is known now."""
        stay = self._stays[self._level]
        if stay.has_ebbed(now):
            return max(self._changed_at + self.policy.calm_seconds, self._missed_at + _TICK_SECONDS)
        return max(self._changed_at, self._missed_at) + stay.patience_seconds

    def _raise(self, now: float) -> None:
        level = next(level for level in Level if level > self._level and self._is_of_use(level, now))
        # a trial that failed says only that the level is still needed, and it was enough before
        settling = self.policy.calm_seconds if self._is_in_trial(now) else self._backlog_seconds
        self._stays[level].begin(now)
        self._enter(level, now, settling=settling)
        self._came_from_above = False

    def _lower(self, at: float, now: float) -> None:
        self._stays[self._level].left_at = at
        level = max(level for level in Level if level < self._level and self._is_of_use(level, now))
        self._enter(level, at)
        self._came_from_above = True

    def _is_of_use(self, level: Level, now: float) -> bool:
        return level in (Level.NORMAL, Level.LIGHT) or self._stays[level].is_asked_for(now)

    def _enter(self, level: Level, at: float, *, settling: float = 0.0) -> None:
        self._level = level
        self._changed_at = at
        self._judged_from = at + settling
        self._latencies.begin_level()
        self._waits.begin_level()
        if self._observer is not None:
            self._observer(level)


class _Samples:
    """Fast and slow ones: of late, and those of them that began in the level."""

    def __init__(self, policy: BrownOutPolicy) -> None:
        self._policy = policy
        self._late = _Counts(policy.calm_seconds)
        self._of_level = _Counts(policy.window_seconds)

    def add(self, slow: bool, now: float, *, of_this_level: bool) -> None:
        self._late.add(slow, now)
        if of_this_level:
            self._of_level.add(slow, now)

    def were_missed(self, now: float) -> bool:
        """Whether the objective was missed of late, by requests that began whenever."""
        return self._is_missed(*self._late.of_window(now))

    def are_missed(self, now: float, *, trial: bool) -> bool:
        """Whether the level does not meet the objective."""
        samples, slow = self._of_level.of_window(now)
        return (trial or samples >= self._policy.minimum_samples) and self._is_missed(samples, slow)

    def begin_level(self) -> None:
        self._of_level.clear()

    def _is_missed(self, samples: int, slow: int) -> bool:
        allowed = (1 - self._policy.objective_share) * samples
        return slow >= self._policy.minimum_slow and slow > allowed + _STANDARD_ERRORS * math.sqrt(allowed)


class _Stay:
    """What is known of staying in one level: how long to be patient, and how much of it is asked for."""

    def __init__(self, policy: BrownOutPolicy) -> None:
        self._policy = policy
        self.patience_seconds = policy.calm_seconds
        self.left_at = -math.inf
        self._begun_at = -math.inf
        self._asked = _Counts(policy.window_seconds)
        self._withheld = _Counts(policy.calm_seconds)
        self._withheld_in_stay = 0

    def note(self, now: float, *, withheld: bool) -> None:
        """Somebody asked for what the level withholds."""
        self._asked.add(False, now)
        if withheld:
            self._withheld.add(False, now)
            self._withheld_in_stay += 1

    def is_asked_for(self, now: float) -> bool:
        return self._asked.of_window(now)[0] > 0

    def begin(self, now: float) -> None:
        """The level was entered from below."""
        if now - self.left_at <= self._policy.relapse_seconds:
            longer = _PATIENCE_GROWTH * self.patience_seconds
            self.patience_seconds = min(longer, self._policy.longest_patience_seconds)
        else:
            self.patience_seconds = self._policy.calm_seconds
        self._begun_at = now
        self._withheld.clear()
        self._withheld_in_stay = 0

    def has_ebbed(self, now: float) -> bool:
        """Whether it withholds less than half as much as on the whole stay, by two standard errors."""
        recent, _ = self._withheld.of_window(now)
        stayed = max(now - self._begun_at, self._policy.calm_seconds)
        half = 0.5 * self._withheld_in_stay * self._policy.calm_seconds / stayed
        return recent == 0 or recent < half - 2 * math.sqrt(half)


class _Counts:
    """All and slow ones of the last seconds, by slices of time."""

    def __init__(self, window_seconds: float) -> None:
        self._kept = math.ceil(window_seconds / _SLICE_SECONDS)
        self._slices: deque[list[int]] = deque()  # number of the slice, all, slow

    def add(self, slow: bool, now: float) -> None:
        current = int(now // _SLICE_SECONDS)
        self._drop_old(current)
        if not self._slices or self._slices[-1][0] < current:
            self._slices.append([current, 0, 0])
        self._slices[-1][1] += 1
        self._slices[-1][2] += slow

    def of_window(self, now: float) -> tuple[int, int]:
        self._drop_old(int(now // _SLICE_SECONDS))
        return sum(every for _, every, _ in self._slices), sum(slow for _, _, slow in self._slices)

    def clear(self) -> None:
        self._slices.clear()

    def _drop_old(self, current: int) -> None:
        while self._slices and self._slices[0][0] <= current - self._kept:
            self._slices.popleft()
