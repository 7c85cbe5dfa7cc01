"""Logistic regression with a quadratic penalty, some of whose coefficients may not be negative."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_STEPS = 200
_HALVINGS = 60
_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Penalty:
    """Half of (x - centre)' strength (x - centre), and which of the k coefficients x are held at 0 or above.

    `strength` must be positive definite: then there is one minimum, even where the classes can be told apart perfectly.
    """

    centre: Float64  # (k,) feasible: not negative where it may not be
    strength: Float64  # (k, k)
    nonnegative: Bool  # (k,)


def fit_penalised_logistic(
    design: Float64, outcome: Bool, weight: Float64, penalty: Penalty, *, start: Float64 | None = None
) -> Float64:
    """Coefficients (k,) that minimise the weighted deviance of `outcome` (n,) plus the penalty; log-odds x @ design.

    `design` is (k, n). The two-metric projected Newton method: coefficients that the gradient presses against 0 are
    held there, the others take Newton's step, cut at 0 and halved until the loss falls.
    Bertsekas (1982), "Projected Newton methods for optimization problems with simple constraints", SIAM J. Control.
    """
    x = penalty.centre if start is None else start
    loss = _loss(x, design, outcome, weight, penalty)
    for _ in range(_STEPS):
        step = _newton_step(x, design, outcome, weight, penalty)
        for _ in range(_HALVINGS):
            moved = np.where(penalty.nonnegative, np.maximum(x - step, 0.0), x - step)
            reached = _loss(moved, design, outcome, weight, penalty)
            if reached <= loss:
                break
            step = step / 2.0
        else:
            return x
        gained, x, loss = loss - reached, moved, reached
        if gained < _TOLERANCE:
            return x
    return x


def _newton_step(x: Float64, design: Float64, outcome: Bool, weight: Float64, penalty: Penalty) -> Float64:
    rate = expit(x @ design)
    gradient = design @ (weight * (rate - outcome)) + penalty.strength @ (x - penalty.centre)
    curvature = (design * (weight * rate * (1.0 - rate))) @ design.T + penalty.strength
    free = ~(penalty.nonnegative & (x <= 0.0) & (gradient > 0.0))
    step = np.zeros_like(x)
    step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
    return step


def _loss(x: Float64, design: Float64, outcome: Bool, weight: Float64, penalty: Penalty) -> float:
    log_odds = x @ design
    away = x - penalty.centre
    return float(weight @ (np.logaddexp(0.0, log_odds) - outcome * log_odds) + away @ penalty.strength @ away / 2.0)
