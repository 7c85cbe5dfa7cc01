import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.scoring.coverage import (
    LEAST_LEADS,
    Forecast,
    IntervalCoverage,
    base_rate_interval,
    hit_share,
    interval_coverage,
    winkler,
)

Float64 = NDArray[np.float64]

steady = settings(deadline=None, derandomize=True, max_examples=30)
BASE = (0.3, 0.4)


def _forecast(
    seed: int, leads: int = 2_000, rows_a_lead: int = 3, doubt: float = 0.1, claimed: float | None = None
) -> Forecast:
    """Rates whose log-odds the forecaster knows up to a smooth error of size `doubt`, with an interval for `claimed`;
    all rows of a lead share its fate."""
    random = np.random.default_rng(seed)
    truth = np.repeat(random.normal(size=leads) - 0.5, rows_a_lead)
    fate = np.repeat(random.random(leads), rows_a_lead)
    lead = np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead)
    error = random.normal(size=10)[np.searchsorted(np.linspace(-2, 1, 9), truth)]  # one for all that are scored alike
    log_odds = truth + doubt * error
    half = 1.645 * (doubt if claimed is None else claimed)
    probability, low, high = (1 / (1 + np.exp(-each)) for each in (log_odds, log_odds - half, log_odds + half))
    outcome = fate < 1 / (1 + np.exp(-truth))
    return Forecast(outcome, probability, low, high, random.uniform(1, 3, len(lead)), lead)


def _judged(forecast: Forecast) -> IntervalCoverage:
    found = interval_coverage(forecast, BASE)
    assert found is not None
    return found


def test_honest_intervals_have_residuals_of_variance_one_and_cover_at_their_level() -> None:
    judged = [_judged(_forecast(seed)) for seed in range(30)]
    assert np.mean([one.residual_variance for one in judged]) == pytest.approx(1.0, abs=0.2)
    assert np.mean([one.coverage for one in judged]) == pytest.approx(0.9, abs=0.04)
    inside = [one.variance_band[0] <= one.residual_variance <= one.variance_band[1] for one in judged]
    assert np.mean(inside) > 0.8


def test_intervals_that_are_too_narrow_or_too_wide_are_seen() -> None:
    narrow = [_judged(_forecast(seed, doubt=0.4, claimed=0.02)) for seed in range(10)]
    wide = [_judged(_forecast(seed, doubt=0.02, claimed=0.8)) for seed in range(10)]
    assert np.mean([one.residual_variance for one in narrow]) > 2
    assert np.mean([one.coverage for one in narrow]) < 0.8
    assert np.mean([one.residual_variance for one in wide]) < 0.2
    assert np.mean([one.coverage for one in wide]) > 0.98


def test_a_perfect_forecaster_without_doubt_has_sampling_residuals_of_variance_one() -> None:
    """Were rows taken for independent, it would be near 3: every lead is there three times."""
    judged = [_judged(_forecast(seed, doubt=0.0)) for seed in range(30)]
    assert np.mean([one.sampling_residual_variance for one in judged]) == pytest.approx(1.0, abs=0.2)
    assert judged[0].mean_width == pytest.approx(0.0)


def test_a_skilled_interval_beats_that_of_the_base_rate() -> None:
    forecast = _forecast(1)
    base = base_rate_interval(forecast.outcome, forecast.weight, forecast.lead, seed=1)
    judged = interval_coverage(forecast, base)
    assert judged is not None
    assert judged.winkler < judged.base_rate_winkler / 2


@steady
@given(seed=st.integers(0, 500), leads=st.integers(1, 1_500), values=st.sampled_from((3, 50, 100_000)))
def test_cells_are_of_200_leads_in_order_and_hold_every_row_once(seed: int, leads: int, values: int) -> None:
    random = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads, dtype=np.int32), random.integers(1, 4, leads))
    n = len(lead)
    probability = (random.integers(0, values, n) + 1) / (values + 1)
    one = np.ones(n)
    judged = interval_coverage(Forecast(random.random(n) < 0.5, probability, one * 0, one, one, lead), BASE)
    if judged is None:
        assert leads < LEAST_LEADS
        return
    assert all(cell.leads >= LEAST_LEADS for cell in judged.cells)
    means = [cell.forecast for cell in judged.cells]
    assert means == sorted(means)
    assert len(judged.cells) <= 20


def test_cells_and_figures_do_not_depend_on_the_order_of_rows_nor_cells_on_outcomes() -> None:
    forecast = _forecast(2)
    order = np.random.default_rng(1).permutation(len(forecast.lead))
    ours, theirs = _judged(forecast), _judged(forecast.take(order))
    assert ours.residual_variance == pytest.approx(theirs.residual_variance)
    turned = replace(forecast, outcome=~forecast.outcome)
    assert [cell.leads for cell in _judged(turned).cells] == [cell.leads for cell in ours.cells]


def test_a_cell_is_what_is_computed_by_hand() -> None:
    n = 300
    outcome, weight, lead = np.arange(n) % 3 == 0, np.where(np.arange(n) < 150, 1.0, 2.0), np.arange(n, dtype=np.int32)
    probability = np.full(n, 0.25)
    judged = _judged(Forecast(outcome, probability, probability - 0.1, probability + 0.05, weight, lead))
    (cell,) = judged.cells
    assert cell.observed == pytest.approx(np.average(outcome, weights=weight))
    error = np.sqrt(weight**2 @ (outcome - 0.25) ** 2) / weight.sum()
    assert cell.error == pytest.approx(error)
    assert cell.residual == pytest.approx((cell.observed - 0.25) / np.hypot(error, 0.05 / 1.6449), rel=1e-4)
    assert judged.mean_width == pytest.approx(0.15)
    assert judged.winkler == pytest.approx(0.15 + 20 * max(cell.observed - 0.3, 0))


def test_all_no_where_little_is_expected_is_no_surprise() -> None:
    n = 400
    zero = np.zeros(n)
    forecast = Forecast(zero.astype(bool), zero + 0.001, zero, zero + 0.002, zero + 1, np.arange(n, dtype=np.int32))
    assert abs(_judged(forecast).cells[0].sampling_residual) < 1


def test_few_leads_are_not_judged() -> None:
    assert interval_coverage(_forecast(3, leads=LEAST_LEADS - 1), BASE) is None
    assert interval_coverage(_forecast(3).take(np.zeros(0, np.intp)), BASE) is None


def test_it_is_plain_json() -> None:
    written = json.loads(json.dumps(_judged(_forecast(4)).to_json(), allow_nan=False))
    assert written["cells"][0]["held"] in (True, False)
    assert written["level"] == 0.9


@steady
@given(low=st.floats(-5, 0), high=st.floats(0, 5), level=st.sampled_from((0.5, 0.8, 0.9)))
def test_the_winkler_score_is_least_for_the_true_quantiles(low: float, high: float, level: float) -> None:
    values = np.random.default_rng(1).normal(size=4_000)
    best = np.quantile(values, ((1 - level) / 2, (1 + level) / 2))
    ours, theirs = (np.mean([winkler(*ends, value, level) for value in values[:400]]) for ends in (best, (low, high)))
    assert ours <= theirs + 0.15


def test_the_base_rate_s_interval_holds_the_rate() -> None:
    forecast = _forecast(5)
    low, high = base_rate_interval(forecast.outcome, forecast.weight, forecast.lead, seed=1)
    assert low < np.average(forecast.outcome, weights=forecast.weight) < high
    assert 0.01 < high - low < 0.1


@pytest.mark.parametrize(("held", "inside"), [(0.8, True), (0.6, False), (0.95, False)])
def test_hits_are_compared_with_the_binomial_band_of_the_level(held: float, inside: bool) -> None:
    n = 400
    actual = np.where(np.arange(n) < held * n, 0.0, 9.0)
    found = hit_share(np.full(n, -1.0), np.ones(n), actual, np.ones(n), np.arange(n, dtype=np.int32), level=0.8)
    assert found is not None
    assert found.share == pytest.approx(held)
    assert found.inside is inside
    assert (found.low, found.high) == pytest.approx((0.76, 0.8375), abs=0.003)
    assert found.to_json()["inside"] is inside


def test_many_rows_of_few_leads_widen_the_band() -> None:
    one, few, many = np.ones(400), np.repeat(np.arange(20), 20).astype(np.int32), np.arange(400, dtype=np.int32)
    narrow, wide = (hit_share(-one, one, one * 0, one, lead, level=0.8) for lead in (many, few))
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert hit_share(*np.zeros((4, 0)), np.zeros(0, np.int32), level=0.8) is None
