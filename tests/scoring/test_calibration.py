import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from lintel.errors import InputError
from lintel.scoring.calibration import PlattCalibrator, fit_line, fit_platt

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
