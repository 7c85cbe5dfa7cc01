"""One dimension of a bundle: a calibrated model, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.calibration import PlattCalibrator
from lintel.scoring.hazard import Hazard, TimingCurve
from lintel.scoring.xgboost_member import XGBoostMember

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LEVEL = 0.9
"""Coverage that intervals are made for."""
LEAST_PROBABILITY = 0.0001
"""No score is surer than this: the data cannot tell."""


class Gap(StrEnum):
    """Why a dimension has no score."""

    NOT_ENOUGH_DATA = "not_enough_data"
    NOT_DEFINED = "not_defined_for_source"


@dataclass(frozen=True, slots=True)
class MissingDimension:
    """A dimension without a score. `explanation` says what is needed, or why the source cannot answer."""

    name: str
    gap: Gap
    explanation: str

    def to_json(self) -> dict[str, str]:
        key = "needs" if self.gap is Gap.NOT_ENOUGH_DATA else "reason"
        return {"status": self.gap.value, key: self.explanation}


@dataclass(frozen=True, slots=True)
class DimensionScores:
    """Calibrated probabilities of n leads with their interval, (n,) each."""

    probability: Float64
    low: Float64
    high: Float64
    curve: TimingCurve | None = None  # timing only


@dataclass(frozen=True, slots=True)
class Dimension:
    """A model and its calibration: log-odds = intercept + slope x margin."""

    name: str
    definition: str
    horizon_days: float
    member: XGBoostMember | Hazard
    calibrator: PlattCalibrator
    base_rate: float  # of the training fold, in the serving mix
    calibration_n: int  # rows

    def log_odds(self, features: Float32, names: Sequence[str]) -> Float64:
        """Calibrated log-odds, (n,), of features (n, F)."""
        return self.calibrator.intercept + self.calibrator.slope * self.member.margin(features, names)

    def contributions(self, features: Float32, names: Sequence[str]) -> Float64:
        """Shares (n, F + 1) in the calibrated log-odds; a row sums to it and its last entry is what all leads share."""
        shares = self.calibrator.slope * self.member.contributions(features, names)
        shares[:, -1] += self.calibrator.intercept
        return shares

    def scores(self, features: Float32, names: Sequence[str]) -> DimensionScores:
        """Probabilities, intervals and, for timing, the curve."""
        margin = self.member.margin(features, names)
        low, high = self.calibrator.interval(margin, LEVEL)
        curve = None
        if isinstance(self.member, Hazard):
            cumulative = self.member.cumulative(features, names)
            curve = TimingCurve(clamped(self.calibrator.probability(_logit(cumulative))))
        probability = clamped(self.calibrator.probability(margin))
        # a calibrator's own map can lie a rounding error outside of its bootstrap's quantiles
        low, high = np.minimum(clamped(low), probability), np.maximum(clamped(high), probability)
        return DimensionScores(probability, low, high, curve)


def clamped(probability: Float64) -> Float64:
    return np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)


def _logit(probability: Float64) -> Float64:
    bounded = np.clip(probability, 1e-12, 1.0 - 1e-12)
    return np.log(bounded) - np.log1p(-bounded)
