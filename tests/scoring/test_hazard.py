"""Person-period rows, and curves that are distributions."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.scoring.hazard import Hazard, fit_hazard, person_periods
from lintel.scoring.inputs import Inputs
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.timing_curve import BINS, EDGES_DAYS, TimingCurve
from lintel.scoring.xgboost_member import TreeSettings

NAMES = ("calls", "replies", "days_idle", "amount", "noise")
Float32 = NDArray[np.float32]


def rows_of(days: float, observed: float) -> list[tuple[int, bool]]:
    periods = person_periods(np.array([days]), np.array([observed]))
    return list(zip(periods.bin.tolist(), periods.decided.tolist(), strict=True))


def test_a_decision_ends_the_rows() -> None:
    assert rows_of(2.5, 60.0) == [(0, False), (1, False), (2, True)]


def test_a_decision_on_an_edge_belongs_to_the_bin_it_ends() -> None:
    assert rows_of(1.0, 60.0) == [(0, True)]
    assert rows_of(0.0, 60.0) == [(0, True)]


def test_censoring_gives_only_bins_seen_to_their_end() -> None:
    assert rows_of(np.nan, 4.0) == [(0, False), (1, False), (2, False)]
    assert rows_of(np.nan, 0.5) == []


def test_a_decision_after_the_border_is_not_seen() -> None:
    assert rows_of(10.0, 3.0) == [(0, False), (1, False), (2, False)]


def test_a_bin_cut_short_gives_no_row_whether_decided_or_not() -> None:
    assert rows_of(10.5, 12.0) == rows_of(np.nan, 12.0) == [(bin_, False) for bin_ in range(6)]


def test_a_decision_beyond_the_last_edge_is_survival() -> None:
    assert rows_of(EDGES_DAYS[-1] + 20, EDGES_DAYS[-1] + 30) == [(bin_, False) for bin_ in range(BINS)]


@pytest.fixture
def hazard(make_features: Callable[..., Float32]) -> Hazard:
    features = make_features(4000)
    random = np.random.default_rng(5)
    days = random.exponential(8.0 * np.exp(-features[:, 0]))
    return fit_hazard(
        Inputs(features, NAMES),
        days,
        random.uniform(5, 80, len(features)),
        np.ones(len(features)),
        StoppingSlices(np.arange(len(features)) < 3000, np.arange(len(features)) >= 3000),
        horizon_days=14.0,
        seed=1,
        settings=TreeSettings(max_trees=200, learning_rate=0.1, colsample_bytree=0.7, threads=1),
    ).member


@pytest.mark.parametrize("days", [0.0, 20.0, 200.0])
def test_a_horizon_inside_a_bin_is_refused(days: float, make_features: Callable[..., Float32]) -> None:
    features, half = make_features(10), np.arange(10) < 5
    with pytest.raises(IncompatibleError, match=f"asked for {days:g} days.*one of 1, 2, 3"):
        fit_hazard(
            Inputs(features, NAMES),
            np.full(10, 3.0),
            np.full(10, 60.0),
            np.ones(10),
            StoppingSlices(half, ~half),
            horizon_days=days,
            seed=1,
        )


def test_recovers_an_exponential_in_spite_of_censoring(hazard: Hazard, make_features: Callable[..., Float32]) -> None:
    features = make_features(2000, seed=77)
    truth = 1 - np.exp(-14.0 / (8.0 * np.exp(-features[:, 0])))
    found = TimingCurve(hazard.cumulative(Inputs(features, NAMES))).within(14.0)
    assert abs(found.mean() - truth.mean()) < 0.025
    assert np.corrcoef(found, truth)[0, 1] > 0.9


def test_the_margin_is_the_curve_at_the_horizon(hazard: Hazard, make_features: Callable[..., Float32]) -> None:
    features = make_features(50, seed=6)
    within = TimingCurve(hazard.cumulative(Inputs(features, NAMES))).within(14.0)
    np.testing.assert_allclose(1 / (1 + np.exp(-hazard.margin(Inputs(features, NAMES)))), within, atol=1e-9)


def test_curves_never_fall(hazard: Hazard, make_features: Callable[..., Float32]) -> None:
    cumulative = hazard.cumulative(Inputs(make_features(200, seed=6), NAMES))
    assert (np.diff(cumulative, axis=1) >= 0).all()
    assert ((cumulative >= 0) & (cumulative <= 1)).all()


def test_quantiles_invert_the_curve() -> None:
    curve = TimingCurve(np.linspace(0.05, 0.88, BINS)[None])
    for level in (0.02, 0.1, 0.5, 0.8):
        assert curve.within(float(curve.quantile(level)[0]))[0] == pytest.approx(level)
    assert np.isnan(curve.quantile(0.9)[0])  # beyond the last edge


def test_within_is_exact_on_edges() -> None:
    curve = TimingCurve(np.linspace(0.05, 0.88, BINS)[None])
    assert [curve.within(edge)[0] for edge in EDGES_DAYS[1:]] == pytest.approx(curve.cumulative[0].tolist())
