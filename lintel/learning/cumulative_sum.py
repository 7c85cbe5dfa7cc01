"""When to learn anew: a test that watches whether matured outcomes surprise a model more, or less, than it promised."""

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

TOLERANCE = 0.1
"""Shifts of the mean below this many standard deviations are not looked for."""
RUN_LENGTH = 50_000
"""Outcomes between two false alarms, in the mean."""
_OVERSHOOT = 1.166  # Siegmund's correction for jumping over the threshold
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class CumulativeSum:
    """Page's two-sided cumulative sum of log losses minus what the forecasts themselves promise.

    Of a forecast p, the log loss has the mean H(p) = -p log p - (1 - p) log(1 - p) and the variance p (1 - p) logit(p)²
    as long as the forecast is calibrated: the test needs no reference sample and begins with the model. A loss that
    stays above its promise means overconfidence or lost skill, one that stays below it a world that became more
    certain; both are reasons to learn anew. Alarms are raised where the sum in standard deviations, less `tolerance` a
    row, lies more than `threshold` above its least value so far.
    Page (1954), "Continuous inspection schemes", Biometrika 41, 100-115.
    """

    threshold: float
    tolerance: float = TOLERANCE

    def alarm(self, outcome: NDArray[np.bool_], probability: Float64) -> int | None:
        """Position of the first alarm among n rows in order of time; None if there is none."""
        surprise = surprises(outcome, probability)
        raised = np.maximum(_climb(surprise - self.tolerance), _climb(-surprise - self.tolerance)) > self.threshold
        return int(np.argmax(raised)) if raised.any() else None


def cumulative_sum(*, run_length: float = RUN_LENGTH, tolerance: float = TOLERANCE) -> CumulativeSum:
    """The test whose false alarms are about `run_length` outcomes apart in the mean.

    The threshold is where Siegmund's approximation for normal sums (1985, "Sequential Analysis", eq. 2.57) gives twice
    that length to either side.
    """
    low, high = 0.0, log(4.0 * tolerance**2 * run_length + 2.0) / tolerance
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _run_length(middle, tolerance) < 2.0 * run_length else (low, middle)
    return CumulativeSum(high, tolerance)


def surprises(outcome: NDArray[np.bool_], probability: Float64) -> Float64:
    """Log loss minus its promised mean, (n,), over the promised standard deviation of the rows so far."""
    log_odds = np.log(probability) - np.log1p(-probability)
    variance = probability * (1.0 - probability) * log_odds**2
    promised = np.cumsum(variance) / np.arange(1, len(variance) + 1)
    return (probability - outcome) * log_odds / np.sqrt(np.maximum(promised, _LEAST_VARIANCE))


def _climb(steps: Float64) -> Float64:
    """How far the sum of steps lies above its least value so far, which is 0 or less, (n,)."""
    total = np.cumsum(steps)
    return total - np.minimum(np.minimum.accumulate(total), 0.0)


def _run_length(threshold: float, tolerance: float) -> float:
    """Mean number of rows until a false alarm to one side."""
    reach = 2.0 * tolerance * (threshold + _OVERSHOOT)
    return (exp(reach) - reach - 1.0) / (2.0 * tolerance**2)
