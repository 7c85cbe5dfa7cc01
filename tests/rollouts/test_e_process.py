from itertools import product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.rollouts.e_process import (
    FRACTIONS,
    log_capital,
    mean_bounds,
    peak,
    peak_not_worse,
    peak_worse,
    squared_differences,
)

DIFFERENCES = st.lists(st.floats(-1.0, 1.0), max_size=40)


def naive(values: list[float], mean: float, least: float) -> list[float]:
    """One gambler a fraction, each with an equal part of the money, value by value."""
    purses = [1.0 / len(FRACTIONS)] * len(FRACTIONS)
    found = []
    for value in values:
        purses = [
            purse + purse * fraction * (value - mean) / (mean - least)
            for purse, fraction in zip(purses, FRACTIONS, strict=True)
        ]
        found.append(sum(purses))
    return found


@given(DIFFERENCES, st.floats(-0.5, 0.5))
def test_capital_is_that_of_gamblers_value_by_value(values: list[float], mean: float) -> None:
    found = np.exp(log_capital(np.array(values), mean))
    assert found == pytest.approx(naive(values, mean, -1.0), rel=1e-9)


@given(st.lists(st.floats(0.0, 1.0), max_size=40), st.floats(0.05, 0.9))
def test_capital_of_values_above_zero(values: list[float], mean: float) -> None:
    assert np.exp(log_capital(np.array(values), mean, least=0.0)) == pytest.approx(naive(values, mean, 0.0), rel=1e-9)


OUTCOMES = (-1.0, -0.3, 0.2, 1.0)
FAIR = ((0.25, 0.25, 0.25, 0.225), (0.0, 0.4, 0.6, 0.0), (0.5, 0.0, 0.0, 0.5), (0.1, 0.6, 0.3, 0.0))


@pytest.mark.parametrize("chances", FAIR)
def test_capital_is_a_supermartingale_on_every_path(chances: tuple[float, ...]) -> None:
    """All 4 + 16 + 64 + 256 histories: what is to be expected next is never more than what is there."""
    weights = np.array(chances) / sum(chances)
    assert weights @ np.array(OUTCOMES) <= 1e-12
    for length in range(4):
        for history in product(OUTCOMES, repeat=length):
            now = exp(log_capital(np.array(history))[-1]) if history else 1.0
            later = [exp(log_capital(np.array([*history, value]))[-1]) for value in OUTCOMES]
            assert weights @ np.array(later) <= now * (1 + 1e-12)


@pytest.mark.parametrize("chances", FAIR)
@pytest.mark.parametrize("enough", [1.2, 1.5, 2.0])
def test_ville_holds_on_a_whole_tree(chances: tuple[float, ...], enough: float) -> None:
    """Whoever stops as soon as the capital is enough does so with chance 1 / enough at most."""
    weights = np.array(chances) / sum(chances)
    reached = sum(
        np.prod(weights[list(path)])
        for path in product(range(4), repeat=6)
        if peak(np.array(OUTCOMES)[list(path)]) >= enough
    )
    assert reached <= 1.0 / enough


def test_a_mean_above_the_stated_one_is_bet_on_with_gain() -> None:
    """So that the two tests above could fail."""
    weights = np.array([0.1, 0.1, 0.4, 0.4])
    later = [exp(log_capital(np.array([value]))[-1]) for value in OUTCOMES]
    assert weights @ np.array(later) > 1.0


@given(DIFFERENCES, st.randoms(use_true_random=False))
def test_present_capital_does_not_depend_on_order(values: list[float], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert log_capital(np.array(values))[-1:] == pytest.approx(log_capital(np.array(shuffled))[-1:], abs=1e-9)


@given(DIFFERENCES, st.floats(-1.0, 1.0))
def test_the_peak_never_falls_and_a_worse_value_never_lowers_it(values: list[float], value: float) -> None:
    assert peak(np.array([*values, value])) >= peak(np.array(values)) * (1 - 1e-12)
    raised = np.minimum(np.array(values) + 0.1, 1.0)
    assert peak(raised) >= peak(np.array(values)) * (1 - 1e-12)


def test_equal_models_gain_nothing_however_long_they_run() -> None:
    assert peak_worse(np.zeros(10_000)) == pytest.approx(1.0)
    assert peak_worse(np.empty(0)) == 1.0


def test_being_no_worse_than_a_margin_shows_in_time() -> None:
    assert peak_not_worse(np.zeros(200), 0.01) < 20.0 < peak_not_worse(np.zeros(1_000), 0.01)
    assert peak_not_worse(np.full(1_000, 0.02), 0.01) == pytest.approx(1.0)


def test_capital_beyond_any_number_is_cut_off() -> None:
    assert np.isfinite(peak(np.ones(10_000)))


def test_what_lies_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        log_capital(np.array([-0.1]), 0.2, least=0.0)
    with pytest.raises(ValueError, match="below it"):
        log_capital(np.array([0.1]), 0.0, least=0.0)


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=30), st.floats(-1.0, 1.0))
def test_bounds_hold_the_plain_mean_and_only_tighten(values: list[float], value: float) -> None:
    low, high = mean_bounds(np.array(values), 0.05)
    assert -1.0 <= low <= high <= 1.0
    tighter = mean_bounds(np.array([*values, value]), 0.05)
    assert tighter[0] >= low - 1e-6
    assert tighter[1] <= high + 1e-6


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=30))
def test_bounds_of_the_opposite_are_the_opposite_bounds(values: list[float]) -> None:
    low, high = mean_bounds(np.array(values), 0.05)
    assert mean_bounds(-np.array(values), 0.05) == pytest.approx((-high, -low), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_bounds_are_where_the_capital_reaches_its_mark(seed: int) -> None:
    """By trying means one after another."""
    values = np.random.default_rng(seed).uniform(-0.2, 1.0, 20 * (seed + 1)).tolist()
    low, _ = mean_bounds(np.array(values), 0.05)
    tried = np.linspace(-0.99, 0.99, 199)
    rejected = [mean for mean in tried if max(naive(values, mean, -1.0)) >= 40.0]
    assert low == pytest.approx(max(rejected, default=-1.0), abs=0.011)


def test_bounds_without_values_say_nothing() -> None:
    assert mean_bounds(np.empty(0), 0.05) == (-1.0, 1.0)
    assert mean_bounds(np.empty(0), 0.05, least=0.0) == (0.0, 1.0)


def test_bounds_looked_at_a_thousand_times_hold_the_mean_as_often_as_said() -> None:
    random = np.random.default_rng(3)
    missed = 0
    for _ in range(200):
        values = np.where(random.random(1_000) < 0.3, 0.5, -0.1)
        low, high = mean_bounds(values, 0.1)  # of all 1,000 moments together
        missed += not low <= 0.08 <= high
    assert missed <= 30


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0]))
def test_squared_differences_are_those_of_brier_losses(candidate: float, champion: float, outcome: float) -> None:
    found = squared_differences(np.array([candidate]), np.array([champion]), np.array([outcome]))[0]
    assert found == pytest.approx((candidate - outcome) ** 2 - (champion - outcome) ** 2, abs=1e-12)
    assert -1.0 <= found <= 1.0


def test_spreading_over_fractions_costs_no_more_than_their_number() -> None:
    values = np.random.default_rng(1).normal(0.05, 0.2, 500).clip(-1.0, 1.0)
    best = max(np.log1p(fraction * values).sum() for fraction in FRACTIONS)
    assert best - log(len(FRACTIONS)) <= log_capital(values)[-1] <= best
