"""One dimension of a bundle: a calibrated model, or why there is none."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.scoring.amount import AmountModel
from lintel.scoring.amount_facts import AmountFacts, Narrowing
from lintel.scoring.calibrated_stack import CalibratedStack
from lintel.scoring.causes import CauseShares
from lintel.scoring.conformal import ConformalBand
from lintel.scoring.ensemble import Ensemble, Reader, margins_at
from lintel.scoring.evidence import LEAST_POOLED, Rung
from lintel.scoring.inputs import Inputs
from lintel.scoring.member import BIAS
from lintel.scoring.partial_pooling import TenantSpread
from lintel.scoring.stacking import MemberEvidence
from lintel.scoring.timing_curve import MEDIAN, TimingCurve, incidence
from lintel.scoring.venn_abers import VennAbers

Float64 = NDArray[np.float64]

LEVEL = 0.9
"""Coverage that intervals are made for."""
LEAST_PROBABILITY = 0.0001
"""No score is surer than this: the data cannot tell."""
_NEARBY = 1e-6
"""Log-odds: of a run shorter than this no secant is taken."""


NOTHING_BORROWED = -(2**62)
"""UTC µs before which nothing was learnt: where folds alone keep what is learnt from what is judged."""


class Gap(StrEnum):
    """Why a dimension has no score."""

    NOT_ENOUGH_DATA = "not_enough_data"
    NOT_DEFINED = "not_defined_for_source"
    NO_SKILL = "no_better_than_base_rate"
    NO_LIGHT_MODEL = "no_light_model"
    """Of the light model only: the full one has a score."""


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
    """Calibrated probabilities of n leads with their interval, (n,) each.

    Venn-Abers' `p0` and `p1` are calibrated whatever the score is worth: the one if the lead turns out no, the other
    if it turns out yes.
    """

    probability: Float64
    low: Float64
    high: Float64
    p0: Float64
    p1: Float64
    curve: TimingCurve | None = None  # timing only
    days: tuple[Float64, Float64] | None = None  # 80 % band, NaN beyond the curve; timing only
    amount: Float64 | None = None  # (n, 3) at `amount.LEVELS`, in currency; budget only


@dataclass(frozen=True, slots=True)
class Dimension:
    """Members, their stack and its calibration. Methods take inputs with the features (n, F) of the whole catalogue."""

    name: str
    definition: str
    horizon_days: float
    ensemble: Ensemble
    calibrated: CalibratedStack
    venn_abers: VennAbers  # of the stacked margin
    base_rate: float  # of the training fold, in the serving mix
    calibration_n: int  # rows
    evidence: tuple[MemberEvidence, ...]  # of every kind of member that was fitted, kept or not
    causes: CauseShares | None = None  # timing only
    days_band: ConformalBand | None = None  # timing only: what moves the ends of the band of days
    amount: AmountModel | None = None  # budget only, where the source tells amounts
    facts: AmountFacts | None = None  # that would narrow the amount's band
    evidence_rung: Rung = Rung.TENANT
    outcomes_per_class: int = 0  # leads with a mature outcome, of the rarer class
    judged_from: int | None = NOTHING_BORROWED  # UTC µs from which on rows are new to it; None: the pool judges it
    spread: TenantSpread | None = None  # of the levels of the tenants that it learnt from; the pool's only

    def margins(self, inputs: Inputs) -> Float64:
        """Log-odds of every member, (n, M); those of timing are read off its curves."""
        curves = self.ensemble.curves(inputs)
        return self.ensemble.margins(inputs) if curves is None else margins_at(curves, self.horizon_days)

    def log_odds(self, inputs: Inputs) -> Float64:
        """Calibrated log-odds, (n,)."""
        return self.calibrated.log_odds(self.margins(inputs))

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) in the calibrated log-odds, to which a row sums; columns as in `member`.

        The calibration is a curve f. Of a lead with stacked margin m, and b what all leads share of it, every share of
        m - b is multiplied by (f(m) - f(b)) / (m - b): the secant, on which they still add up.
        """
        shares = self.ensemble.contributions(inputs, self.calibrated.stack)
        start, margin = shares[:, BIAS], shares.sum(axis=1)
        curve = self.calibrated.calibrator.log_odds
        rise, run = curve(margin) - curve(start), margin - start
        # shares may cancel to nothing: then the curve's own slope there is the limit of the secant
        slope = (curve(margin + _NEARBY) - curve(margin)) / _NEARBY
        secant = np.divide(rise, run, out=slope, where=np.abs(run) > _NEARBY)
        scaled = shares * secant[:, None]
        scaled[:, BIAS] = curve(margin) - scaled[:, :BIAS].sum(axis=1)  # f(b), but for what shares nearly cancel
        return scaled

    def scores(self, inputs: Inputs) -> DimensionScores:
        """Probabilities, intervals and, for timing, the curve."""
        curves = self.ensemble.curves(inputs)
        margins = self.ensemble.margins(inputs) if curves is None else margins_at(curves, self.horizon_days)
        margin = self.calibrated.stack.margin(margins)
        log_odds = self.calibrated.calibrator.log_odds(margin)
        probability = clamped(expit(log_odds))
        low, high = (clamped(end) for end in self.calibrated.interval(margins, LEVEL, centre=log_odds))
        p0, p1 = (clamped(one) for one in self.venn_abers.probabilities(margin))
        curve = None if curves is None else self._curve(inputs, curves, margins)
        amount = None if self.amount is None else self.amount.quantiles(_read(self.amount, inputs))
        days = None if curve is None else self._days(curve)
        return DimensionScores(probability, low, high, p0, p1, curve, days, amount)

    def narrowings(self, inputs: Inputs) -> list[list[Narrowing]]:
        """The facts that would narrow the band of each lead's amount; none where no amount is forecast."""
        if self.amount is None or self.facts is None:
            return [[] for _ in range(len(inputs))]
        return self.facts.narrowings(self.amount, _read(self.amount, inputs))

    def _curve(self, inputs: Inputs, curves: Float64, margins: Float64) -> TimingCurve:
        """The stacked and calibrated curve, and each cause's part in it."""
        cumulative = clamped(self.calibrated.cumulative(curves, margins))
        if self.causes is None:
            return TimingCurve(cumulative)
        return TimingCurve(cumulative, incidence(cumulative, self.causes.shares(_read(self.causes, inputs))))

    def _days(self, curve: TimingCurve) -> tuple[Float64, Float64]:
        """The band of days, moved within the horizon that it was fitted at: of what lies beyond, nothing is known."""
        low, high = curve.band()
        if self.days_band is None:
            return low, high
        inside, median = high < self.horizon_days, curve.quantile(MEDIAN)
        moved_low, moved_high = self.days_band.band(np.fmin(low, self.horizon_days), np.fmin(high, self.horizon_days))
        # a band that was too wide shrinks, but not past the median
        moved_low = np.fmin(np.maximum(moved_low, 0.0), median)
        moved_high = np.where(np.isinf(moved_high), np.nan, np.maximum(moved_high, median))
        return np.where(low < self.horizon_days, moved_low, low), np.where(inside, moved_high, high)


def _read(reader: Reader, inputs: Inputs) -> Inputs:
    """The inputs with the features that `reader` reads."""
    return inputs.read(reader.names)


def basis(dimension: Dimension) -> dict[str, str | int]:
    """What the scores rest on, as answers show it, and what is missing before the tenant's outcomes count at all."""
    count = dimension.outcomes_per_class
    told: dict[str, str | int] = {"evidence": dimension.evidence_rung.value, "outcomes_per_class": count}
    if dimension.evidence_rung is not Rung.TENANT and count < LEAST_POOLED:
        told["needs"] = f"{LEAST_POOLED - count} more mature outcomes, before it knows the tenant's own level"
    return told


def clamped(probability: Float64) -> Float64:
    # np.clip takes three times as long for a few leads
    return np.minimum(np.maximum(probability, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)
