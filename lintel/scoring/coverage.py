"""How far the interval can be trusted: observed rates in cells of the score, beside forecasts and their doubt.

The rate behind an interval is never seen, only the outcomes of the leads of a cell, which vary by chance, too. So an
interval is judged together with that chance, which is estimated by lead: rows of a lead share its fate.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, norm

from lintel.scoring.metrics import base_rate
from lintel.scoring.resampling import bootstrap_interval

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Leads = NDArray[np.int32]

LEAST_LEADS = 200
MOST_CELLS = 20
_BAND = 0.95


@dataclass(frozen=True, slots=True)
class Forecast:
    """n rows of a fold that nothing was fitted on: what was forecast, and what happened; (n,) each.

    `low` and `high` are the interval's ends at `level`.
    """

    outcome: Bool
    probability: Float64
    low: Float64
    high: Float64
    weight: Float64
    lead: Leads
    level: float = 0.9

    def take(self, rows: Bool | NDArray[np.intp]) -> "Forecast":
        """The forecasts of some rows: those of one origin, say, or of leads that were unseen in training."""
        probability, low, high = self.probability[rows], self.low[rows], self.high[rows]
        return Forecast(
            self.outcome[rows], probability, low, high, self.weight[rows], self.lead[rows], level=self.level
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows scored alike. All means are weighted."""

    leads: int
    forecast: float
    low: float
    high: float
    observed: float
    error: float  # standard error of `observed`, by lead
    residual: float  # observed less forecast, over the standard error of both
    sampling_residual: float  # the same over `error` alone: as if the forecast had no doubt
    held: bool  # whether `observed` lies in the interval once that is widened by `error`


@dataclass(frozen=True, slots=True)
class IntervalCoverage:
    """Cells and what they say together. Residuals of honest intervals have a variance near 1: above it they are too
    narrow, below it too wide. `variance_band` is where chance puts it in 95 % of such folds."""

    level: float
    cells: tuple[Cell, ...]
    coverage: float  # share of cells held, by weight
    residual_variance: float
    sampling_residual_variance: float
    variance_band: tuple[float, float]
    mean_width: float
    winkler: float
    base_rate_winkler: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HitShare:
    """How many values a band held, beside the binomial band of its level for as many leads."""

    level: float
    leads: int
    share: float
    low: float
    high: float
    mean_width: float

    @property
    def inside(self) -> bool:
        return self.low <= self.share <= self.high

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "inside": self.inside}


def interval_coverage(forecast: Forecast, base_interval: tuple[float, float]) -> IntervalCoverage | None:
    """Judge the intervals of a fold; None if it has fewer than 200 leads.

    `base_interval` is the interval of the base rate, at the same level, that whoever has no model would give.
    """
    parts = list(_cells(forecast))
    if not parts:
        return None
    cells = tuple(_cell(forecast.take(rows)) for rows in parts)
    mass = np.array([forecast.weight[rows].sum() for rows in parts])
    residual, sampling = (np.array([getattr(one, name) for one in cells]) for name in ("residual", "sampling_residual"))
    base_low, base_high = base_interval
    own_scores = [winkler(one.low, one.high, one.observed, forecast.level) for one in cells]
    base_scores = [winkler(base_low, base_high, one.observed, forecast.level) for one in cells]
    low, high = (float(chi2.ppf(tail, len(cells)) / len(cells)) for tail in ((1.0 - _BAND) / 2, (1.0 + _BAND) / 2))
    return IntervalCoverage(
        level=forecast.level,
        cells=cells,
        coverage=float(np.average([one.held for one in cells], weights=mass)),
        residual_variance=float(np.mean(residual**2)),
        sampling_residual_variance=float(np.mean(sampling**2)),
        variance_band=(low, high),
        mean_width=float(np.average([one.high - one.low for one in cells], weights=mass)),
        winkler=float(np.average(own_scores, weights=mass)),
        base_rate_winkler=float(np.average(base_scores, weights=mass)),
    )


def base_rate_interval(
    outcome: Bool, weight: Float64, lead: Leads, *, seed: int, level: float = 0.9
) -> tuple[float, float]:
    """What whoever has no model would say of every lead: the rate of an earlier fold, (n,) each, and its bootstrap."""
    return bootstrap_interval(
        lambda drawn, _, mass: base_rate(drawn, mass), outcome, weight, weight, lead, seed=seed, level=level
    )


def winkler(low: float, high: float, value: float, level: float) -> float:
    """Interval score: the width, and 2 / (1 - level) times how far the value lies outside; lower is better.

    Gneiting, Raftery (2007), "Strictly proper scoring rules", JASA 102, section 6.2.
    """
    return high - low + 2.0 / (1.0 - level) * (max(low - value, 0.0) + max(value - high, 0.0))


def hit_share(
    low: Float64, high: Float64, actual: Float64, weight: Float64, lead: Leads, *, level: float
) -> HitShare | None:
    """Share of values that lie in their bands, (n,) each; None without rows.

    The binomial band is that of as many independent draws as the leads are worth, (sum w)^2 / sum w^2 over leads
    (Kish 1965), as if all rows of a lead were hit or missed together.
    """
    if not len(actual):
        return None
    leads, position = np.unique(lead, return_inverse=True)
    mass = np.bincount(position, weight)
    worth = max(int(mass.sum() ** 2 / (mass**2).sum()), 1)
    band_low, band_high = (float(binom.ppf(tail, worth, level)) / worth for tail in ((1 - _BAND) / 2, (1 + _BAND) / 2))
    hit = (low <= actual) & (actual <= high)
    width = float(np.average(high - low, weights=weight))
    return HitShare(level, len(leads), float(np.average(hit, weights=weight)), band_low, band_high, width)


def _cells(forecast: Forecast) -> Iterator[NDArray[np.intp]]:
    """Rows of each cell, by ascending score: as many cells of equal weight as there can be, at most 20, so that each
    has rows of 200 leads. Outcomes have no say in it. Equal scores are never parted."""
    scores, position = np.unique(forecast.probability, return_inverse=True)
    mass = np.bincount(position, forecast.weight)
    middle = (np.cumsum(mass) - mass / 2.0) / mass.sum() if len(scores) else mass
    for count in range(MOST_CELLS, 0, -1):
        cell = np.minimum((count * middle).astype(np.intp), count - 1)[position]
        parts = [np.flatnonzero(cell == one) for one in range(count)]
        if all(len(np.unique(forecast.lead[rows])) >= LEAST_LEADS for rows in parts):
            yield from parts
            return


def _cell(own: Forecast) -> Cell:
    mean = {name: float(np.average(getattr(own, name), weights=own.weight)) for name in ("probability", "low", "high")}
    observed = float(np.average(own.outcome, weights=own.weight))
    error, gap = _standard_error(own), observed - mean["probability"]
    quantile = float(norm.ppf((1.0 + own.level) / 2.0))
    # the side of the interval that the observed rate is on
    side = mean["high"] - mean["probability"] if gap > 0 else mean["probability"] - mean["low"]
    both = float(np.hypot(error, side / quantile))
    return Cell(
        leads=len(np.unique(own.lead)),
        forecast=mean["probability"],
        low=mean["low"],
        high=mean["high"],
        observed=observed,
        error=error,
        residual=gap / both,
        sampling_residual=gap / error,
        held=abs(gap) <= quantile * both,
    )


def _standard_error(own: Forecast) -> float:
    """Of the weighted share of yes about the forecasts, with rows of a lead as dependent as they turned out.

    Liang, Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73. It is at least
    that of independent rows: where all turned out no, their spread says nothing.
    """
    _, position = np.unique(own.lead, return_inverse=True)
    by_lead = np.bincount(position, own.weight * (own.outcome - own.probability))
    independent = own.weight**2 @ (own.probability * (1.0 - own.probability))
    return float(np.sqrt(max((by_lead**2).sum(), independent)) / own.weight.sum())
