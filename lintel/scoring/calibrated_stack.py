"""A stack with its calibration, and the doubt of both together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import InputError
from lintel.scoring.calibration import SplineCalibrator, check_classes, fit_spline, quantile_knots, segments
from lintel.scoring.resampling import lead_draws
from lintel.scoring.stacking import Stack

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_LEAST = 1e-12
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""
_ROWS_AT_ONCE = 2_048
"""So that all draws of them fit into a processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedStack:
    """Members' margins to calibrated probabilities, with the interval of the rate of leads scored like this one.

    Each of B draws is a stack fitted on a bootstrap sample of its leads, and a curve fitted to that stack's margins
    on a bootstrap sample of the calibration leads. The curve that answers is smoothed; the draws are not, because a
    smoothed curve is off by more than its own spread shows (Wasserman 2006, "All of nonparametric statistics", 5.7).
    """

    stack: Stack
    calibrator: SplineCalibrator
    intercept_draws: Float64  # (B,) of the calibrator
    slope_draws: Float64  # (B, K + 1)

    def log_odds(self, margins: Float64) -> Float64:
        """Calibrated log-odds, (n,), of members' margins (n, M)."""
        return self.calibrator.log_odds(self.stack.margin(margins))

    def probability(self, margins: Float64) -> Float64:
        """Calibrated probabilities, (n,), of members' margins (n, M)."""
        return expit(self.log_odds(margins))

    def interval(
        self, margins: Float64, level: float = 0.9, *, centre: Float64 | None = None
    ) -> tuple[Float64, Float64]:
        """Low and high end, (n,) each, of the calibrated rate at `level`: percentiles of the draws.

        They always hold the probability itself. `centre` is `log_odds(margins)`, for who has it at hand.
        """
        centre = self.log_odds(margins) if centre is None else centre
        low, high = centre.copy(), centre.copy()
        tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
        for begin in range(0, len(margins), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            bottom, top = row_quantiles(self.drawn_log_odds(margins[rows]), tails)
            low[rows], high[rows] = np.minimum(bottom, low[rows]), np.maximum(top, high[rows])
        return expit(low), expit(high)

    @property
    def increasing(self) -> bool:
        """Whether it tells any leads apart. If not, the members have ordered later leads the wrong way round."""
        return bool(self.stack.weights.any()) and self.calibrator.increasing

    def cumulative(self, curves: Float64, margins: Float64) -> Float64:
        """P(decided <= edge), (n, k), of members' log-odds of it, (n, k, M).

        The calibration was fitted at one horizon, where the members' log-odds are `margins` (n, M). Up to there each
        lead's cumulated hazard is multiplied by what takes its curve through the calibrated probability. Of what comes
        to those who are still undecided then, the calibration knows nothing: their hazards stay as the members have
        them (measured: to multiply these, too, spreads the medians of slow and fast leads too far).
        """
        shares = self.stack.weights / self.stack.weights.sum()
        given = -np.log1p(-np.clip(expit(_weighted(margins, shares)), _LEAST, 1.0 - _LEAST))
        target = -np.log1p(-np.clip(self.probability(margins), _LEAST, 1.0 - _LEAST))
        hazard = np.logaddexp(0.0, _weighted(curves, shares))
        within, beyond = np.minimum(hazard, given[:, None]), np.maximum(hazard - given[:, None], 0.0)
        return -np.expm1(-(within * (target / given)[:, None] + beyond))

    def to_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack.to_json(),
            "calibrator": self.calibrator.to_json(),
            "intercept_draws": self.intercept_draws.tolist(),
            "slope_draws": self.slope_draws.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "CalibratedStack":
        """Read what `to_json` wrote; every float comes back exactly."""
        calibrator = SplineCalibrator.from_json(content["calibrator"])
        slopes = np.array(content["slope_draws"], float).reshape(-1, len(calibrator.slopes))
        return cls(Stack.from_json(content["stack"]), calibrator, np.array(content["intercept_draws"], float), slopes)

    def drawn_log_odds(self, margins: Float64) -> Float64:
        """(n, B) calibrated log-odds of each draw."""
        stacked = np.tile(self.stack.intercept_draws, (len(margins), 1))
        for member in range(margins.shape[1]):
            stacked += margins[:, member, None] * self.stack.weight_draws[:, member]
        middle, parts = segments(stacked, self.calibrator.knots)
        total = np.tile(self.intercept_draws + middle, (len(margins), 1))
        for position, part in enumerate(parts):
            total += part * self.slope_draws[:, position]
        return total


def row_quantiles(drawn: Float64, levels: tuple[float, ...]) -> list[Float64]:
    """Quantiles of each row of (n, B), (n,) a level, to the bit those of np.quantile, which takes longer to decide how
    than to do it. NaN is not looked for: margins are finite."""
    places = [level * (drawn.shape[1] - 1) for level in levels]
    below = [min(int(place), drawn.shape[1] - 2) for place in places]
    drawn.partition(sorted({rank for one in below for rank in (one, one + 1)}), axis=1)
    found = []
    for place, rank in zip(places, below, strict=True):
        share, low, high = place - rank, drawn[:, rank], drawn[:, rank + 1]
        found.append(low + share * (high - low) if share < 0.5 else high - (high - low) * (1.0 - share))
    return found


def _weighted(margins: Float64, weights: Float64) -> Float64:
    """The sum over the last axis, each by its weight; the same bits alone as in a batch."""
    total = np.zeros(margins.shape[:-1])
    for member, weight in enumerate(weights.tolist()):
        total += weight * margins[..., member]
    return total


def calibrated(
    stack: Stack, margins: Float64, outcome: Bool, weight: Float64, lead: NDArray[np.int32], *, seed: int
) -> CalibratedStack:
    """Calibrate a stack on rows that neither it nor its members have learnt from, once for each of its draws.

    To calibrate anew on a newer window of mature outcomes, call it with `stack` as it is: members stay frozen.

    Parameters
    ----------
    margins: (n, M) log-odds of the stack's members.
    outcome, weight, lead: (n,) what happened, the rows' weights in the serving mix, and whose row each is.

    Raises InputError for margins that are not finite, a stack without draws, and if there is no row or only one class.
    """
    if not np.isfinite(margins).all():
        raise InputError("margins of members are not finite.", mend="Fit the members again.")
    if not len(stack.weight_draws):
        raise InputError("the stack has no draws, from which the interval comes.", mend="Fit it with draws.")
    check_classes(outcome)
    margin = stack.margin(margins)
    knots = quantile_knots(margin)
    calibrator = fit_spline(margin, outcome, weight, knots=knots)
    rough = fit_spline(margin, outcome, weight, knots=knots, smoothness=0.0, start=calibrator)
    drawn = _drawn_calibrators(stack, margins, outcome, weight, lead, seed=seed, start=rough)
    slopes = np.array([one.slopes for one in drawn]).reshape(-1, len(calibrator.slopes))
    return CalibratedStack(stack, calibrator, np.array([one.intercept for one in drawn]), slopes)


def _drawn_calibrators(
    stack: Stack,
    margins: Float64,
    outcome: Bool,
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    seed: int,
    start: SplineCalibrator,
) -> list[SplineCalibrator]:
    found: list[SplineCalibrator] = []
    resampled = lead_draws(lead, seed)
    while len(found) < len(stack.weight_draws):
        count = next(resampled)
        drawn = count > 0
        if not outcome[drawn].any() or outcome[drawn].all():
            continue
        own = len(found)
        margin = stack.intercept_draws[own] + margins[drawn] @ stack.weight_draws[own]
        weights = (weight * count)[drawn]
        found.append(fit_spline(margin, outcome[drawn], weights, knots=start.knots, smoothness=0.0, start=start))
    return found
