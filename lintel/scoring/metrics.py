"""Figures that judge probabilities, all weighted by the serving mix; NaN where a figure needs both classes.

Every function takes outcome, probability and weight, (n,) each; weights need not sum to anything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.reliability import calibrated_error_band, calibration_line, expected_calibration_error
from lintel.scoring.resampling import bootstrap_interval

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_LEAST = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1, so that one wrong certainty does not make the log loss infinite."""
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Metrics:
    """All figures of one set of forecasts."""

    n: int
    leads: int
    base_rate: float
    auc: float
    auc_interval: tuple[float, float]  # 95 %, bootstrap by lead
    average_precision: float
    log_loss: float
    brier: float
    ece: float
    ece_band: tuple[float, float]  # 95 % range of a perfectly calibrated forecaster on such rows
    calibration_slope: float
    calibration_intercept: float
    lift_top_decile: float


def evaluate(outcome: Bool, probability: Float64, weight: Float64, lead: NDArray[np.int32], *, seed: int) -> Metrics:
    """All figures at once; `lead`, (n,), says whose row each is."""
    slope, intercept = calibration_line(outcome, probability, weight)
    return Metrics(
        n=len(outcome),
        leads=len(np.unique(lead)),
        base_rate=base_rate(outcome, weight),
        auc=auc(outcome, probability, weight),
        auc_interval=bootstrap_interval(auc, outcome, probability, weight, lead, seed=seed),
        average_precision=average_precision(outcome, probability, weight),
        log_loss=log_loss(outcome, probability, weight),
        brier=brier(outcome, probability, weight),
        ece=expected_calibration_error(outcome, probability, weight),
        ece_band=calibrated_error_band(probability, weight, lead, seed=seed),
        calibration_slope=slope,
        calibration_intercept=intercept,
        lift_top_decile=lift(outcome, probability, weight, share=0.1),
    )


def base_rate(outcome: Bool, weight: Float64) -> float:
    """Weighted share of yes."""
    return float(weight @ outcome / weight.sum()) if len(outcome) else _NAN


def auc(outcome: Bool, probability: Float64, weight: Float64) -> float:
    """Chance that a yes scores above a no, ties counting half: the area under the ROC curve, exactly."""
    yes, no = _by_score(outcome, probability, weight)
    pairs = yes.sum() * no.sum()
    won = yes @ (np.cumsum(no) - no / 2.0)
    return float(won / pairs) if pairs > 0 else _NAN


def average_precision(outcome: Bool, probability: Float64, weight: Float64) -> float:
    """Precision at each threshold, weighted by the recall it adds; tied scores enter together."""
    yes, no = (masses[::-1] for masses in _by_score(outcome, probability, weight))
    if not yes.sum() > 0:
        return _NAN
    found = np.cumsum(yes)
    return float(yes @ (found / (found + np.cumsum(no))) / yes.sum())


def log_loss(outcome: Bool, probability: Float64, weight: Float64) -> float:
    """Mean negative log-likelihood, in nats."""
    if not len(outcome):
        return _NAN
    bounded = np.clip(probability, _LEAST, 1.0 - _LEAST)
    return float(weight @ -np.where(outcome, np.log(bounded), np.log1p(-bounded)) / weight.sum())


def brier(outcome: Bool, probability: Float64, weight: Float64) -> float:
    """Mean squared distance of forecast and outcome; Brier (1950), half of his sum over both classes."""
    return float(weight @ (probability - outcome) ** 2 / weight.sum()) if len(outcome) else _NAN


def lift(outcome: Bool, probability: Float64, weight: Float64, *, share: float) -> float:
    """How many times the base rate the best-scored `share` of the weight has; tied scores enter in proportion."""
    if not outcome.any():
        return _NAN
    return float(np.interp(share, *lift_curve(outcome, probability, weight)) / share)


def lift_curve(outcome: Bool, probability: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """Share of the weight taken, best first, and share of the yes captured by it: from (0, 0) to (1, 1)."""
    yes, no = (masses[::-1] for masses in _by_score(outcome, probability, weight))
    return _cumulated(yes + no), _cumulated(yes)


def roc_curve(outcome: Bool, probability: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """False and true positive rate at each distinct score, highest first: from (0, 0) to (1, 1)."""
    yes, no = (masses[::-1] for masses in _by_score(outcome, probability, weight))
    return _cumulated(no), _cumulated(yes)


def _by_score(outcome: Bool, probability: Float64, weight: Float64) -> tuple[Float64, Float64]:
    """Weight of yes and of no at each distinct score, ascending."""
    scores, position = np.unique(probability, return_inverse=True)
    yes: Float64 = np.bincount(position, weight * outcome, len(scores)).astype(np.float64)
    no: Float64 = np.bincount(position, weight * (1.0 - outcome), len(scores)).astype(np.float64)
    return yes, no


def _cumulated(masses: Float64) -> Float64:
    """Cumulated share, with a leading 0; NaN if there is no mass."""
    total = np.concatenate(([0.0], np.cumsum(masses)))
    return total / total[-1] if total[-1] > 0 else np.full(len(total), np.nan)
