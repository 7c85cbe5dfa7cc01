import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from lintel.errors import InputError
from lintel.scoring.conformal import ConformalBand, fit_conformal, seen_to_horizon

steady = settings(deadline=None, derandomize=True, max_examples=50)


def _alone(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(n), np.arange(n, dtype=np.int32)


@steady
@given(n=st.integers(1, 60), level=st.sampled_from((0.5, 0.8, 0.9)), seed=st.integers(0, 1_000))
def test_the_shift_is_the_order_statistic_of_the_paper(n: int, level: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    actual, low = random.normal(size=n), np.full(n, -0.5)
    band = fit_conformal(low, -low, actual, *_alone(n), level=level)
    rank = math.ceil(level * (n + 1) - 1e-9)
    expected = np.sort(np.abs(actual) - 0.5)[rank - 1] if rank <= n else math.inf
    assert band.shift == pytest.approx(expected)


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("half_width", [0.2, 1.0, 4.0])
def test_coverage_is_inside_the_binomial_band_of_its_level(level: float, half_width: float) -> None:
    """Exchangeable rows, bands that are too narrow, about right and far too wide."""
    random, n, hits = np.random.default_rng(1), 200, []
    for _ in range(2_000):
        actual = random.standard_t(3, size=n + 1)
        low, high = np.full(n + 1, -half_width), np.full(n + 1, half_width)
        band = fit_conformal(low[:n], high[:n], actual[:n], *_alone(n), level=level)
        new_low, new_high = band.band(low[n:], high[n:])
        hits.append(bool((new_low <= actual[n:]).all() and (actual[n:] <= new_high).all()))
    assert binom.ppf(0.0005, 2_000, level) <= sum(hits) <= binom.ppf(0.9995, 2_000, level + 1 / n)


@steady
@given(seed=st.integers(0, 5_000))
def test_the_share_held_of_one_test_set_is_that_of_theory(seed: int) -> None:
    """Given the calibration rows, the hits of m new rows are beta-binomial (Vovk 2012)."""
    random, n, m, level = np.random.default_rng(seed), 99, 200, 0.9
    actual = random.normal(size=n + m)
    low = np.zeros(n + m)
    band = fit_conformal(low[:n], low[:n], actual[:n], *_alone(n), level=level)
    new_low, new_high = band.band(low[n:], low[n:])
    hits = int(((new_low <= actual[n:]) & (actual[n:] <= new_high)).sum())
    theory = betabinom(m, 90, 10)
    assert theory.ppf(1e-5) <= hits <= theory.ppf(1 - 1e-5)


def test_rows_of_one_lead_count_as_one() -> None:
    """With copies counted as rows, the correction for few leads would be lost."""
    random = np.random.default_rng(2)
    actual, lead = random.normal(size=12), np.arange(12, dtype=np.int32)
    zero = np.zeros(12)
    once = fit_conformal(zero, zero, actual, np.ones(12), lead, level=0.9)
    rows = [np.repeat(part, 9) for part in (zero, zero, actual, np.ones(12), lead)]
    copied = fit_conformal(*rows, level=0.9)
    assert copied == once
    assert copied.leads == 12


def test_coverage_of_leads_with_many_rows_is_at_least_the_level() -> None:
    random, level, hits = np.random.default_rng(3), 0.8, []
    for _ in range(400):
        own, size = random.normal(size=41), random.integers(1, 9, 41)
        lead = np.repeat(np.arange(41, dtype=np.int32), size)
        actual, weight = own[lead] + random.normal(size=len(lead)) * 0.1, 1.0 / size[lead]
        known = lead < 40
        band = fit_conformal(*np.zeros((2, known.sum())), actual[known], weight[known], lead[known], level=level)
        hits.append(np.mean(np.abs(actual[~known]) <= band.shift))
    assert level - 0.05 < np.mean(hits) < level + 0.08


def test_too_few_leads_give_no_bound() -> None:
    band = fit_conformal(np.zeros(5), np.ones(5), np.zeros(5), *_alone(5), level=0.9)
    assert band.shift == math.inf
    assert ConformalBand.from_json(json.loads(json.dumps(band.to_json(), allow_nan=False))) == band
    assert [float(end[0]) for end in band.band(np.zeros(1), np.ones(1))] == [-math.inf, math.inf]


def test_a_band_that_was_too_wide_shrinks_and_its_ends_never_cross() -> None:
    actual = np.linspace(-0.1, 0.1, 99)
    band = fit_conformal(np.full(99, -5.0), np.full(99, 5.0), actual, *_alone(99), level=0.9)
    assert band.shift < -4.8
    low, high = band.band(np.array([-5.0, 1.0]), np.array([5.0, 2.0]))
    assert (low <= high).all()
    assert low[1] == high[1] == 1.5


def test_json_brings_back_every_bit() -> None:
    band = ConformalBand(0.1 + 0.2, 0.9, 7)
    assert ConformalBand.from_json(json.loads(json.dumps(band.to_json()))) == band


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="finite"):
        fit_conformal(np.zeros(2), np.ones(2), np.array([0.5, wrong]), *_alone(2), level=0.5)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="no row"):
        fit_conformal(*np.zeros((3, 0)), *_alone(0), level=0.9)


def test_rows_watched_to_the_horizon_are_those_with_capped_days() -> None:
    days, censored_after = np.array([2.0, 40.0, np.nan, np.nan, 3.0]), np.array([50.0, 50.0, 30.0, 29.9, 10.0])
    watched, capped = seen_to_horizon(days, censored_after, horizon_days=30.0)
    assert watched.tolist() == [True, True, True, False, False]
    assert capped[watched].tolist() == [2.0, 30.0, 30.0]


def test_days_censored_by_the_end_of_the_log_are_covered_at_the_level() -> None:
    """Without the rule, the quick decisions of late rows would make the band too short."""
    random, level, horizon, held = np.random.default_rng(4), 0.8, 20.0, []
    for _ in range(300):
        days, watched_for = random.exponential(12, size=400), random.uniform(0, 60, 400)
        seen = np.where(days <= watched_for, days, np.nan)
        rows, capped = seen_to_horizon(seen, watched_for, horizon_days=horizon)
        band = fit_conformal(*np.full((2, rows.sum()), 6.0), capped[rows], *_alone(int(rows.sum())), level=level)
        low, high = band.band(np.array([6.0]), np.array([6.0]))
        new = min(random.exponential(12), horizon)
        held.append(low[0] <= new <= high[0])
    assert binom.ppf(0.001, 300, level) <= sum(held)
