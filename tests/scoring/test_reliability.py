import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.scoring.reliability import (
    calibrated_error_band,
    calibration_line,
    expected_calibration_error,
    reliability_curve,
)

steady = settings(deadline=None, derandomize=True)


def _calibrated(seed: int, leads: int = 300, rows_a_lead: int = 3) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Outcome, probability, weight and lead: perfectly calibrated, the rows of a lead share one fate."""
    random = np.random.default_rng(seed)
    probability = np.repeat(random.beta(1, 3, leads), rows_a_lead) * random.uniform(0.8, 1, leads * rows_a_lead)
    outcome = np.repeat(random.random(leads), rows_a_lead) < probability
    weight = random.uniform(1, 4, len(probability))
    return outcome, probability, weight, np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead)


def test_the_error_is_the_mean_gap_over_ten_equal_bins() -> None:
    random = np.random.default_rng(1)
    probability = np.sort(random.random(1_000))
    outcome = random.random(1_000) < probability**2
    gaps = [
        abs(probability[start : start + 100].mean() - outcome[start : start + 100].mean())
        for start in range(0, 1_000, 100)
    ]
    assert expected_calibration_error(outcome, probability, np.ones(1_000)) == pytest.approx(np.mean(gaps))


@steady
@given(seed=st.integers(0, 50), digits=st.sampled_from([1, 2, 9]))
def test_the_order_of_rows_does_not_matter_even_with_ties(seed: int, digits: int) -> None:
    outcome, probability, weight, _ = _calibrated(seed, leads=40)
    probability = np.round(probability, digits)
    order = np.random.default_rng(seed).permutation(len(outcome))
    shuffled = expected_calibration_error(outcome[order], probability[order], weight[order])
    assert shuffled == pytest.approx(expected_calibration_error(outcome, probability, weight))


@steady
@given(seed=st.integers(0, 50))
def test_weights_count_as_copies(seed: int) -> None:
    outcome, probability, _, _ = _calibrated(seed, leads=40)
    whole = np.random.default_rng(seed).integers(1, 5, len(outcome))
    copied = [np.repeat(column, whole) for column in (outcome, probability)]
    assert expected_calibration_error(*copied, np.ones(whole.sum())) == pytest.approx(
        expected_calibration_error(outcome, probability, whole.astype(float))
    )


def test_one_score_for_all_has_the_gap_of_its_mean() -> None:
    outcome = np.array([True, False, False, False])
    assert expected_calibration_error(outcome, np.full(4, 0.6), np.ones(4)) == pytest.approx(0.35)


def test_a_calibrated_forecaster_lies_within_the_band_as_often_as_it_says() -> None:
    inside = []
    for seed in range(80):
        outcome, probability, weight, lead = _calibrated(seed)
        low, high = calibrated_error_band(probability, weight, lead, seed=seed + 1_000, draws=100)
        inside.append(low <= expected_calibration_error(outcome, probability, weight) <= high)
    assert 0.88 <= np.mean(inside) <= 1.0


def test_dependent_rows_widen_the_band() -> None:
    _, probability, weight, lead = _calibrated(1, leads=200, rows_a_lead=8)
    alone = calibrated_error_band(probability, weight, np.arange(len(lead), dtype=np.int32), seed=1, draws=200)
    together = calibrated_error_band(probability, weight, lead, seed=1, draws=200)
    assert together[1] > 1.8 * alone[1]


def test_a_miscalibrated_forecaster_lies_outside_the_band() -> None:
    outcome, probability, weight, lead = _calibrated(3, leads=1_000)
    too_high = np.sqrt(probability)
    _, high = calibrated_error_band(too_high, weight, lead, seed=1, draws=100)
    assert expected_calibration_error(outcome, too_high, weight) > 2 * high


def test_the_curve_has_the_bins_of_the_error_and_a_band_around_the_diagonal() -> None:
    outcome, probability, weight, lead = _calibrated(4)
    curve = reliability_curve(outcome, probability, weight, lead, seed=1, draws=200)
    assert len(curve.predicted) == 10
    assert curve.count.sum() == len(outcome)
    assert (np.diff(curve.predicted) > 0).all()
    assert ((curve.low < curve.predicted) & (curve.predicted < curve.high)).all()
    inside = (curve.low <= curve.observed) & (curve.observed <= curve.high)
    assert inside.sum() >= 7  # 90 % each


def test_few_distinct_scores_give_few_points() -> None:
    outcome, _, weight, lead = _calibrated(5)
    probability = np.where(np.arange(len(outcome)) % 2 == 0, 0.2, 0.7)
    curve = reliability_curve(outcome, probability, weight, lead, seed=1, draws=50)
    assert curve.predicted.tolist() == pytest.approx([0.2, 0.7])


def test_the_line_finds_forecasts_that_are_too_extreme() -> None:
    outcome, probability, weight, _ = _calibrated(6, leads=3_000)
    log_odds = np.log(probability / (1 - probability))
    extreme = 1 / (1 + np.exp(-(2 * log_odds + 1)))
    slope, intercept = calibration_line(outcome, extreme, weight)
    assert slope == pytest.approx(0.5, abs=0.06)
    assert intercept == pytest.approx(-0.5, abs=0.1)


def test_nothing_to_judge_is_not_a_number() -> None:
    none, no_lead = np.zeros(0), np.zeros(0, np.int32)
    assert np.isnan(expected_calibration_error(none.astype(bool), none, none))
    assert np.isnan(calibrated_error_band(none, none, no_lead, seed=1)).all()
    assert np.isnan(calibration_line(np.ones(3, bool), np.full(3, 0.5), np.ones(3))).all()
