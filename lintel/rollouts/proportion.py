"""Evidence on shares, and bounds of a quantile, that stay valid when they are looked at after every answer.

The capital of bets against a share q that are spread over all shares by Jeffreys' prior has a closed form in the counts
alone; it is a martingale if q is the share, so that the shares against which it stays below 1/a hold the true one at
all times with chance 1 - a. Robbins (1970), "Statistical methods related to the law of the iterated logarithm".
"""

from math import inf, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

Float64 = NDArray[np.float64]

_ROUNDS = 40


def log_capital_against(share: float | Float64, events: float | Float64, trials: float | Float64) -> Float64:
    """Logarithm of the capital of bets against `share` after `events` in `trials`; arguments are broadcast."""
    rest = np.subtract(trials, events)
    mixture = betaln(np.add(events, 0.5), rest + 0.5) - betaln(0.5, 0.5)
    found: Float64 = mixture - xlogy(events, share) - xlog1py(rest, np.negative(share))
    return found


def log_capital_of_increase(ours: tuple[int, int], theirs: tuple[int, int], increase: float) -> float:
    """Logarithm of the capital of bets that our share of events exceeds theirs by more than `increase`; 0 if it does
    not in what is seen. Both are (events, trials).

    The least product of the two capitals over all pairs of shares that lie no further apart: at the true pair it is a
    martingale. Half of the money is not bet on their share, so that many trials of theirs cost no more than log 2.
    """
    if not ours[1] or not theirs[1] or ours[0] / ours[1] <= theirs[0] / theirs[1] + increase:
        return 0.0
    low, high = 0.0, 1.0 - increase
    for _ in range(_ROUNDS):  # convex in their share, so that thirds close in on its least value
        third = (high - low) / 3.0
        first, second = (_capital_of_pair(ours, theirs, at, increase) for at in (low + third, high - third))
        low, high = (low, high - third) if first <= second else (low + third, high)
    return _capital_of_pair(ours, theirs, (low + high) / 2.0, increase)


def quantile_bounds(values: Float64, quantile: float, error: float) -> tuple[float, float]:
    """Bounds of a quantile: order statistics, whatever the distribution. (-inf, inf) where too few values bound it.

    `values`: (n,) in any order. How many of them lie above the quantile is a count of events with the share
    1 - quantile at most; Howard and Ramdas (2022), "Sequential estimation of quantiles", Bernoulli 28.
    """
    above = np.arange(len(values) + 1.0)
    unlikely = log_capital_against(1.0 - quantile, above, float(len(values))) >= -log(error)
    expected = len(values) * (1.0 - quantile)
    many, few = np.flatnonzero(unlikely & (above > expected)), np.flatnonzero(unlikely & (above < expected))
    ordered = np.sort(values)
    low = float(ordered[len(values) - many[0]]) if len(many) else -inf
    high = float(ordered[len(values) - few[-1] - 1]) if len(few) else inf
    return low, high


def _capital_of_pair(ours: tuple[int, int], theirs: tuple[int, int], share: float, increase: float) -> float:
    both = log_capital_against(np.array([share + increase, share]), *np.array([ours, theirs]).T)
    return float(both[0] + np.logaddexp(0.0, both[1]) - log(2.0))
