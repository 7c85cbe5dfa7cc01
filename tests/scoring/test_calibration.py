import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lintel.errors import InputError
from lintel.scoring.calibration import (
    PlattCalibrator,
    SplineCalibrator,
    fit_line,
    fit_platt,
    fit_spline,
    quantile_knots,
    segments,
)

steady = settings(deadline=None, derandomize=True)


@dataclass(frozen=True)
class Rows:
    margin: NDArray[np.float64]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float64]
    lead: NDArray[np.int32]


def _rows(seed: int, leads: int = 400, rows_a_lead: int = 4, slope: float = 0.6, intercept: float = -0.4) -> Rows:
    """Margins whose true log-odds are intercept + slope x margin; all rows of a lead share its fate."""
    random = np.random.default_rng(seed)
    margin = np.repeat(2 * random.normal(size=leads), rows_a_lead)
    fate = np.repeat(random.random(leads), rows_a_lead)
    outcome = fate < 1 / (1 + np.exp(-(slope * margin + intercept)))
    weight = random.uniform(1, 5, len(margin))
    return Rows(margin, outcome, weight, np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead))


def _fit(rows: Rows, **options: int) -> PlattCalibrator:
    return fit_platt(rows.margin, rows.outcome, rows.weight, rows.lead, **{"seed": 3, "draws": 50, **options})


@pytest.mark.parametrize("seed", range(5))
def test_the_line_is_that_of_scikit_learn(seed: int) -> None:
    rows = _rows(seed)
    reference = LogisticRegression(C=np.inf, tol=1e-12).fit(rows.margin[:, None], rows.outcome, rows.weight)
    slope, intercept = fit_line(rows.margin, rows.outcome, rows.weight, ridge=1e-12)
    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


@steady
@given(
    start=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    scale=st.sampled_from((0.01, 1.0, 100.0)),
    seed=st.integers(0, 50),
)
def test_the_maximum_is_reached_from_anywhere(start: tuple[float, float], scale: float, seed: int) -> None:
    rows = _rows(seed, leads=60)
    ridge, margin = 1e-3, rows.margin * scale
    slope, intercept = fit_line(margin, rows.outcome, rows.weight, start=start, ridge=ridge)
    rate = 1 / (1 + np.exp(-(slope * margin + intercept)))
    residual = rows.weight * (rate - rows.outcome)
    assert residual.sum() + ridge * intercept == pytest.approx(0, abs=1e-3)
    assert (residual @ margin + ridge * (slope - 1)) / scale == pytest.approx(0, abs=1e-2)


def test_perfectly_separated_classes_give_a_finite_line() -> None:
    margin = np.linspace(-3, 3, 40)
    slope, intercept = fit_line(margin, margin > 0, np.ones(40))
    assert 2 < slope < 1_000
    assert abs(intercept) < 1


def test_probabilities_are_the_line_and_keep_the_order() -> None:
    calibrator = _fit(_rows(1))
    margin = np.linspace(-8, 8, 101)
    probability = calibrator.probability(margin)
    log_odds = np.log(probability / (1 - probability))
    np.testing.assert_allclose(log_odds, calibrator.intercept + calibrator.slope * margin, atol=1e-9)
    assert (np.diff(probability) > 0).all()


def test_the_interval_holds_the_estimate_and_widens_with_its_level() -> None:
    calibrator = _fit(_rows(2), draws=200)
    margin = np.linspace(-3, 3, 7)
    low, high = calibrator.interval(margin, 0.9)
    wider_low, wider_high = calibrator.interval(margin, 0.99)
    probability = calibrator.probability(margin)
    assert ((low < probability) & (probability < high)).all()
    assert ((wider_low <= low) & (high <= wider_high)).all()


def test_the_interval_covers_the_true_rate_at_its_level() -> None:
    """Rows of a lead are one piece of evidence: drawing rows instead of leads would cover far less."""
    margin, level = np.array([-1.0, 0.0, 2.0]), 0.9
    truth = 1 / (1 + np.exp(-(0.6 * margin - 0.4)))
    hits = []
    for seed in range(60):
        low, high = _fit(_rows(seed, leads=250), draws=100, seed=seed).interval(margin, level)
        hits.append((low <= truth) & (truth <= high))
    assert 0.82 < np.mean(hits) <= 0.97


def test_the_same_seed_gives_the_same_calibrator_and_only_the_spread_depends_on_it() -> None:
    rows = _rows(5)
    first, again, other = _fit(rows, seed=1), _fit(rows, seed=1), _fit(rows, seed=2)
    assert first == again
    assert (first.slope, first.intercept) == (other.slope, other.intercept)
    assert first.slopes != other.slopes


def test_json_brings_back_every_bit() -> None:
    calibrator = _fit(_rows(6))
    assert PlattCalibrator.from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


def test_weights_count_as_copies() -> None:
    rows = _rows(7, leads=50)
    whole = np.random.default_rng(1).integers(1, 4, len(rows.margin))
    copied = fit_line(np.repeat(rows.margin, whole), np.repeat(rows.outcome, whole), np.ones(whole.sum()))
    assert fit_line(rows.margin, rows.outcome, whole.astype(float)) == pytest.approx(copied)


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_is_refused(outcome: bool) -> None:
    rows = _rows(8, leads=10)
    with pytest.raises(InputError, match="both classes"):
        _fit(Rows(rows.margin, np.full(40, outcome), rows.weight, rows.lead))


def test_no_rows_are_refused() -> None:
    empty = np.zeros(0)
    with pytest.raises(InputError, match="both classes"):
        _fit(Rows(empty, empty.astype(bool), empty, empty.astype(np.int32)))


def test_a_draw_without_one_class_is_drawn_again() -> None:
    margin, lead = np.array([-1.0, 0.5, 1.0]), np.arange(3, dtype=np.int32)
    calibrator = fit_platt(margin, np.array([False, False, True]), np.ones(3), lead, seed=1, draws=30)
    assert len(calibrator.slopes) == len(calibrator.intercepts) == 30
    assert np.isfinite(calibrator.slopes).all()


def _spline(rows: Rows, **options: float) -> SplineCalibrator:
    return fit_spline(rows.margin, rows.outcome, rows.weight, knots=quantile_knots(rows.margin), **options)


@steady
@given(
    margin=st.lists(st.floats(-30, 30), min_size=1, max_size=20),
    knots=st.lists(st.floats(-5, 5), max_size=5, unique=True),
)
def test_the_pieces_of_the_way_sum_to_the_way(margin: list[float], knots: list[float]) -> None:
    middle, parts = segments(np.array(margin), np.sort(knots))
    assert len(parts) == len(knots) + 1
    np.testing.assert_allclose(np.sum(parts, axis=0), np.array(margin) - middle, atol=1e-12)


@steady
@given(
    slopes=st.lists(st.floats(0, 5), min_size=1, max_size=6),
    intercept=st.floats(-5, 5),
    seed=st.integers(0, 1_000),
)
def test_the_curve_never_falls_and_bends_at_its_knots_alone(slopes: list[float], intercept: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    knots = np.sort(random.normal(size=len(slopes) - 1))
    curve = SplineCalibrator(knots, intercept, np.array(slopes))
    margin = np.sort(np.concatenate((random.normal(size=100) * 4, knots)))
    log_odds = curve.log_odds(margin)
    assert (np.diff(log_odds) >= -1e-12).all()
    piece = np.searchsorted(knots, (margin[1:] + margin[:-1]) / 2)
    np.testing.assert_allclose(np.diff(log_odds), np.array(slopes)[piece] * np.diff(margin), atol=1e-9)


def test_slopes_of_one_and_no_intercept_are_the_identity() -> None:
    margin = np.linspace(-6, 6, 50)
    curve = SplineCalibrator(np.array([-1.0, 0.5, 2.0]), 0.0, np.ones(4))
    np.testing.assert_allclose(curve.log_odds(margin), margin, atol=1e-12)


def test_without_knots_it_is_platt_s_line() -> None:
    rows = _rows(3)
    slope, intercept = fit_line(rows.margin, rows.outcome, rows.weight / rows.weight.mean())
    curve = fit_spline(rows.margin, rows.outcome, rows.weight, knots=np.zeros(0))
    assert curve.slopes == pytest.approx([slope], abs=1e-3)
    assert curve.intercept == pytest.approx(intercept, abs=1e-3)


def test_a_bend_is_found_where_a_line_would_miss_it() -> None:
    random = np.random.default_rng(1)
    margin = 2 * random.normal(size=40_000)
    log_odds = np.where(margin < 0, 0.2 * margin, 1.5 * margin)
    outcome = random.random(len(margin)) < 1 / (1 + np.exp(-log_odds))
    curve = fit_spline(margin, outcome, np.ones(len(margin)), knots=quantile_knots(margin))
    assert np.abs(curve.log_odds(margin) - log_odds)[np.abs(margin) < 3].max() < 0.3
    slope, intercept = fit_line(margin, outcome, np.ones(len(margin)))
    assert np.abs(slope * margin + intercept - log_odds)[np.abs(margin) < 3].max() > 0.6


def test_smoothing_brings_the_slopes_together() -> None:
    rows = _rows(4, leads=100)
    rough, smooth, stiff = (_spline(rows, smoothness=one).slopes for one in (0.0, 10.0, 1e6))
    assert np.ptp(rough) > np.ptp(smooth) > np.ptp(stiff)
    assert np.ptp(stiff) < 1e-3


def test_margins_in_the_wrong_order_give_a_flat_curve() -> None:
    rows = _rows(5)
    curve = fit_spline(-rows.margin, rows.outcome, rows.weight, knots=quantile_knots(-rows.margin))
    assert not curve.increasing
    assert _spline(rows).increasing
    base = np.average(rows.outcome, weights=rows.weight)
    np.testing.assert_allclose(curve.probability(rows.margin), base, atol=1e-3)


def test_a_part_without_one_outcome_stays_finite() -> None:
    margin = np.linspace(-3, 3, 400)
    curve = fit_spline(margin, margin > 0, np.ones(400), knots=quantile_knots(margin), smoothness=0.0)
    assert np.isfinite(curve.log_odds(np.array([-100.0, 100.0]))).all()
    assert (curve.slopes < 100).all()


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0, 1.0], [0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
def test_tied_margins_have_fewer_knots_none_at_the_ends(values: list[float]) -> None:
    knots = quantile_knots(np.array(values))
    assert (np.diff(knots) > 0).all()
    assert ((knots > min(values)) & (knots < max(values))).all()


def test_knots_cut_margins_into_parts_of_equal_size() -> None:
    margin = np.random.default_rng(1).normal(size=1_000)
    assert np.bincount(np.searchsorted(quantile_knots(margin, 4), margin)).tolist() == [200] * 5


def test_json_brings_back_every_bit_of_a_curve() -> None:
    curve = _spline(_rows(6))
    again = SplineCalibrator.from_json(json.loads(json.dumps(curve.to_json())))
    assert again.to_json() == curve.to_json()
    margin = np.linspace(-5, 5, 99)
    assert again.probability(margin).tolist() == curve.probability(margin).tolist()


def test_a_curve_gives_one_margin_what_it_gives_a_batch() -> None:
    curve, margin = _spline(_rows(7)), np.random.default_rng(2).normal(size=300)
    assert [float(curve.log_odds(np.array(one))) for one in margin] == curve.log_odds(margin).tolist()
    assert curve.probability(margin.reshape(3, 100)).shape == (3, 100)


@pytest.mark.parametrize("outcome", [True, False])
def test_a_curve_of_one_class_is_refused(outcome: bool) -> None:
    with pytest.raises(InputError, match="both classes"):
        fit_spline(np.zeros(3), np.full(3, outcome), np.ones(3), knots=np.zeros(0))
