"""Curves read at horizons and quantiles, and causes that sum to the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lintel.scoring.timing_curve import BINS, EDGES_DAYS, TimingCurve, cumulative, incidence

hazards = arrays(np.float64, (3, BINS), elements=st.floats(-6, 3))
masses = arrays(np.float64, (3, BINS, 3), elements=st.floats(0.01, 1))


@given(hazards, masses)
def test_causes_sum_to_the_curve(margins: np.ndarray, mass: np.ndarray) -> None:
    curve = cumulative(margins)
    found = incidence(curve, mass / mass.sum(axis=2, keepdims=True))
    np.testing.assert_allclose(found.sum(axis=2), curve, rtol=0, atol=1e-12)
    assert (np.diff(found, axis=1, prepend=0.0) >= 0).all()


@given(hazards, masses)
def test_incidence_is_what_walking_through_the_bins_gives(margins: np.ndarray, mass: np.ndarray) -> None:
    shares = mass / mass.sum(axis=2, keepdims=True)
    found = incidence(cumulative(margins), shares)
    for row in range(3):
        undecided, so_far = 1.0, np.zeros(3)
        for bin_ in range(BINS):
            hazard = 1 / (1 + np.exp(-margins[row, bin_]))
            so_far = so_far + undecided * hazard * shares[row, bin_]
            undecided *= 1 - hazard
            np.testing.assert_allclose(found[row, bin_], so_far, atol=1e-12)


@given(hazards, st.floats(0.05, 0.95))
def test_a_quantile_is_the_day_by_which_that_share_is_decided(margins: np.ndarray, level: float) -> None:
    curve = TimingCurve(cumulative(margins))
    for row, days in enumerate(curve.quantile(level).tolist()):
        if np.isnan(days):
            assert curve.cumulative[row, -1] < level
        else:
            assert curve.within(days)[row] == pytest.approx(level, abs=1e-6)


def test_the_band_is_the_first_and_the_last_tenth() -> None:
    curve = TimingCurve(np.array(EDGES_DAYS[1:])[None] / EDGES_DAYS[-1])
    low, high = curve.band()
    assert low[0] == pytest.approx(18.0)
    assert high[0] == pytest.approx(162.0)


def test_causes_are_read_at_any_horizon() -> None:
    whole = np.array(EDGES_DAYS[1:])[None] / 200
    curve = TimingCurve(whole, incidence(whole, np.full((1, BINS, 3), (0.5, 0.3, 0.2))))
    np.testing.assert_allclose(curve.within_by_cause(12.0), [[0.03, 0.018, 0.012]])
    with pytest.raises(TypeError, match="no causes"):
        TimingCurve(whole).within_by_cause(12.0)


def test_nothing_is_said_beyond_the_curve() -> None:
    curve = TimingCurve(np.array([[0.1, 0.6]]))
    assert curve.quantile(0.5)[0] == pytest.approx(1.8)
    assert np.isnan(curve.quantile(0.7)[0])
    assert np.isnan(curve.within(3.0)[0])
    assert curve.within(2.0)[0] == pytest.approx(0.6)
    assert curve.within(0.0)[0] == 0.0
