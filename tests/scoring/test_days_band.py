"""The band of days beside the median, whatever the conformal correction asks for."""

import json
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logit

from lintel.scoring.calibrated_stack import CalibratedStack
from lintel.scoring.calibration import SplineCalibrator
from lintel.scoring.conformal import ConformalBand
from lintel.scoring.dimension import Dimension, DimensionScores
from lintel.scoring.inputs import Inputs
from lintel.scoring.score_table import score_table
from lintel.scoring.stacking import Stack
from lintel.scoring.timing_curve import BINS, MEDIAN, cumulative
from lintel.scoring.venn_abers import VennAbers

hazards = arrays(np.float64, (3, BINS), elements=st.floats(-6, 1))


@dataclass(frozen=True)
class Given:
    """An ensemble of one member whose hazards are given."""

    hazards: np.ndarray

    def curves(self, _: Inputs) -> np.ndarray:
        return logit(np.clip(cumulative(self.hazards), 1e-12, 1 - 1e-12))[:, :, None]


def scores(margins: np.ndarray, shift: float) -> DimensionScores:
    """With nothing calibrated, and a band that the correction moves by `shift` days."""
    draw = np.zeros(1)
    as_they_are = CalibratedStack(
        Stack(np.ones(1), 0.0, np.ones((1, 1)), draw), SplineCalibrator(draw, 0.0, np.ones(2)), draw, np.ones((1, 2))
    )
    return Dimension(
        name="timing",
        definition="",
        horizon_days=30.0,
        ensemble=Given(margins),
        calibrated=as_they_are,
        venn_abers=VennAbers(np.zeros(0), np.zeros(1), np.ones(1)),
        base_rate=0.5,
        calibration_n=0,
        evidence=(),
        days_band=ConformalBand(shift, 0.8, 50),
    ).scores(Inputs(np.zeros((3, 0), np.float32), ()))


@given(hazards, st.floats(-60, 60))
def test_it_holds_the_median(margins: np.ndarray, shift: float) -> None:
    """A band that was too wide shrinks, and often does not lie about the median evenly."""
    found = scores(margins, shift)
    (low, high), median = found.days, found.curve.quantile(MEDIAN)
    assert not (low > median).any()
    assert not (high < median).any()
    assert not (low > high).any()
    assert not (low < 0).any()


def test_a_correction_without_end_is_told_as_unknown() -> None:
    """Of too few leads the correction is infinite; answers are JSON, which has no infinity."""
    table = score_table(scores(np.full((3, BINS), 0.5), np.inf), (30.0,))
    assert json.loads(json.dumps(table, allow_nan=False))[0]["band_days"] == [0.0, None]


def test_a_horizon_beyond_the_curve_is_told_as_unknown() -> None:
    """A source's own labels may ask for any horizon; the curve ends after half a year."""
    found = scores(np.full((3, BINS), -1.0), 0.0)
    thirds = np.repeat(found.curve.cumulative[:, :, None] / 3.0, 3, axis=2)
    table = score_table(replace(found, curve=replace(found.curve, incidence=thirds)), (180.0, 365.0))
    row = json.loads(json.dumps(table, allow_nan=False))[0]
    assert row["p_within"]["365"] is None
    assert 0.0 < row["p_within"]["180"] < 1.0
    assert all(one["365"] is None and one["180"] > 0.0 for one in row["p_within_by_cause"].values())
