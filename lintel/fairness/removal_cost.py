"""What a score loses when features that carry a proxy are left out of its training."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.metrics import auc, log_loss
from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Rows = NDArray[np.intp]

Fit = Callable[[Rows], Float64]
"""Learn from the columns at these positions, and forecast the judged rows: (n,) probabilities."""


@dataclass(frozen=True, slots=True)
class RemovalCost:
    """AUC and log loss with all features and without some; an `auc_loss` above 0 is what the removal costs."""

    auc: float
    auc_without: float
    auc_loss: float
    auc_loss_interval: tuple[float, float]
    log_loss: float
    log_loss_without: float


def removal_cost(
    fit: Fit,
    columns: int,
    dropped: Rows,
    *,
    outcome: Bool,
    weight: Float64,
    lead: NDArray[np.int32],
    seed: int,
    draws: int = 200,
    level: float = 0.95,
) -> RemovalCost:
    """Train twice, with all of `columns` and without the `dropped` positions, and compare on the same n judged rows.

    `outcome`, `weight`, `lead`, (n,), belong to the rows that `fit` forecasts. NaN where they have one outcome only.
    """
    every = np.arange(columns)
    whole, less = fit(every), fit(np.setdiff1d(every, dropped))
    losses = []
    for count in islice(lead_draws(lead, seed), draws):
        drawn = count > 0
        counted = weight[drawn] * count[drawn]
        losses.append(auc(outcome[drawn], whole[drawn], counted) - auc(outcome[drawn], less[drawn], counted))
    defined = np.array(losses)[~np.isnan(losses)]
    low, high = np.quantile(defined, ((1 - level) / 2, (1 + level) / 2)) if len(defined) else (np.nan, np.nan)
    with_all, without = auc(outcome, whole, weight), auc(outcome, less, weight)
    return RemovalCost(
        auc=with_all,
        auc_without=without,
        auc_loss=with_all - without,
        auc_loss_interval=(float(low), float(high)),
        log_loss=log_loss(outcome, whole, weight),
        log_loss_without=log_loss(outcome, less, weight),
    )
