"""What others judge a canary by, on the same simulated leads: fixed thresholds, and tests meant for a single look."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.simulated_rollout import HORIZONS, LEVELS, World
from lintel.rollouts.e_process import log_capital, squared_differences
from lintel.rollouts.plan import Limits

Float64 = NDArray[np.float64]

LIMITS = Limits()
CANARY_HOURS, CANARY_SHARE = 48, 0.25
WATCH_DAYS = 30
LEAST_OUTCOMES = 30


def fixed_thresholds(one: World) -> float:
    """Hour at which one hour's share of failures, or percentile of latency, passes its limit: as a progressive delivery
    tool judges with a failure limit of 0, every measurement by itself."""
    for hour in range(CANARY_HOURS):
        inside = (one.arrived >= hour) & (one.arrived < hour + 1)
        mine, theirs = inside & (one.place < CANARY_SHARE), inside & (one.place >= CANARY_SHARE)
        if not mine.any() or not theirs.any():
            continue
        failed = one.we_fail[mine].mean() > LIMITS.failure_increase
        ours, others = (np.sort(ms)[int(0.95 * len(ms))] for ms in (one.our_ms[mine], one.their_ms[theirs]))
        if failed or ours > LIMITS.latency_ratio * others:
            return hour + 1.0
    return np.inf


def repeated_z_test(one: World) -> float:
    """Hour at which a one-sided test of two shares of failures, on all so far, first has p < .05."""
    inside = (one.arrived >= 0) & (one.arrived < CANARY_HOURS)
    mine, theirs = inside & (one.place < CANARY_SHARE), inside & (one.place >= CANARY_SHARE)
    hours = np.arange(1.0, CANARY_HOURS + 1.0)
    asked, others = (np.searchsorted(one.arrived[rows], hours) for rows in (mine, theirs))
    failed, lost = (
        np.concatenate([[0], np.cumsum(what[rows])])[count]
        for what, rows, count in ((one.we_fail, mine, asked), (one.they_fail, theirs, others))
    )
    both = np.maximum(asked, 1), np.maximum(others, 1)
    pooled = (failed + lost) / (both[0] + both[1])
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / both[0] + 1 / both[1]), 1e-12))
    return _first((failed / both[0] - lost / both[1]) / error > norm.isf(0.05), hours)


def quality_tests(one: World) -> dict[str, float]:
    """Day on which each test of quality first finds any dimension worse, all on the same leads, looked at once a day.

    `e_process`: ours, the greatest capital so far against Bonferroni's bound; `e_averaged`: the mean of the present
    capitals; `t_every_day`: a paired t-test, p < .05 over the number of dimensions; `t_once`: the same, on the
    last day only.
    """
    days = np.arange(1.0, WATCH_DAYS + 1.0)
    error = LIMITS.false_alarm / len(LEVELS)
    peaks, present, t_tests = [], [], []
    for name in LEVELS:
        rows = (one.arrived >= 0) & (one.arrived < 24.0 * WATCH_DAYS)
        differences = squared_differences(one.ours[name][rows], one.theirs[name][rows], one.outcome[name][rows])
        known = np.searchsorted(one.arrived[rows] + 24.0 * HORIZONS[name], 24.0 * days)
        capital = np.concatenate([[0.0], log_capital(differences)])
        peaks.append(np.maximum.accumulate(capital)[known])
        present.append(capital[known])
        t_tests.append(_t_values(differences, known))
    worse = np.max(t_tests, axis=0) > student.isf(error, 1_000)
    return {
        "e_process": _first(np.max(peaks, axis=0) >= -np.log(error), days),
        "e_averaged": _first(np.exp(np.minimum(present, 500.0)).mean(axis=0) >= 1.0 / LIMITS.false_alarm, days),
        "t_every_day": _first(worse, days),
        "t_once": float(days[-1]) if worse[-1] else np.inf,
    }


def _t_values(differences: Float64, known: NDArray[np.intp]) -> Float64:
    """The t statistic of the first `known` of them; 0 where they are few."""
    count = np.maximum(known, 2)
    sums, squares = (np.concatenate([[0.0], np.cumsum(differences**power)])[known] for power in (1, 2))
    variance = np.maximum(squares - sums**2 / count, 1e-12) / (count - 1)
    return np.where(known >= LEAST_OUTCOMES, sums / count / np.sqrt(variance / count), 0.0)


def _first(reached: NDArray[np.bool_], times: Float64) -> float:
    return float(times[np.argmax(reached)]) if reached.any() else np.inf
