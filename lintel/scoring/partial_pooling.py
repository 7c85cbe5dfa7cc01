"""Partial pooling: how far one tenant's level lies from its pool's, as far as its outcomes can tell.

Of tenant t the calibrated log-odds of the pool are off by an intercept a_t, and a_t ~ N(mean, deviation^2) between
tenants. The spread is estimated from the pooled tenants; a tenant's own estimate is then drawn back towards the mean,
the further the less its outcomes say (empirical Bayes: Efron, Morris 1975, "Data analysis using Stein's estimator and
its generalizations", JASA 70).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.scoring.calibration import check_classes

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Leads = NDArray[np.int32]

_RATE = 2.0
"""Of the gamma prior on the deviation between tenants, with shape 2: its mode is .5 log-odds, its mean 1."""
_DEVIATIONS = np.geomspace(0.01, 4.0, 400)
_STEPS = 100
_TOLERANCE = 1e-10
_RIDGE = 1e-3
"""Pull of an intercept towards 0, in rows, so that it is finite."""


@dataclass(frozen=True, slots=True)
class Shift:
    """An intercept in log-odds and the variance of its estimate."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class TenantSpread:
    """How intercepts are spread between tenants, in log-odds. `tenants`: how many it was estimated from."""

    mean: float
    mean_variance: float  # of its estimate, which is from few tenants
    deviation: float
    tenants: int

    @property
    def unseen(self) -> Shift:
        """Of a tenant without outcomes: the mean tenant's, with all of the doubt between tenants."""
        return Shift(self.mean, self.deviation**2 + self.mean_variance)

    def shrunk(self, own: Shift) -> Shift:
        """The posterior of a tenant's intercept, given its own estimate."""
        prior = self.unseen
        weight = prior.variance / (prior.variance + own.variance)
        return Shift(prior.value + weight * (own.value - prior.value), weight * own.variance)

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, float]) -> "TenantSpread":
        mean, variance, deviation = (float(content[name]) for name in ("mean", "mean_variance", "deviation"))
        return cls(mean, variance, deviation, int(content["tenants"]))


def fit_shift(log_odds: Float64, outcome: Bool, weight: Float64, lead: Leads) -> Shift:
    """The intercept by which calibrated log-odds of the pool are off on one tenant's rows.

    Parameters
    ----------
    log_odds: (n,) of models that have not learnt from these rows.
    outcome, weight, lead: (n,) what happened, the rows' weights in the serving mix, and whose row each is.

    The variance is that of leads, whose rows share their fate (Liang, Zeger 1986, "Longitudinal data analysis using
    generalized linear models", Biometrika 73). Raises InputError if there is no row or only one class.
    """
    check_classes(outcome)
    weight = weight / weight.mean()
    value = 0.0
    for _ in range(_STEPS):
        rate = expit(log_odds + value)
        step = float(weight @ (outcome - rate) - _RIDGE * value) / _curvature(rate, weight)
        value += float(np.clip(step, -1.0, 1.0))
        if abs(step) < _TOLERANCE:
            break
    rate = expit(log_odds + value)
    leads, position = np.unique(lead, return_inverse=True)
    scores = np.bincount(position, weight * (outcome - rate))
    few = len(leads) / max(len(leads) - 1, 1)  # as for a variance of few
    return Shift(value, float(few * (scores @ scores) / _curvature(rate, weight) ** 2))


def fit_spread(shifts: Sequence[Shift]) -> TenantSpread:
    """Mean and deviation between tenants from the shifts of at least one of them.

    The restricted likelihood of the shifts times a gamma prior of shape 2 on the deviation: it is never 0, as the
    plain maximum would often have it for a few tenants (Chung, Rabe-Hesketh, Dorie, Gelman, Liu 2013, "A nondegenerate
    penalized likelihood estimator for variance parameters in multilevel models", Psychometrika 78).
    """
    value = np.array([one.value for one in shifts])
    total = np.array([one.variance for one in shifts]) + _DEVIATIONS[:, None] ** 2  # (D, T)
    precision = (1.0 / total).sum(axis=1)
    mean = (value / total).sum(axis=1) / precision
    fit = -0.5 * (np.log(total) + (value - mean[:, None]) ** 2 / total).sum(axis=1) - 0.5 * np.log(precision)
    best = int(np.argmax(fit + np.log(_DEVIATIONS) - _RATE * _DEVIATIONS))
    return TenantSpread(float(mean[best]), float(1.0 / precision[best]), float(_DEVIATIONS[best]), len(shifts))


def _curvature(rate: Float64, weight: Float64) -> float:
    return float(weight @ (rate * (1.0 - rate))) + _RIDGE
