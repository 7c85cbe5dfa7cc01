"""Two forecasters on the same rows: how much their log losses differ, and whether that is more than noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]

LEVEL = 0.95
DRAWS = 1_000
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """Log losses in nats of two forecasters on the same n rows, (n,) each; `lead` says whose row each is."""

    ours: Float64
    theirs: Float64
    weight: Float64
    lead: NDArray[np.int32]

    def mean(self, losses: Float64) -> float:
        """Weighted mean of losses of these rows."""
        return float(self.weight @ losses / self.weight.sum())


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of our loss minus theirs, and its interval: below zero we are better."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Beyond noise."""
        return self.high < 0.0

    @property
    def worse(self) -> bool:
        """Beyond noise."""
        return self.low > 0.0

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ({LEVEL:.0%} by lead {self.low:+.4f} to {self.high:+.4f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences by task, and that of the plain mean over tasks."""

    mean: Difference
    tasks: Mapping[str, Difference]


def row_log_loss(outcome: NDArray[np.bool_], probability: Float64) -> Float64:
    """Negative log-likelihood of each of n rows, in nats; certainties are bounded away from 0 and 1."""
    bounded = np.clip(probability, _LEAST, 1.0 - _LEAST)
    return -np.where(outcome, np.log(bounded), np.log1p(-bounded))


def paired_comparison(
    paired: Mapping[str, PairedLosses], *, seed: int, draws: int = DRAWS, level: float = LEVEL
) -> Comparison:
    """Differences in weighted mean log loss with percentile intervals of a bootstrap by lead.

    A draw takes the same leads for both forecasters and for all tasks, since a lead's rows share its fate in all of
    them (Efron and Tibshirani 1993, chapter 8). Raises ValueError without a task or for a task without rows.
    """
    if not paired or not all(len(one.lead) for one in paired.values()):
        raise ValueError("a comparison needs rows in every task")
    gap, weight = _by_lead(paired)
    observed = gap.sum(axis=0) / weight.sum(axis=0)
    counts = islice(lead_draws(np.arange(len(gap), dtype=np.int32), seed), draws)
    drawn = np.array([_ratio(count @ gap, count @ weight) for count in counts])
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    tasks = {
        name: Difference(float(observed[k]), *_interval(drawn[:, k], tails)) for k, name in enumerate(paired.keys())
    }
    return Comparison(Difference(float(observed.mean()), *_interval(drawn.mean(axis=1), tails)), tasks)


def _by_lead(paired: Mapping[str, PairedLosses]) -> tuple[Float64, Float64]:
    """Weighted sum of differences and sum of weights of each of L leads in each of k tasks, (L, k) both."""
    leads = np.unique(np.concatenate([one.lead for one in paired.values()]))
    positions = [np.searchsorted(leads, one.lead) for one in paired.values()]
    gaps = [(one.ours - one.theirs) * one.weight for one in paired.values()]
    weights = [one.weight for one in paired.values()]
    gap, weight = (
        [np.bincount(at, one, len(leads)) for at, one in zip(positions, columns, strict=True)]
        for columns in (gaps, weights)
    )
    return np.stack(gap, axis=1), np.stack(weight, axis=1)


def _ratio(above: Float64, below: Float64) -> Float64:
    """NaN where no lead of a task was drawn."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _interval(drawn: Float64, tails: tuple[float, float]) -> tuple[float, float]:
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, tails) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)
