"""Platt scaling: a line in log-odds that turns a model's margin into a calibrated probability, and its doubt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import InputError
from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]

RIDGE = 1e-3
"""Pull towards the identity map, in rows: it keeps the fit finite where the classes can be told apart perfectly."""
_STEPS = 100
_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class PlattCalibrator:
    """P(yes) = expit(intercept + slope x margin): linear in log-odds, so that contributions still add up.

    `slopes` and `intercepts`, (B,), are the fits on bootstrap samples of leads; their spread is the doubt of the
    calibrated rate of leads scored like this one, not that of a single lead's own probability. It is the doubt that
    comes from few rows; that a line may be the wrong shape is not in it.
    Platt (1999), *Probabilistic outputs for support vector machines*.
    """

    slope: float
    intercept: float
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]

    def probability(self, margin: Float64) -> Float64:
        """Calibrated probabilities of margins in log-odds, of any shape."""
        return expit(self.intercept + self.slope * np.asarray(margin, np.float64))

    def interval(self, margin: Float64, level: float = 0.9) -> tuple[Float64, Float64]:
        """Low and high end of the calibrated rate at each margin, (n,), at `level`: percentiles of the bootstrap."""
        log_odds = np.asarray(margin, np.float64)[:, None] * np.array(self.slopes) + np.array(self.intercepts)
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(log_odds, (tail, 1.0 - tail), axis=1)
        return expit(low), expit(high)

    def to_json(self) -> dict[str, Any]:
        return {
            "slope": self.slope,
            "intercept": self.intercept,
            "slopes": list(self.slopes),
            "intercepts": list(self.intercepts),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "PlattCalibrator":
        """Read what `to_json` wrote; every float comes back exactly."""
        return cls(content["slope"], content["intercept"], tuple(content["slopes"]), tuple(content["intercepts"]))


def fit_platt(
    margin: Float64,
    outcome: NDArray[np.bool_],
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    seed: int,
    draws: int = 200,
) -> PlattCalibrator:
    """Fit by weighted maximum likelihood, and again on `draws` bootstrap samples of leads.

    Parameters
    ----------
    margin, outcome, weight, lead: (n,) a model's log-odds on rows that it has not learnt from, what happened, the
        rows' weights in the serving mix, and whose row it is (leads are drawn, not rows).

    Raises InputError if there is no row or only one class.
    """
    margin, outcome = np.asarray(margin, np.float64), np.asarray(outcome, np.bool_)
    if not outcome.any() or outcome.all():
        raise InputError(
            f"calibration needs outcomes of both classes; all {len(outcome)} rows have one.",
            mend="Let more outcomes mature, or widen the calibration fold.",
        )
    weight = weight / weight.mean()
    fitted = fit_line(margin, outcome, weight)
    lines: list[tuple[float, float]] = []
    resampled = lead_draws(lead, seed)
    while len(lines) < draws:
        count = next(resampled)
        drawn = count > 0
        if outcome[drawn].any() and not outcome[drawn].all():
            lines.append(fit_line(margin[drawn], outcome[drawn], (weight * count)[drawn], start=fitted))
    slopes, intercepts = zip(*lines, strict=True) if lines else ((), ())
    return PlattCalibrator(*fitted, slopes, intercepts)


def fit_line(
    margin: Float64,
    outcome: NDArray[np.bool_],
    weight: Float64,
    *,
    start: tuple[float, float] = (1.0, 0.0),
    ridge: float = RIDGE,
) -> tuple[float, float]:
    """Slope and intercept of the weighted logistic regression of `outcome` on `margin`, (n,) each, by Newton's method.

    `ridge` penalises half the squared distance from slope 1, intercept 0, so that the maximum always exists.
    """
    design = np.stack((margin, np.ones_like(margin)))
    identity = np.array([1.0, 0.0])

    def loss(line: Float64) -> float:
        log_odds = line @ design
        deviance = weight @ (np.logaddexp(0.0, log_odds) - outcome * log_odds)
        return float(deviance + ridge / 2.0 * ((line - identity) ** 2).sum())

    line = np.array(start)
    for _ in range(_STEPS):
        rate = expit(line @ design)
        gradient = design @ (weight * (rate - outcome)) + ridge * (line - identity)
        curvature = (design * (weight * rate * (1.0 - rate))) @ design.T + ridge * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        if gradient @ step < _TOLERANCE:  # Newton's decrement: twice the loss that is left to gain
            return _pair(line - step)
        # only a step that moves some log-odds by more than 1 can overshoot
        line = _shortened(line, step, loss) if np.abs(step @ design).max() > 1.0 else line - step
    return _pair(line)


def _shortened(line: Float64, step: Float64, loss: Callable[[Float64], float]) -> Float64:
    """`line` less the step, halved until the loss falls."""
    most = loss(line)
    for _ in range(_STEPS):
        if loss(line - step) < most:
            break
        step = step / 2.0
    return line - step


def _pair(line: Float64) -> tuple[float, float]:
    return float(line[0]), float(line[1])
