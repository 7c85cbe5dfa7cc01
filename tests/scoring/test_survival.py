"""Survival figures against naive oracles and lifelines."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import concordance_index

from lintel.scoring.survival import (
    Observed,
    StepCurve,
    brier_at,
    censoring,
    concordance,
    integrated_brier,
    kaplan_meier,
)

Float64 = np.ndarray


@st.composite
def observations(draw: st.DrawFn, least: int = 2) -> Observed:
    count = draw(st.integers(least, 12))
    days = draw(st.lists(st.integers(1, 6), min_size=count, max_size=count))
    decided = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    weight = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    return Observed(np.array(days, float), np.array(decided), np.array(weight, float))


def slow_product(observed: Observed, days: float, *, of_censoring: bool, strictly: bool) -> float:
    """P(T > days), or P(T >= days), by its definition."""
    left = 1.0
    for one in sorted(set(observed.days.tolist())):
        if one > days or (strictly and one == days):
            break
        at = observed.days == one
        leaving = at & (observed.decided != of_censoring)
        risk = observed.days >= one
        if of_censoring:
            risk = risk & ~(at & observed.decided)
        if leaving.any():
            left *= 1 - observed.weight[leaving].sum() / observed.weight[risk].sum()
    return left


@given(observations(), st.floats(0, 7))
def test_curves_are_products_over_the_days(observed: Observed, days: float) -> None:
    for curve, of_censoring in ((kaplan_meier(observed), False), (censoring(observed), True)):
        assert curve.at(days) == pytest.approx(slow_product(observed, days, of_censoring=of_censoring, strictly=False))
        whole = float(round(days))
        assert curve.before(whole) == pytest.approx(
            slow_product(observed, whole, of_censoring=of_censoring, strictly=True)
        )


def sample(count: int = 400, seed: int = 2) -> tuple[Observed, Float64]:
    """Exponential days with a known rate each, uniformly censored."""
    random = np.random.default_rng(seed)
    rate = np.exp(random.normal(-2.5, 0.8, count))
    days, end = random.exponential(1 / rate), random.uniform(5, 40, count)
    return Observed.of(days, end, np.ones(count)), rate


def test_kaplan_meier_is_that_of_lifelines() -> None:
    observed, _ = sample()
    theirs = KaplanMeierFitter().fit(observed.days, observed.decided)
    grid = np.linspace(0, 35, 50)
    np.testing.assert_allclose(kaplan_meier(observed).at(grid), theirs.predict(grid), atol=1e-12)


def slow_brier(observed: Observed, forecast: Float64, days: float) -> float:
    total = 0.0
    for time, decided, weight, chance in zip(observed.days, observed.decided, observed.weight, forecast, strict=True):
        if time <= days and decided:
            total += weight * (1 - chance) ** 2 / slow_product(observed, time, of_censoring=True, strictly=True)
        elif time > days:
            total += weight * chance**2 / slow_product(observed, days, of_censoring=True, strictly=False)
    return total / observed.weight.sum()


@given(observations(), st.integers(1, 5), st.integers(0, 100))
def test_the_brier_score_is_its_definition(observed: Observed, days: int, seed: int) -> None:
    forecast = np.random.default_rng(seed).random(len(observed.days))
    found = brier_at(observed, forecast, float(days), censoring(observed))
    if np.isnan(found):
        assert slow_product(observed, days, of_censoring=True, strictly=False) == 0
    else:
        assert found == pytest.approx(slow_brier(observed, forecast, float(days)))


def test_censoring_does_not_bias_the_brier_score() -> None:
    random = np.random.default_rng(1)
    days, end = random.exponential(10, 40_000), random.uniform(0, 30, 40_000)
    weight, forecast = np.ones(40_000), np.full(40_000, 0.4)
    whole = float(np.mean((forecast - (days <= 12)) ** 2))
    observed = Observed.of(days, end, weight)
    assert brier_at(observed, forecast, 12.0, censoring(observed)) == pytest.approx(whole, abs=0.005)


def test_without_censoring_the_integrated_score_is_the_mean_over_time() -> None:
    observed = Observed.of(np.array([1.5, 3.5]), np.array([9.0, 9.0]), np.ones(2))
    grid = np.array([1.0, 2.0, 4.0])

    def never(days: float) -> Float64:
        return np.zeros(2)

    scores = [0.0, 0.5, 1.0]
    expected = (0.5 * (scores[0] + scores[1]) * 1 + 0.5 * (scores[1] + scores[2]) * 2) / 3
    assert integrated_brier(observed, never, grid, censoring(observed)) == pytest.approx(expected)


def slow_concordance(
    observed: Observed, forecast: Callable[[float], Float64], until: float, still: StepCurve | None
) -> float:
    won = pairs = 0.0
    for i, days in enumerate(observed.days.tolist()):
        if not observed.decided[i] or days > until:
            continue
        chance = forecast(days)
        for j, other in enumerate(observed.days.tolist()):
            if other > days or (other == days and not observed.decided[j]):
                both = observed.weight[i] * observed.weight[j]
                both *= 1.0 if still is None else float(still.before(days)) ** -2
                pairs += both
                won += both * (1.0 if chance[i] > chance[j] else 0.5 if chance[i] == chance[j] else 0.0)
    return won / pairs if pairs else float("nan")


@given(observations(), st.integers(0, 100), st.booleans(), st.sampled_from([3.0, np.inf]))
def test_concordance_counts_pairs(observed: Observed, seed: int, inverse: bool, until: float) -> None:
    rate = np.random.default_rng(seed).integers(1, 4, (2, len(observed.days))) / 10

    def crossing(days: float) -> Float64:
        return 1 - np.exp(-rate[0] * days - rate[1] * days**2)

    still = censoring(observed) if inverse else None
    found = concordance(observed, crossing, until=until, still_observed=still)
    assert found == pytest.approx(slow_concordance(observed, crossing, until, still), nan_ok=True)


def test_concordance_of_a_fixed_order_is_that_of_lifelines() -> None:
    observed, rate = sample()
    theirs = concordance_index(observed.days, -rate, observed.decided)
    assert concordance(observed, lambda days: 1 - np.exp(-rate * days)) == pytest.approx(theirs)
    assert concordance(observed, lambda days: np.full(len(rate), 0.3)) == 0.5


def test_observation_ends_before_a_later_decision() -> None:
    observed = Observed.of(np.array([2.0, 9.0, np.nan]), np.array([5.0, 5.0, 5.0]), np.ones(3))
    assert observed.days.tolist() == [2.0, 5.0, 5.0]
    assert observed.decided.tolist() == [True, False, False]
