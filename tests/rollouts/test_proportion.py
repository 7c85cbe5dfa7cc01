from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom

from lintel.rollouts.proportion import (
    log_capital_against,
    log_capital_of_increase,
    quantile_bounds,
)


@given(st.integers(0, 20), st.integers(0, 20), st.floats(0.05, 0.95))
def test_capital_is_the_likelihood_ratio_spread_by_jeffreys_prior(events: int, others: int, share: float) -> None:
    def ratio(p: float) -> float:
        return float(p**events * (1 - p) ** others * beta.pdf(p, 0.5, 0.5))

    mixture = quad(ratio, 0.0, 0.5)[0] + quad(ratio, 0.5, 1.0)[0]
    plain = share**events * (1 - share) ** others
    assert np.exp(log_capital_against(share, events, events + others)) == pytest.approx(mixture / plain, rel=1e-4)


@given(st.floats(0.01, 0.99), st.integers(1, 40))
def test_capital_is_fair_at_every_length(share: float, trials: int) -> None:
    events = np.arange(trials + 1)
    capital = np.exp(log_capital_against(share, events, trials))
    assert binom.pmf(events, trials, share) @ capital == pytest.approx(1.0, rel=1e-6)


def test_bounds_looked_at_after_every_trial_hold_the_share() -> None:
    """1,000 looks at each of 400 runs: an interval for one look would miss about half of them."""
    trials = np.arange(1, 1_001)
    events = np.cumsum(np.random.default_rng(2).random((400, 1_000)) < 0.03, axis=1)
    ever = (log_capital_against(0.03, events, trials) >= -np.log(0.05)).any(axis=1)
    once = np.abs(events / trials - 0.03) > 1.96 * np.sqrt(0.03 * 0.97 / trials)
    assert ever.mean() <= 0.05
    assert once[:, 50:].any(axis=1).mean() > 0.2


@given(st.lists(st.floats(0.0, 1e6), max_size=400), st.sampled_from([0.5, 0.9, 0.95]))
def test_quantile_bounds_are_order_statistics_about_the_plain_quantile(values: list[float], quantile: float) -> None:
    low, high = quantile_bounds(np.array(values), quantile, 0.05)
    assert low == -inf or low in values
    assert high == inf or high in values
    if values:
        plain = np.quantile(values, quantile, method="inverted_cdf")
        assert low <= plain <= high


@pytest.mark.parametrize("seed", range(8))
def test_quantile_bounds_are_those_of_counting_above_each_value(seed: int) -> None:
    """Every value is tried as the quantile: is the count above it, or from it on, what a share of .1 would bring?"""
    random = np.random.default_rng(seed)
    values = random.integers(0, random.integers(5, 500), 60 * (seed + 1)).astype(float)
    low, high = quantile_bounds(values, 0.9, 0.05)
    n = len(values)

    def refused(count: int) -> bool:
        return bool(log_capital_against(1.0 - 0.9, count, n) >= np.log(20.0))

    below = [one for one in values if refused(k := int((values >= one).sum())) and k > 0.1 * n]
    above = [one for one in values if refused(k := int((values > one).sum())) and k < 0.1 * n]
    assert low == max(below, default=-inf)
    assert high == min(above, default=inf)


def test_quantile_bounds_looked_at_again_and_again_hold_the_quantile() -> None:
    random, missed = np.random.default_rng(5), 0
    for _ in range(100):
        values = random.exponential(1.0, 1_000)
        looks = [quantile_bounds(values[:count], 0.95, 0.1) for count in range(50, 1_001, 50)]
        missed += not all(low <= -np.log(0.05) <= high for low, high in looks)
    assert missed <= 12


def test_too_few_values_bound_nothing() -> None:
    assert quantile_bounds(np.arange(20.0), 0.95, 0.01)[1] == inf
    assert quantile_bounds(np.empty(0), 0.95, 0.01) == (-inf, inf)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.3))
def test_capital_of_an_increase_is_the_least_over_pairs_of_shares(
    events: int, others: int, lost: int, kept: int, increase: float
) -> None:
    """By trying pairs, whether on the edge or apart by less."""
    ours, theirs = (events, events + others), (lost, lost + kept)
    found = log_capital_of_increase(ours, theirs, increase)
    shares = np.linspace(0.001, 0.999, 250)
    mine = log_capital_against(shares, *ours)[:, None]
    half = np.logaddexp(0.0, log_capital_against(shares, *theirs)) - np.log(2.0)
    least = np.where(shares[:, None] <= shares[None, :] + increase, mine + half[None, :], np.inf).min()
    assert found <= max(least, 0.0) + 1e-6
    edge = np.linspace(0.0, 1.0 - increase, 2_002)[1:-1]
    on_edge = log_capital_against(edge + increase, *ours) + np.logaddexp(0.0, log_capital_against(edge, *theirs))
    apart = ours[1] and theirs[1] and events / ours[1] > lost / theirs[1] + increase
    assert found == (pytest.approx((on_edge - np.log(2.0)).min(), abs=0.05) if apart else 0.0)


@pytest.mark.parametrize(("share", "increase"), [(0.05, 0.02), (0.2, 0.1), (0.01, 0.05), (0.5, 0.01)])
def test_capital_of_an_increase_is_fair_where_the_limit_is_just_kept(share: float, increase: float) -> None:
    """Over all counts of 30 and 40 trials; only what exceeds 1 is an alarm, and Markov bounds it."""
    mine, theirs = binom.pmf(np.arange(31), 30, share + increase), binom.pmf(np.arange(41), 40, share)
    capital = np.array([[log_capital_of_increase((k, 30), (j, 40), increase) for j in range(41)] for k in range(31)])
    for enough in (2.0, 10.0, 100.0):
        assert mine @ (capital >= np.log(enough)) @ theirs <= 1.0 / enough


def test_an_increase_is_seen_although_their_share_is_hardly_known_or_very_well() -> None:
    for theirs in ((0, 20), (0, 300), (5, 10_000)):
        assert log_capital_of_increase((20, 20), theirs, 0.01) > np.log(1_000)
    assert log_capital_of_increase((25, 504), (2, 1_512), 0.01) > np.log(1_000)
    assert log_capital_of_increase((1, 1), (0, 10_000), 0.01) < np.log(100)
