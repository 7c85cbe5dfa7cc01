"""Whether a lead's chance of winning rises or falls, judged against the doubt of the score."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

WINDOW_DAYS = 14
LEAST_SCORES = 3
LEAST_DAYS = 2
"""How far back the oldest of the past scores must lie: three scores of one morning are no history."""
LEAST_CHANGE = 0.2
"""Log-odds: five percentage points at even odds. Less is not worth a word, however sure it is."""


class Trend(StrEnum):
    """Where the chance of winning goes."""

    IMPROVING = "improving"
    STEADY = "steady"
    DECLINING = "declining"
    UNKNOWN = "not_enough_history"


@dataclass(frozen=True, slots=True)
class PastScores:
    """Earlier scores of one lead by one and the same model: times (k,) in UTC µs, probabilities (k,)."""

    as_of: Int64
    probability: Float64


NO_PAST = PastScores(np.zeros(0, np.int64), np.zeros(0))


def trend(past: PastScores, as_of: int, probability: float, interval: tuple[float, float]) -> Trend:
    """Compare a score with the median of those that the same model gave in the 14 days before.

    The lead is improving (declining) if its log-odds lie above (below) that median by at least half the width of its
    own interval in log-odds, and by `LEAST_CHANGE`: what lies within the doubt is steady. The median makes it robust
    to a night without a run and to a single odd score, and shows a step at once where a slope would wait for days.
    Needs `LEAST_SCORES` scores of which the oldest is `LEAST_DAYS` old. Scores of another model are none: a change of
    models is no trend, so that after a promotion there is not enough history for two days.

    Parameters
    ----------
    as_of: UTC µs; scores at or after it do not count.
    probability, interval: the score now, strictly between 0 and 1.
    """
    inside = (past.as_of < as_of) & (past.as_of >= as_of - WINDOW_DAYS * MICROSECONDS_PER_DAY)
    seen = past.as_of[inside]
    if len(seen) < LEAST_SCORES or as_of - int(seen.min()) < LEAST_DAYS * MICROSECONDS_PER_DAY:
        return Trend.UNKNOWN
    before = float(np.median([_log_odds(one) for one in past.probability[inside].tolist()]))
    low, high = interval
    doubt = max((_log_odds(high) - _log_odds(low)) / 2, LEAST_CHANGE)
    change = _log_odds(probability) - before
    if abs(change) < doubt:
        return Trend.STEADY
    return Trend.IMPROVING if change > 0 else Trend.DECLINING


def _log_odds(probability: float) -> float:
    return math.log(probability) - math.log1p(-probability)
