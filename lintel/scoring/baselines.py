"""What a model must beat: the base rate, and a logistic regression on the same features."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_CLIP = 5.0  # standard deviations; one far outlier must not carry a linear model away
_MIN_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class LogisticBaseline:
    """Logistic regression on standardised features, medians for missing ones and an indicator that they miss."""

    median: Float64  # (F,)
    mean: Float64  # (F,)
    deviation: Float64  # (F,)
    indicated: NDArray[np.intp]  # columns that were missing in some training rows
    coefficients: Float64  # (F + len(indicated),)
    intercept: float

    def margin(self, features: Float32) -> Float64:
        """Log-odds, (n,)."""
        return self._design(features) @ self.coefficients + self.intercept

    def _design(self, features: Float32) -> Float64:
        return _design(features, self.median, self.mean, self.deviation, self.indicated)


def fit_logistic(
    features: Float32, positive: NDArray[np.bool_], weight: Float64, *, strength: float = 0.01
) -> LogisticBaseline:
    """Fit on training rows (n, F) with both outcomes; `strength` is scikit-learn's inverse L2 penalty C."""
    missing = np.isnan(features)
    median = np.zeros(features.shape[1])
    some = ~missing.all(axis=0)
    median[some] = np.nanmedian(features[:, some].astype(np.float64), axis=0)
    filled = np.where(missing, median, features)
    mean, deviation = filled.mean(axis=0), np.maximum(filled.std(axis=0), _MIN_DEVIATION)
    indicated = np.flatnonzero(missing.any(axis=0) & some)
    design = _design(features, median, mean, deviation, indicated)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 100 steps are a baseline's fair share
        model = LogisticRegression(C=strength, max_iter=100, tol=1e-3).fit(design, positive, sample_weight=weight)
    return LogisticBaseline(median, mean, deviation, indicated, model.coef_[0], float(model.intercept_[0]))


def _design(
    features: Float32, median: Float64, mean: Float64, deviation: Float64, indicated: NDArray[np.intp]
) -> Float64:
    missing = np.isnan(features)
    scaled = np.clip((np.where(missing, median, features) - mean) / deviation, -_CLIP, _CLIP)
    return np.concatenate((scaled, missing[:, indicated].astype(np.float64)), axis=1)
