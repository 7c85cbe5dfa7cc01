"""Shrinking a tenant's level towards its pool's: against plain optimisation, and on simulated tenants."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from lintel.errors import InputError
from lintel.scoring.partial_pooling import Shift, TenantSpread, fit_shift, fit_spread

Float64 = NDArray[np.float64]
Rows = tuple[Float64, NDArray[np.bool_], Float64, NDArray[np.int32]]

ROWS_A_LEAD = 3


def tenant_rows(random: np.random.Generator, shift: float, leads: int) -> Rows:
    """Log-odds, outcomes, weights and leads of a tenant whose level is off by `shift`; a lead's rows share its fate."""
    log_odds = np.repeat(random.normal(-1.0, 1.0, leads), ROWS_A_LEAD)
    outcome = np.repeat(random.random(leads), ROWS_A_LEAD) < expit(log_odds + shift)
    return log_odds, outcome, np.ones(len(log_odds)), np.repeat(np.arange(leads, dtype=np.int32), ROWS_A_LEAD)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-2, 2), leads=st.integers(30, 200))
def test_the_shift_is_the_likeliest_intercept(seed: int, shift: float, leads: int) -> None:
    random = np.random.default_rng(seed)
    log_odds, outcome, weight, lead = tenant_rows(random, shift, leads)
    outcome[:3], outcome[3:6] = True, False
    weight = random.uniform(0.5, 4.0, len(weight))

    def loss(intercept: float) -> float:
        moved = log_odds + intercept
        return float((weight / weight.mean()) @ (np.logaddexp(0.0, moved) - outcome * moved))

    best = minimize_scalar(loss, bounds=(-8, 8), method="bounded", options={"xatol": 1e-9}).x
    assert fit_shift(log_odds, outcome, weight, lead).value == pytest.approx(best, abs=2e-3)


def test_the_variance_is_that_of_leads_not_of_rows() -> None:
    """Of 300 simulated tenants with the same level the estimates spread as each of them says."""
    random = np.random.default_rng(5)
    found = [fit_shift(*tenant_rows(random, 0.4, 150)) for _ in range(300)]
    spread, told = np.var([one.value for one in found]), np.mean([one.variance for one in found])
    assert told == pytest.approx(spread, rel=0.25)


def test_a_tenant_of_one_class_has_no_shift_of_its_own() -> None:
    log_odds, outcome, weight, lead = tenant_rows(np.random.default_rng(1), 0.0, 20)
    with pytest.raises(InputError, match="both classes"):
        fit_shift(log_odds, np.zeros_like(outcome), weight, lead)


def test_the_spread_of_many_tenants_is_found() -> None:
    random = np.random.default_rng(3)
    shifts = [fit_shift(*tenant_rows(random, one, 300)) for one in random.normal(0.3, 0.6, 40)]
    spread = fit_spread(shifts)
    assert spread.mean == pytest.approx(0.3, abs=0.25)
    assert spread.deviation == pytest.approx(0.6, rel=0.3)
    assert spread.tenants == 40


def test_tenants_that_agree_are_still_not_taken_to_be_equal() -> None:
    """With few tenants that look alike a plain maximum has a deviation of 0, and would never listen to a tenant."""
    spread = fit_spread([Shift(0.01, 0.04), Shift(-0.01, 0.04)])
    assert spread.deviation > 0.03
    assert fit_spread([Shift(0.0, 0.04)]).unseen.variance > 0.05


@given(
    mean=st.floats(-1, 1),
    deviation=st.floats(0.05, 2),
    own=st.floats(-3, 3),
    variance=st.floats(0.001, 5),
)
def test_a_shrunk_shift_lies_between_and_is_surer_than_either(
    mean: float, deviation: float, own: float, variance: float
) -> None:
    spread = TenantSpread(mean, 0.01, deviation, 5)
    found = spread.shrunk(Shift(own, variance))
    assert min(mean, own) - 1e-9 <= found.value <= max(mean, own) + 1e-9
    assert found.variance <= min(variance, spread.unseen.variance) + 1e-12


def test_the_more_a_tenant_knows_the_less_it_is_shrunk() -> None:
    spread = TenantSpread(0.0, 0.02, 0.5, 4)
    moved = [spread.shrunk(Shift(1.0, variance)).value for variance in (1.0, 0.2, 0.05, 1e-6)]
    assert moved == sorted(moved)
    assert moved[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("deviation", [0.3, 0.6])
def test_shrinkage_beats_no_pooling_and_full_pooling(deviation: float) -> None:
    """Mean log loss, against their own truth, of new tenants with 60 leads beside pools of 5; simulated."""
    losses = np.mean([_losses(deviation, seed) for seed in range(10)], axis=0)
    shrunk, alone, together = losses
    assert shrunk < alone
    assert shrunk < together


def _losses(deviation: float, seed: int) -> list[float]:
    """Mean log loss over 20 new tenants with the shrunk shift, the tenant's own, and none but the pool's."""
    random = np.random.default_rng(seed)
    pool = [tenant_rows(random, one, 250) for one in random.normal(0.0, deviation, 5)]
    together = np.concatenate([rows[0] for rows in pool]), np.concatenate([rows[1] for rows in pool])
    level = fit_shift(*together, np.ones(len(together[0])), np.arange(len(together[0]), dtype=np.int32)).value
    spread = fit_spread([fit_shift(rows[0] + level, *rows[1:]) for rows in pool])
    found = []
    for truth in random.normal(0.0, deviation, 20):
        log_odds, *told = tenant_rows(random, truth, 60)
        own = fit_shift(log_odds + level, *told)
        later = random.normal(-1.0, 1.0, 2_000)
        values = (spread.shrunk(own).value, own.value, 0.0)
        found.append([_loss(expit(later + truth), later + level + value) for value in values])
    return _means(found)


def _loss(truth: Float64, log_odds: Float64) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - truth * log_odds))


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [float(one) for one in np.mean(rows, axis=0)]
