"""How far forecasts and outcomes agree: bins of equal weight, their error, and what chance alone would give."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.calibration import fit_line

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

BINS = 10
_LEAST = 1e-12
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""


@dataclass(frozen=True, slots=True)
class ReliabilityCurve:
    """One entry a bin that is not empty, by ascending forecast."""

    predicted: Float64  # mean forecast
    observed: Float64  # share of yes
    count: NDArray[np.int64]  # rows
    low: Float64  # band of the share of yes, were the forecasts perfectly calibrated
    high: Float64


def expected_calibration_error(outcome: Bool, probability: Float64, weight: Float64) -> float:
    """Mean distance of forecast and share of yes over 10 bins of equal weight; NaN without rows.

    Equal forecasts share a bin, so that the order of rows does not matter. Naeini, Cooper, Hauskrecht (2015).
    """
    return _error(_bins(probability, weight), weight * (outcome - probability), weight)


def calibrated_error_band(
    probability: Float64,
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    seed: int,
    draws: int = 500,
    level: float = 0.95,
) -> tuple[float, float]:
    """The range of the expected calibration error that a perfectly calibrated forecaster would have on such rows.

    Leads are drawn with replacement; one uniform number a drawn lead decides all its rows, so that the rows of a lead
    are as dependent as rows can be. (NaN, NaN) without rows.
    """
    if not len(probability):
        return float("nan"), float("nan")
    bins = _bins(probability, weight)
    errors = [
        _error(bins[rows], weight[rows] * (outcome - probability[rows]), weight[rows])
        for rows, outcome in _calibrated_draws(probability, lead, seed, draws)
    ]
    low, high = np.quantile(errors, ((1.0 - level) / 2.0, (1.0 + level) / 2.0))
    return float(low), float(high)


def reliability_curve(
    outcome: Bool,
    probability: Float64,
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    seed: int,
    draws: int = 500,
    level: float = 0.9,
) -> ReliabilityCurve:
    """The points of a reliability diagram, with the consistency bars of Bröcker, Smith (2007), by lead."""
    bins = _bins(probability, weight)
    mass = np.bincount(bins, weight, BINS)
    filled = mass > 0
    gaps = np.full((draws, BINS), np.nan)
    for draw, (rows, simulated) in enumerate(_calibrated_draws(probability, lead, seed, draws)):
        drawn = np.bincount(bins[rows], weight[rows], BINS)
        gap = np.bincount(bins[rows], weight[rows] * (simulated - probability[rows]), BINS)
        np.divide(gap, drawn, out=gaps[draw], where=drawn > 0)
    low, high = np.nanquantile(gaps[:, filled], ((1.0 - level) / 2.0, (1.0 + level) / 2.0), axis=0)
    predicted = np.bincount(bins, weight * probability, BINS)[filled] / mass[filled]
    return ReliabilityCurve(
        predicted=predicted,
        observed=np.bincount(bins, weight * outcome, BINS)[filled] / mass[filled],
        count=np.bincount(bins, minlength=BINS)[filled],
        low=np.clip(predicted + low, 0.0, 1.0),
        high=np.clip(predicted + high, 0.0, 1.0),
    )


def calibration_line(outcome: Bool, probability: Float64, weight: Float64) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of the outcome on the forecast's log-odds; Cox (1958).

    (1, 0) if calibrated; a slope under 1 if the forecasts are too extreme. NaN for one class.
    """
    if not outcome.any() or outcome.all():
        return float("nan"), float("nan")
    bounded = np.clip(probability, _LEAST, 1.0 - _LEAST)
    return fit_line(np.log(bounded) - np.log1p(-bounded), outcome, weight / weight.mean())


def _bins(probability: Float64, weight: Float64) -> NDArray[np.intp]:
    """(n,) bin of each row: its score's middle in the cumulated weight."""
    _, score = np.unique(probability, return_inverse=True)
    mass = np.bincount(score, weight)
    middle = np.cumsum(mass) - mass / 2.0
    return np.minimum((BINS * middle / mass.sum()).astype(np.intp), BINS - 1)[score]


def _error(bins: NDArray[np.intp], gap: Float64, weight: Float64) -> float:
    if not len(bins):
        return float("nan")
    return float(np.abs(np.bincount(bins, gap, BINS)).sum() / weight.sum())


def _calibrated_draws(
    probability: Float64, lead: NDArray[np.int32], seed: int, draws: int
) -> Iterator[tuple[NDArray[np.intp], Bool]]:
    """Rows of drawn leads, and their outcomes if the forecasts were the truth."""
    random = np.random.default_rng(seed)
    by_lead = np.argsort(lead, kind="stable")
    _, begin, size = np.unique(lead[by_lead], return_index=True, return_counts=True)
    for _ in range(draws):
        chosen = random.integers(0, len(begin), len(begin))
        count = size[chosen]
        offset = np.repeat(begin[chosen] - (np.cumsum(count) - count), count)
        rows = by_lead[np.arange(count.sum()) + offset]
        yield rows, np.repeat(random.random(len(chosen)), count) < probability[rows]
