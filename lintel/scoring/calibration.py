"""Calibration: an increasing curve in log-odds that turns a margin into a calibrated probability; Platt's line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import InputError
from lintel.scoring.penalised_logistic import Penalty, fit_penalised_logistic
from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

KNOTS = 3
SMOOTHNESS = 10.0
"""Penalty on squared differences of neighbouring slopes, in rows. Without it the curve follows chance."""
SLOPE_RIDGE = 0.1
"""Pull of the slopes towards 1, in rows: where one class is missing they stay finite."""
RIDGE = 1e-3
"""The same for the level, and for Platt's line."""
_STEPS = 100
_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class SplineCalibrator:
    """Calibrated log-odds as a linear spline of the margin that never falls; beyond its knots it goes on straight.

    With slopes of 1 and an intercept of 0 it is the identity.
    """

    knots: Float64  # (K,) ascending margins where the slope changes
    intercept: float  # at the middle knot, less the knot itself
    slopes: Float64  # (K + 1,) >= 0

    @property
    def increasing(self) -> bool:
        """Whether it tells any margins apart. If not, the model has ordered later leads the wrong way round."""
        return bool((self.slopes > 0.0).any())

    def log_odds(self, margin: Float64) -> Float64:
        """Calibrated log-odds of margins of any shape; each depends on its own margin alone, to the last bit."""
        middle, parts = segments(margin, self.knots)
        total = np.full(np.shape(margin), self.intercept + middle)
        for slope, part in zip(self.slopes.tolist(), parts, strict=True):  # in this order: rounding falls the same way
            total += slope * part
        return total

    def probability(self, margin: Float64) -> Float64:
        """Calibrated probabilities of margins of any shape."""
        return expit(self.log_odds(margin))

    def to_json(self) -> dict[str, Any]:
        return {"knots": self.knots.tolist(), "intercept": self.intercept, "slopes": self.slopes.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "SplineCalibrator":
        """Read what `to_json` wrote; every float comes back exactly."""
        return cls(np.array(content["knots"], float), float(content["intercept"]), np.array(content["slopes"], float))


def segments(margin: Float64, knots: Float64) -> tuple[float, Float64]:
    """The middle knot (0 without knots) and, for each of the K + 1 pieces between knots, how far the way from the
    middle knot to each margin runs through it; signed, (K + 1, *margins' shape). They sum to margin less middle
    knot."""
    margin = np.asarray(margin, np.float64)
    if not len(knots):
        return 0.0, margin[None].copy()
    middle = float(knots[len(knots) // 2])
    ends = [-np.inf, *knots.tolist(), np.inf]
    start = [min(max(middle, low), high) for low, high in pairwise(ends)]
    low, high, begun = np.array((ends[:-1], ends[1:], start)).reshape(3, -1, *[1] * margin.ndim)
    # not np.clip, whose checks take longer than its work on a few margins
    return middle, np.minimum(np.maximum(margin, low), high) - begun


def quantile_knots(margin: Float64, count: int = KNOTS) -> Float64:
    """`count` quantiles of the margins, which cut them into parts of equal size; fewer where margins are tied."""
    inner = np.quantile(margin, np.arange(1, count + 1) / (count + 1))
    return np.unique(inner[(inner > margin.min()) & (inner < margin.max())])


def fit_spline(
    margin: Float64,
    outcome: Bool,
    weight: Float64,
    *,
    knots: Float64,
    smoothness: float = SMOOTHNESS,
    start: SplineCalibrator | None = None,
) -> SplineCalibrator:
    """Fit by weighted maximum likelihood, penalised towards equal slopes; weights count relative to their mean.

    `margin`, `outcome`, `weight` are (n,). Raises InputError if there is no row or only one class.
    Eilers, Marx (1996), "Flexible smoothing with B-splines and penalties", Statistical Science 11.
    """
    margin, outcome = np.asarray(margin, np.float64), np.asarray(outcome, np.bool_)
    check_classes(outcome)
    middle, parts = segments(margin, knots)
    design = np.stack((np.ones_like(margin), *parts))
    # the intercept is counted from the identity, so that it is the same number whatever the knots are
    penalty = _penalty(len(parts), middle, smoothness)
    begin = None if start is None else np.array([start.intercept + middle, *start.slopes])
    found = fit_penalised_logistic(design, outcome, weight / weight.mean(), penalty, start=begin)
    return SplineCalibrator(knots, float(found[0]) - middle, found[1:])


def _penalty(pieces: int, middle: float, smoothness: float) -> Penalty:
    differences = np.diff(np.eye(pieces), axis=0)
    strength = np.zeros((pieces + 1, pieces + 1))
    strength[0, 0] = RIDGE
    strength[1:, 1:] = SLOPE_RIDGE * np.eye(pieces) + smoothness * differences.T @ differences
    return Penalty(np.array([middle] + [1.0] * pieces), strength, np.array([False] + [True] * pieces))


def check_classes(outcome: Bool) -> None:
    """Raise InputError unless both outcomes are there."""
    if not outcome.any() or outcome.all():
        raise InputError(
            f"calibration needs outcomes of both classes; all {len(outcome)} rows have one.",
            mend="Let more outcomes mature, or widen the calibration fold.",
        )


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
    check_classes(outcome)
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
