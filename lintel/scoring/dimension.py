"""One dimension of a bundle: a calibrated model, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.scoring.calibration import PlattCalibrator
from lintel.scoring.hazard import Hazard
from lintel.scoring.inputs import Inputs
from lintel.scoring.member import BIAS, SEQUENCE
from lintel.scoring.timing_curve import TimingCurve
from lintel.scoring.xgboost_member import XGBoostMember

Float64 = NDArray[np.float64]

LEVEL = 0.9
"""Coverage that intervals are made for."""
LEAST_PROBABILITY = 0.0001
"""No score is surer than this: the data cannot tell."""


class Gap(StrEnum):
    """Why a dimension has no score."""

    NOT_ENOUGH_DATA = "not_enough_data"
    NOT_DEFINED = "not_defined_for_source"
    NO_SKILL = "no_better_than_base_rate"


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
    """A model and its calibration: log-odds = intercept + slope x margin.

    Methods take inputs with the features (n, F) of the whole catalogue; `columns` are the positions of those that the
    model reads.
    """

    name: str
    definition: str
    horizon_days: float
    member: XGBoostMember | Hazard
    columns: NDArray[np.intp]
    calibrator: PlattCalibrator
    base_rate: float  # of the training fold, in the serving mix
    calibration_n: int  # rows

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds before calibration, (n,)."""
        return self.member.margin(inputs.select(self.columns))

    def log_odds(self, inputs: Inputs) -> Float64:
        """Calibrated log-odds, (n,)."""
        return self.calibrator.intercept + self.calibrator.slope * self.margin(inputs)

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) in the calibrated log-odds, to which a row sums; columns as in `member`."""
        own = self.calibrator.slope * self.member.contributions(inputs.select(self.columns))
        shares = np.zeros((len(inputs), len(inputs.names) + 2))
        shares[:, self.columns] = own[:, :SEQUENCE]
        shares[:, SEQUENCE:] = own[:, SEQUENCE:]
        shares[:, BIAS] += self.calibrator.intercept
        return shares

    def scores(self, inputs: Inputs) -> DimensionScores:
        """Probabilities, intervals and, for timing, the curve."""
        margin = self.margin(inputs)
        probability = clamped(self.calibrator.probability(margin))
        low, high = self.calibrator.interval(margin, LEVEL)
        # the calibration itself can lie a little outside of its own bootstrap
        low, high = np.minimum(clamped(low), probability), np.maximum(clamped(high), probability)
        return DimensionScores(probability, low, high, self._curve(inputs))

    def _curve(self, inputs: Inputs) -> TimingCurve | None:
        if not isinstance(self.member, Hazard):
            return None
        cumulative = self.member.cumulative(inputs.select(self.columns))
        return TimingCurve(clamped(self.calibrator.probability(_logit(cumulative))))


def columns_of(member: XGBoostMember | Hazard, names: Sequence[str]) -> NDArray[np.intp]:
    """Positions among the catalogue's `names` of the features that the member reads.

    Raises IncompatibleError if one is not there.
    """
    position = {name: index for index, name in enumerate(names)}
    absent = [name for name in member.names if name not in position]
    if absent:
        raise IncompatibleError(f"the model reads feature {absent[0]!r}, which the catalogue does not have.")
    return np.array([position[name] for name in member.names], np.intp)


def clamped(probability: Float64) -> Float64:
    return np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)


def _logit(probability: Float64) -> Float64:
    bounded = np.clip(probability, 1e-12, 1.0 - 1e-12)
    return np.log(bounded) - np.log1p(-bounded)
