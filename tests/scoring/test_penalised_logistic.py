import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from lintel.scoring.penalised_logistic import Penalty, fit_penalised_logistic

Float64 = NDArray[np.float64]

steady = settings(deadline=None, derandomize=True, max_examples=40)


def _rows(seed: int, n: int = 200, k: int = 3) -> tuple[Float64, NDArray[np.bool_], Float64]:
    random = np.random.default_rng(seed)
    design = np.concatenate((np.ones((1, n)), random.normal(size=(k - 1, n))))
    truth = random.normal(size=k)
    outcome = random.random(n) < 1 / (1 + np.exp(-truth @ design))
    return design, outcome, random.uniform(0.5, 3, n)


def _penalty(k: int, strength: float, bounded: bool) -> Penalty:
    return Penalty(np.full(k, 0.5), strength * np.eye(k), np.array([False] + [bounded] * (k - 1)))


def _objective(x: Float64, design: Float64, outcome: NDArray[np.bool_], weight: Float64, penalty: Penalty) -> float:
    log_odds = x @ design
    away = x - penalty.centre
    return float(weight @ (np.logaddexp(0, log_odds) - outcome * log_odds) + away @ penalty.strength @ away / 2)


@steady
@given(seed=st.integers(0, 1_000), strength=st.sampled_from((0.01, 1.0, 50.0)), k=st.integers(2, 5))
def test_the_minimum_is_that_of_a_general_optimiser(seed: int, strength: float, k: int) -> None:
    design, outcome, weight = _rows(seed, k=k)
    penalty = _penalty(k, strength, bounded=True)
    bounds = [(None, None)] + [(0, None)] * (k - 1)
    arguments = design, outcome, weight, penalty
    reference = minimize(_objective, penalty.centre, arguments, bounds=bounds, options={"ftol": 1e-13, "maxiter": 500})
    found = fit_penalised_logistic(*arguments)
    assert (found[1:] >= 0).all()
    assert _objective(found, *arguments) <= reference.fun + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_without_bounds_and_almost_no_penalty_it_is_logistic_regression(seed: int) -> None:
    design, outcome, weight = _rows(seed)
    reference = LogisticRegression(C=np.inf, tol=1e-12, fit_intercept=False).fit(design.T, outcome, weight)
    found = fit_penalised_logistic(design, outcome, weight, _penalty(3, 1e-9, bounded=False))
    np.testing.assert_allclose(found, reference.coef_[0], atol=1e-4)


@steady
@given(
    seed=st.integers(0, 100),
    start=st.lists(st.floats(0, 30), min_size=3, max_size=3),
    scale=st.sampled_from((0.01, 1.0, 100.0)),
)
def test_it_is_reached_from_anywhere(seed: int, start: list[float], scale: float) -> None:
    design, outcome, weight = _rows(seed)
    design[1:] *= scale
    penalty = _penalty(3, 0.1, bounded=True)
    best = _objective(fit_penalised_logistic(design, outcome, weight, penalty), design, outcome, weight, penalty)
    found = fit_penalised_logistic(design, outcome, weight, penalty, start=np.array(start))
    assert _objective(found, design, outcome, weight, penalty) == pytest.approx(best, abs=1e-5)


def test_a_coefficient_of_the_wrong_sign_is_held_at_zero_exactly() -> None:
    column = np.linspace(-2, 2, 100)
    design = np.stack((np.ones(100), column))
    found = fit_penalised_logistic(design, column < 0, np.ones(100), _penalty(2, 0.1, bounded=True))
    assert found[1] == 0.0


def test_separated_classes_give_finite_coefficients() -> None:
    column = np.linspace(-2, 2, 100)
    design = np.stack((np.ones(100), column))
    found = fit_penalised_logistic(design, column > 0, np.ones(100), _penalty(2, 0.001, bounded=True))
    assert np.isfinite(found).all()
    assert found[1] > 3
