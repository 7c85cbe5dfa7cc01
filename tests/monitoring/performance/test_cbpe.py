"""Expected performance against naive sums over all pairs and all outcomes, and against what is then realised."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from lintel.monitoring.cbpe import (
    DRAWS,
    FIGURES,
    LEVEL,
    expected_confusion,
    expected_figures,
    expected_performance,
    realised_figures,
    simulated_figures,
)
from lintel.scoring import metrics

Float64 = NDArray[np.float64]

SHARES = st.lists(st.sampled_from([0.02, 0.1, 0.1, 0.35, 0.5, 0.8, 0.97]), min_size=2, max_size=7)


@given(SHARES, st.integers(0, 1_000))
def test_expectations_are_sums_over_every_possible_outcome(chances: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    told, weight = random.choice([0.1, 0.2, 0.6, 0.9], len(chances)), random.integers(1, 4, len(chances)).astype(float)
    chance = np.array(chances)
    found = expected_figures(told, chance, weight)
    sums = dict.fromkeys(FIGURES, 0.0)
    won = pairs = 0.0
    for outcome in product([False, True], repeat=len(chances)):
        y = np.array(outcome)
        likely = float(np.prod(np.where(y, chance, 1.0 - chance)))
        sums["base_rate"] += likely * metrics.base_rate(y, weight)
        sums["log_loss"] += likely * metrics.log_loss(y, told, weight)
        sums["brier"] += likely * metrics.brier(y, told, weight)
        for i, j in product(range(len(y)), repeat=2):
            if y[i] and not y[j]:
                mass = likely * weight[i] * weight[j]
                pairs += mass
                won += mass * ((told[i] > told[j]) + 0.5 * (told[i] == told[j]))
    for name in ("base_rate", "log_loss", "brier"):
        assert found[name] == pytest.approx(sums[name], abs=1e-9)
    assert found["auc"] == pytest.approx(won / pairs, abs=1e-9)


@given(SHARES, st.integers(0, 1_000))
def test_realised_figures_of_many_sets_are_those_of_each(told: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    probability, weight = np.array(told), random.integers(1, 4, len(told)).astype(float)
    outcome = random.random((6, len(told))) < 0.5
    found = realised_figures(outcome, probability, weight)
    for row, y in enumerate(outcome):
        for name in FIGURES:
            own = (
                metrics.base_rate(y, weight) if name == "base_rate" else getattr(metrics, name)(y, probability, weight)
            )
            assert found[name][row] == pytest.approx(own, abs=1e-9, nan_ok=True)


@given(SHARES)
def test_shares_of_the_confusion_are_counted_one_by_one(told: list[float]) -> None:
    probability = np.array(told)
    found = expected_confusion(probability, np.ones(len(told)), 0.4)
    called = [p for p in told if p >= 0.4]
    left = [p for p in told if p < 0.4]
    assert found.true_positive == pytest.approx(sum(called) / len(told))
    assert found.false_positive == pytest.approx(sum(1 - p for p in called) / len(told))
    assert found.false_negative == pytest.approx(sum(left) / len(told))
    assert found.true_negative == pytest.approx(sum(1 - p for p in left) / len(told))


def test_the_figures_of_large_samples_are_drawn_in_portions_and_lie_around_the_expectation() -> None:
    probability = np.random.default_rng(3).beta(2, 5, 30_000)
    drawn = simulated_figures(probability, np.ones(30_000), seed=1, draws=70)
    value = expected_figures(probability, probability, np.ones(30_000))
    for name in FIGURES:
        assert drawn[name].shape == (70,)
        assert drawn[name].mean() == pytest.approx(value[name], abs=5 * drawn[name].std() / np.sqrt(70))


def drawn_doubt(told: Float64, low: Float64, high: Float64, *, seed: int) -> Float64:
    """(DRAWS, n) draws of probabilities whose intervals at LEVEL are known, (n,) each: all move by the same number of
    standard deviations in log-odds, as the doubt of one calibration does."""
    centre, bottom, top = (logit(one) for one in (told, low, high))
    steps = np.random.default_rng(seed).standard_normal(DRAWS)[:, None]
    reach = np.where(steps < 0.0, centre - bottom, top - centre) / float(norm.ppf((1.0 + LEVEL) / 2.0))
    return np.asarray(expit(centre + reach * steps), np.float64)


@pytest.mark.parametrize("tilt", [0.0, 1.5], ids=["the same leads", "other leads"])
def test_intervals_hold_what_is_realised_while_leads_scored_alike_turn_out_alike(tilt: float) -> None:
    held = dict.fromkeys(FIGURES, 0)
    for seed in range(150):
        random = np.random.default_rng(seed)
        chance = expit(random.normal(-1.0 + tilt, 1.2, 400))
        off = 0.15 * random.standard_normal()  # the calibration is off by what its own interval says
        told = expit(logit(chance) - off)
        reach = 1.645 * 0.15
        low, high = expit(logit(told) - reach), expit(logit(told) + reach)
        doubt = drawn_doubt(told, low, high, seed=seed)
        found = expected_performance(told, np.ones(400), seed=seed, doubt=doubt)
        real = realised_figures((random.random(400) < chance)[None], told, np.ones(400))
        for name in FIGURES:
            held[name] += found.interval[name][0] <= real[name][0] <= found.interval[name][1]
    for name in FIGURES:
        assert 0.83 <= held[name] / 150 <= 0.97, name


def test_they_fail_where_leads_scored_alike_turn_out_otherwise() -> None:
    random = np.random.default_rng(5)
    told = expit(random.normal(-1.0, 1.2, 2_000))
    found = expected_performance(told, np.ones(2_000), seed=1)
    real = realised_figures((random.random(2_000) < expit(logit(told[::-1])))[None], told, np.ones(2_000))
    assert real["auc"][0] < found.interval["auc"][0] - 0.1


def test_doubt_widens_and_is_nothing_where_there_is_none() -> None:
    told = np.linspace(0.05, 0.6, 300)
    plain = expected_performance(told, np.ones(300), seed=1)
    sure = drawn_doubt(told, told, told, seed=1)
    assert np.allclose(sure, told)
    unsure = drawn_doubt(told, told * 0.7, np.minimum(told * 1.4, 0.99), seed=1)
    wide = expected_performance(told, np.ones(300), seed=1, doubt=unsure)
    assert wide.deviation["base_rate"] > 1.5 * plain.deviation["base_rate"]
    assert (plain.with_doubt, wide.with_doubt) == (False, True)
    inside = (unsure >= told * 0.7) & (unsure <= np.minimum(told * 1.4, 0.99))
    assert 0.85 < inside.mean() < 0.95


def test_no_leads_give_no_figures() -> None:
    found = expected_performance(np.zeros(0), np.zeros(0), seed=1)
    assert found.leads == 0
    assert all(np.isnan(one) for one in found.value.values())
