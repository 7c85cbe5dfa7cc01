from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from lintel.scoring.metrics import (
    auc,
    average_precision,
    base_rate,
    brier,
    evaluate,
    lift,
    lift_curve,
    log_loss,
    roc_curve,
)

steady = settings(deadline=None, derandomize=True)
Metric = Callable[..., float]


@dataclass(frozen=True)
class Forecasts:
    outcome: NDArray[np.bool_]
    probability: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def all(self) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        return self.outcome, self.probability, self.weight

    def take(self, rows: NDArray[np.intp]) -> "Forecasts":
        return Forecasts(self.outcome[rows], self.probability[rows], self.weight[rows])


@st.composite
def forecasts(draw: st.DrawFn) -> Forecasts:
    """Forecasts with ties, of both classes."""
    size = draw(st.integers(2, 40))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    outcome = random.random(size) < 0.4
    outcome[:2] = True, False
    probability = np.round(random.random(size), draw(st.sampled_from((1, 2, 9))))
    return Forecasts(outcome, probability, random.integers(1, 6, size) / draw(st.sampled_from((1, 7))))


@steady
@given(forecasts())
def test_auc_is_the_share_of_pairs_in_order(given_: Forecasts) -> None:
    won = total = 0.0
    for y, p, w in zip(*given_.all, strict=True):
        for other_y, other_p, other_w in zip(*given_.all, strict=True):
            if y and not other_y:
                total += w * other_w
                won += w * other_w * ((p > other_p) + 0.5 * (p == other_p))
    assert auc(*given_.all) == pytest.approx(won / total)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (auc, reference.roc_auc_score),
        (average_precision, reference.average_precision_score),
        (log_loss, reference.log_loss),
        (brier, reference.brier_score_loss),
    ],
    ids=lambda function: function.__name__,
)
@steady
@given(given_=forecasts())
def test_figures_are_those_of_scikit_learn(ours: Metric, theirs: Metric, given_: Forecasts) -> None:
    expected = theirs(given_.outcome, given_.probability, sample_weight=given_.weight)
    assert ours(*given_.all) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", [auc, average_precision, log_loss, brier, lambda *rows: lift(*rows, share=0.1)])
@steady
@given(given_=forecasts(), seed=st.integers(0, 100))
def test_the_order_of_rows_does_not_matter_and_weights_count_as_copies(
    metric: Metric, given_: Forecasts, seed: int
) -> None:
    value = metric(*given_.all)
    shuffled = np.random.default_rng(seed).permutation(len(given_.outcome))
    assert metric(*given_.take(shuffled).all) == pytest.approx(value)
    whole = np.rint(given_.weight / given_.weight.min()).astype(int)
    copied = given_.take(np.repeat(np.arange(len(whole)), whole))
    weighted = metric(given_.outcome, given_.probability, whole.astype(float))
    assert metric(copied.outcome, copied.probability, np.ones(len(copied.outcome))) == pytest.approx(weighted)


@steady
@given(forecasts())
def test_the_roc_curve_is_that_of_scikit_learn_and_its_area_the_auc(given_: Forecasts) -> None:
    false_positive, true_positive = roc_curve(*given_.all)
    expected = reference.roc_curve(
        given_.outcome, given_.probability, sample_weight=given_.weight, drop_intermediate=False
    )
    np.testing.assert_allclose(false_positive, expected[0], atol=1e-12)
    np.testing.assert_allclose(true_positive, expected[1], atol=1e-12)
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(auc(*given_.all))


@steady
@given(forecasts())
def test_the_lift_curve_rises_from_nothing_to_all(given_: Forecasts) -> None:
    share, captured = lift_curve(*given_.all)
    assert (share[0], captured[0]) == (0, 0)
    assert (share[-1], captured[-1]) == pytest.approx((1, 1))
    assert (np.diff(share) > 0).all()
    assert (np.diff(captured) >= 0).all()


def test_lift_is_the_rate_of_the_best_over_that_of_all() -> None:
    probability = np.linspace(0, 1, 100)
    outcome = np.zeros(100, bool)
    outcome[[99, 98, 97, 96, 95, 10, 20, 30, 40, 50]] = True
    assert lift(outcome, probability, np.ones(100), share=0.1) == pytest.approx(5.0)


def test_ties_at_the_border_enter_in_proportion() -> None:
    """20 rows share the best score, half of them yes: a tenth of the rows finds half as many as all 20 do."""
    probability = np.array([0.9] * 20 + [0.1] * 80)
    outcome = np.array([True] * 10 + [False] * 90)
    assert lift(outcome, probability, np.ones(100), share=0.1) == pytest.approx(5.0)
    assert lift(outcome[::-1], probability[::-1], np.ones(100), share=0.1) == pytest.approx(5.0)


def test_a_wrong_certainty_is_punished_but_finite() -> None:
    loss = log_loss(np.array([True, False]), np.array([0.0, 0.0]), np.ones(2))
    assert 10 < loss < 20


def test_base_rate_is_weighted() -> None:
    assert base_rate(np.array([True, False]), np.array([3.0, 1.0])) == 0.75


@pytest.mark.parametrize("metric", [auc, average_precision, lambda *rows: lift(*rows, share=0.1)])
def test_what_needs_a_yes_is_not_a_number_without_one(metric: Metric) -> None:
    assert np.isnan(metric(np.zeros(5, bool), np.linspace(0, 1, 5), np.ones(5)))


@pytest.mark.parametrize("metric", [auc, average_precision, log_loss, brier, base_rate])
def test_no_rows_have_no_figures(metric: Metric) -> None:
    none = np.zeros(0)
    rows = (none.astype(bool), none) if metric is base_rate else (none.astype(bool), none, none)
    assert np.isnan(metric(*rows))


def test_evaluate_gives_all_figures_of_a_calibrated_forecaster() -> None:
    random = np.random.default_rng(2)
    lead = np.repeat(np.arange(1_500, dtype=np.int32), 2)
    probability = random.beta(1, 2, 3_000)
    outcome = np.repeat(random.random(1_500), 2) < probability
    weight = random.uniform(1, 3, 3_000)
    found = evaluate(outcome, probability, weight, lead, seed=1)
    assert (found.n, found.leads) == (3_000, 1_500)
    assert found.auc_interval[0] < found.auc < found.auc_interval[1]
    assert found.ece_band[0] < found.ece < found.ece_band[1]
    assert found.calibration_slope == pytest.approx(1, abs=0.15)
    assert found.calibration_intercept == pytest.approx(0, abs=0.15)
    assert found.lift_top_decile > 1.5
    assert found.log_loss < reference.log_loss(outcome, np.full(3_000, found.base_rate))
    assert evaluate(outcome, probability, weight, lead, seed=1) == found
    assert evaluate(outcome, probability, weight, lead, seed=2) == replace(
        found,
        auc_interval=evaluate(outcome, probability, weight, lead, seed=2).auc_interval,
        ece_band=evaluate(outcome, probability, weight, lead, seed=2).ece_band,
    )
