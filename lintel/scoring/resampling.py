"""Bootstrap by lead: all rows of a lead are drawn together, because they share its fate."""

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

Metric = Callable[[Bool, Float64, Float64], float]
"""A figure of (outcome, probability, weight), (n,) each."""


def lead_draws(lead: NDArray[np.int32], seed: int) -> Iterator[NDArray[np.int64]]:
    """Without end: how often each row counts, (n,), when as many leads as there are get drawn with replacement."""
    leads, position = np.unique(lead, return_inverse=True)
    random = np.random.default_rng(seed)
    while len(leads):
        yield np.bincount(random.integers(0, len(leads), len(leads)), minlength=len(leads))[position]


def bootstrap_interval(
    metric: Metric,
    outcome: Bool,
    probability: Float64,
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    seed: int,
    draws: int = 200,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a metric over draws of leads; Efron, Tibshirani (1993), section 13.3.

    Draws in which the metric is undefined (NaN) are left out; (NaN, NaN) if it always is.
    """
    values = []
    for count in islice(lead_draws(lead, seed), draws):
        drawn = count > 0
        values.append(metric(outcome[drawn], probability[drawn], weight[drawn] * count[drawn]))
    defined = np.array(values)[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, ((1.0 - level) / 2.0, (1.0 + level) / 2.0))
    return float(low), float(high)
