"""Concept drift of forecasts whose calibration is an estimate: false alarms where nothing changes, and delays."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.observed_share import observed_share
from lintel.monitoring.drift.concept import RUN_LENGTH, matured_leads, watch
from lintel.scoring.calibrated_stack import CalibratedStack, calibrated
from lintel.scoring.dimension import LEVEL
from lintel.scoring.stacking import Stack

Float64 = NDArray[np.float64]

SIZES = (300, 600, 2_000)
BASES = {0.3: -0.4, 0.06: -2.4}
"""Of outcomes that are yes, about, and the log-odds that make it so."""
CHANGES = ("fewer deals", "far fewer deals", "scores say less", "scores say nothing")
_DRAWS, _LEAST_OF_A_CLASS, _GRID = 200, 5, 500
_MEAN, _SPREAD = -1.0, 1.2


@dataclass(frozen=True, slots=True)
class Course:
    """Streams of leads that mature: how many are drawn, and how many leads come before and after the change."""

    draws: int
    before: int
    after: int = 0

    def __len__(self) -> int:
        return self.before + self.after


STILL, CHANGED = Course(300, 10_000), Course(40, 2_000, 8_000)


def still_streams(course: Course = STILL, *, seed: int) -> Iterator[dict[str, Any]]:
    """By size of the calibration and base rate: the share of streams with any alarm, its interval, and the most that
    the stated run length allows; beside it, of the same streams if the calibration is taken for exact."""
    for number, (size, base) in enumerate((size, base) for size in SIZES for base in BASES):
        random = np.random.default_rng((seed, 2, number))
        found = [_alarms(size, base, course, "", random) for _ in range(course.draws)]
        ours, exact = (observed_share(one is not None for one in some) for some in zip(*found, strict=True))
        told = {"calibrated_on": size, "base_rate": base, "leads": len(course), "allowed": len(course) / RUN_LENGTH}
        yield told | {"alarms": ours["rate"], "low": ours["low"], "high": ours["high"], "taken_as_exact": exact["rate"]}


def changed_streams(course: Course = CHANGED, *, seed: int) -> Iterator[dict[str, Any]]:
    """By size of the calibration and kind of change: the share that is noticed after it, its interval, and the median
    of leads until then; beside it the same if the calibration is taken for exact."""
    for number, (size, change) in enumerate((size, change) for size in SIZES for change in CHANGES):
        random = np.random.default_rng((seed, 3, number))
        found = [_alarms(size, 0.3, course, change, random) for _ in range(course.draws)]
        delays = [[_delay(one, course) for one in some] for some in zip(*found, strict=True)]
        ours, exact = (observed_share(np.isfinite(some)) for some in delays)
        told = {"calibrated_on": size, "change": change, "noticed": ours["rate"], "low": ours["low"]}
        told |= {"high": ours["high"], "after_leads": _median(delays[0])}
        yield told | {"taken_as_exact": exact["rate"], "exact_after_leads": _median(delays[1])}


def _alarms(
    size: int, base: float, course: Course, change: str, random: np.random.Generator
) -> tuple[int | None, int | None]:
    """The lead of the first alarm in one stream, by our rule and by the same with intervals of no width."""
    model, score = _model(size, base, random), random.normal(_MEAN, _SPREAD, len(course))
    later = np.arange(len(course)) >= course.before
    log_odds = np.where(later, _changed(change, score, base), _log_odds(score, base))
    order = np.arange(len(course))
    probability, interval = _told(model, score)
    told = random.random(len(course)) < expit(log_odds), probability, np.ones(len(course)), order, order
    both = (matured_leads(*told, interval=one) for one in (interval, (probability, probability)))
    ours, exact = (watch(one).alarm for one in both)
    return ours, exact


def _model(size: int, base: float, random: np.random.Generator) -> CalibratedStack:
    """One member, calibrated on so many leads, of which both outcomes have a few."""
    stack = Stack(np.ones(1), 0.0, np.ones((_DRAWS, 1)), np.zeros(_DRAWS))
    while True:
        score = random.normal(_MEAN, _SPREAD, size)
        outcome = random.random(size) < expit(_log_odds(score, base))
        if _LEAST_OF_A_CLASS <= outcome.sum() <= size - _LEAST_OF_A_CLASS:
            lead = np.arange(size, dtype=np.int32)
            return calibrated(stack, score[:, None], outcome, np.ones(size), lead, seed=int(random.integers(2**31)))


def _told(model: CalibratedStack, score: Float64) -> tuple[Float64, tuple[Float64, Float64]]:
    """Probabilities and their intervals, which are read off at some hundred scores: they depend on nothing else."""
    probability, at = model.probability(score[:, None]), np.linspace(score.min(), score.max(), _GRID)
    low, high = (np.interp(score, at, end) for end in model.interval(at[:, None], LEVEL))
    return probability, (np.minimum(low, probability), np.maximum(high, probability))


def _log_odds(score: Float64, base: float) -> Float64:
    """Not the line that the score claims: what the calibration has to find out."""
    return BASES[base] + 0.8 * score + 0.15 * np.tanh(2.0 * score)


def _changed(change: str, score: Float64, base: float) -> Float64:
    middle = float(_log_odds(np.array(_MEAN), base))
    if change == "scores say nothing":
        return np.full(len(score), middle)
    if change == "scores say less":
        return middle + 0.35 * (score - _MEAN)
    return _log_odds(score, base) - {"": 0.0, "fewer deals": 0.5, "far fewer deals": 1.0}[change]


def _delay(alarm: int | None, course: Course) -> float:
    """Leads from the change to the alarm; infinite without one, or if it came before."""
    return float(alarm - course.before) if alarm is not None and alarm >= course.before else np.inf


def _median(delays: list[float]) -> float | None:
    """Of those that were noticed."""
    finite = [one for one in delays if np.isfinite(one)]
    return float(np.median(finite)) if finite else None
