"""Bounds of a share, and of a quantile, that stay valid when they are looked at after every answer.

The capital of bets against a share q that are spread over all shares by Jeffreys' prior has a closed form in the counts
alone; it is a martingale if q is the share, so that the shares against which it stays below 1/a hold the true one at
all times with chance 1 - a. Robbins (1970), "Statistical methods related to the law of the iterated logarithm".
"""

from math import inf, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

Float64 = NDArray[np.float64]

_HALVINGS = 40


def log_capital_against(share: float | Float64, events: float | Float64, trials: float | Float64) -> Float64:
    """Logarithm of the capital of bets against `share` after `events` in `trials`; arguments are broadcast."""
    rest = np.subtract(trials, events)
    mixture = betaln(np.add(events, 0.5), rest + 0.5) - betaln(0.5, 0.5)
    found: Float64 = mixture - xlogy(events, share) - xlog1py(rest, np.negative(share))
    return found


def share_bounds(events: int, trials: int, error: float) -> tuple[float, float]:
    """Bounds of the share of events; wrong at any time ever with chance `error` at most. (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    low = 0.0 if not events else _edge(events, trials, error)
    high = 1.0 if events == trials else 1.0 - _edge(trials - events, trials, error)
    return low, high


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


def _edge(events: int, trials: int, error: float) -> float:
    """The greatest share below the observed one that is bet against well enough."""
    low, high = 0.0, events / trials
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if log_capital_against(middle, events, trials) >= -log(error) else (low, middle)
    return low
