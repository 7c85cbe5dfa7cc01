"""Evidence that may be looked at after every outcome: capital of a gambler whom the null hypothesis pays fairly.

Bets are fractions of the capital, fixed beforehand, so that they know nothing of what they are placed on. While the
mean of what comes, given what came, is at most the stated one, the capital is a supermartingale from 1: the chance that
it *ever* reaches 1/a is at most a (Ville 1939), however often and whenever one looks. Capital is spread evenly over
fractions rather than steered by one estimate: the mixture loses at most log(number of fractions) to the best of them,
has nothing to tune, and its present value does not depend on the order of what came.
Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS B 86, 1-27.
"""

from math import exp, log

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

FRACTIONS = (0.125, 0.25, 0.5, 0.95)
"""Of the capital, lost by the worst possible observation; all of it would never come back. Differences of squared
errors deviate by about .1: what a few thousand of them can tell at all is told by one of these, or nearly."""
_HALVINGS = 16
_MOST = 700.0
_ROUNDING = 1e-9


def log_capital(values: Float64, mean: float = 0.0, *, least: float = -1.0) -> Float64:
    """Logarithm of the capital after each of n values, (n,), of bets that their mean is above `mean`.

    Values are at least `least`, which lies below `mean`; above they need no bound. Raises ValueError otherwise.
    """
    if mean <= least or (len(values) and values.min() < least - _ROUNDING):
        raise ValueError(f"bets on a mean above {mean} need values of at least {least}, below it")
    gain = np.maximum(values - mean, least - mean) / (mean - least)
    paths = np.cumsum(np.log1p(np.multiply.outer(np.array(FRACTIONS), gain)), axis=1)
    top = paths.max(axis=0)
    found: Float64 = top + np.log(np.exp(paths - top).mean(axis=0))
    return found


def peak(values: Float64, mean: float = 0.0, *, least: float = -1.0) -> float:
    """The greatest capital so far, 1 without values: its reciprocal is a p-value that is valid at any time."""
    return exp(min(_log_peak(values, mean, least), _MOST))


def peak_worse(differences: Float64) -> float:
    """Evidence that losses of one, less those of the other, in [-1, 1], are above 0 in the mean."""
    return peak(differences)


def peak_not_worse(differences: Float64, margin: float) -> float:
    """Evidence that such differences are in the mean less than `margin` above 0."""
    return peak(-differences, -margin)


def mean_bounds(values: Float64, error: float, *, least: float = -1.0, most: float = 1.0) -> tuple[float, float]:
    """Bounds of the mean of values in [least, most] that are wrong, at any time ever, with chance `error` at most.

    The means against which the capital of either side has never reached 2 / error. Intersected over time: bounds of
    more values never lie outside those of fewer.
    """
    low = _lower(values, error / 2.0, least, most)
    high = -_lower(-values, error / 2.0, -most, -least)
    return low, high


def squared_differences(candidate: Float64, champion: Float64, outcome: Float64) -> Float64:
    """Brier losses of the candidate less those of the champion, (n,), in [-1, 1]."""
    found: Float64 = (candidate - champion) * (candidate + champion - 2.0 * outcome)
    return found


def _log_peak(values: Float64, mean: float, least: float) -> float:
    return float(log_capital(values, mean, least=least).max(initial=0.0))


def _lower(values: Float64, error: float, least: float, most: float) -> float:
    """Found by halving, since capital falls in the mean bet against."""
    low, high, enough = least, most, -log(error)
    for _ in range(_HALVINGS if len(values) else 0):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _log_peak(values, middle, least) >= enough else (low, middle)
    return low
