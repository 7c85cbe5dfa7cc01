"""Figures of cohorts against naive ones, alarms that keep their rate, and faults that are found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from lintel.labels.outcomes import Status
from lintel.monitoring.performance import (
    LEAST_LEADS,
    CohortAnswers,
    cohort_figures,
    performance_finding,
    resampled_figures,
    shortfalls,
)
from lintel.scoring import metrics


def cohort(
    seed: int, leads: int = 400, *, truth: float = 0.0, slope: float = 1.0, name: str = "intent"
) -> CohortAnswers:
    """Answers whose outcomes are drawn from the probabilities told, moved and stretched in log-odds."""
    random = np.random.default_rng(seed)
    told = expit(random.normal(-0.8, 1.1, leads))
    chance = expit(truth + slope * logit(told))
    status = np.where(random.random(leads) < chance, Status.YES, Status.NO).astype(np.int8)
    unknown = np.full(leads, np.nan)
    return CohortAnswers(3, name, f"2026-01-{seed % 28 + 1:02d}", "model", told, unknown, unknown, status)


def test_figures_are_those_of_the_matured_answers() -> None:
    whole = cohort(1, 500)
    status = whole.status.copy()
    status[:120], status[120:150] = Status.CENSORED, Status.NOT_ASKED
    found = cohort_figures(replace(whole, status=status, of_service=7), seed=1)
    rows = status >= Status.NO
    told, happened, one = whole.probability[rows], status[rows] == Status.YES, np.ones(350)
    assert (found["answers"], found["asked"], found["matured"], found["of_service"]) == (500, 470, 350, 7)
    assert found["matured_share"] == pytest.approx(350 / 470)
    figures = found["figures"]
    assert figures["auc"]["value"] == pytest.approx(metrics.auc(happened, told, one))
    assert figures["log_loss"]["value"] == pytest.approx(metrics.log_loss(happened, told, one))
    assert figures["brier"]["value"] == pytest.approx(metrics.brier(happened, told, one))
    assert figures["calibration_in_the_large"]["value"] == pytest.approx(happened.mean() - told.mean())
    for name in ("auc", "log_loss", "brier", "base_rate", "calibration_in_the_large"):
        low, high = figures[name]["interval"]
        assert low < figures[name]["value"] < high
    assert figures["coverage"] is None
    assert found["expected"]["leads"] == 470


def test_resampled_figures_spread_like_those_of_new_leads() -> None:
    own = cohort(5, 600)
    spread = resampled_figures(own.status == Status.YES, own.probability, seed=2, draws=200)
    fresh = [
        metrics.auc(one.status == Status.YES, one.probability, np.ones(600))
        for one in (cohort(s, 600) for s in range(60))
    ]
    assert spread["auc"].std() == pytest.approx(np.std(fresh), rel=0.35)
    assert spread["gap"].std() == pytest.approx(
        np.sqrt(np.mean(own.probability * (1 - own.probability)) / 600), rel=0.25
    )


def test_too_few_outcomes_give_no_figure_and_say_what_is_missing() -> None:
    found = cohort_figures(cohort(1, LEAST_LEADS - 1), seed=1)
    assert found["status"] == "too_few"
    assert "100" in found["needs"]
    assert "figures" not in found
    assert shortfalls(cohort(1, LEAST_LEADS - 1), seed=1) == []
    finding = performance_finding([cohort(1, 50)], {}, seed=1)
    assert (finding["alarm"], finding["status"]) == (False, "too_few")
    assert "50 matured leads" in finding["explanation"]


def test_where_every_probability_is_right_hardly_any_run_alarms() -> None:
    alarms = 0
    for run in range(60):
        tested = [found for number in range(6) for found in shortfalls(cohort(1000 * run + number, 250), seed=run)]
        assert len(tested) == 18
        alarms += any(found.p_value < 0.01 / 18 for found in tested)
    assert alarms <= 3


@pytest.mark.parametrize(
    ("change", "figure"), [({"truth": -0.9}, "base_rate"), ({"slope": 0.2}, "auc"), ({"slope": -0.3}, "log_loss")]
)
def test_worse_than_promised_is_found_and_named(change: dict[str, float], figure: str) -> None:
    good = [cohort(seed, 500) for seed in range(4)]
    bad = replace(cohort(9, 500, **change), dimension="churn")
    finding = performance_finding([*good, bad], {}, seed=1)
    assert finding["alarm"]
    assert {one["dimension"] for one in finding["worse"]} == {"churn"}
    assert figure in {one["figure"] for one in finding["worse"]}
    assert finding["explanation"].startswith("churn: ")
    json.dumps(finding, allow_nan=False)


def test_a_small_miss_in_many_leads_is_no_alarm() -> None:
    finding = performance_finding([cohort(seed, 20_000, truth=0.06) for seed in range(3)], {}, seed=1)
    assert not finding["alarm"]
    assert finding["explanation"].startswith("All 3 matured cohorts")


def test_lesser_rungs_are_reported_and_not_tested() -> None:
    prior = replace(cohort(9, 500, truth=-2.0), rung="prior")
    finding = performance_finding([cohort(1), prior], {}, seed=1)
    assert not finding["alarm"]
    assert finding["tests"] == 3
    assert {one["rung"] for one in finding["cohorts"]} == {"model", "prior"}
    assert finding["calibration"]["intent"]["count"]


def test_doubt_of_the_probabilities_forgives_what_it_allows() -> None:
    own = cohort(3, 2_000, truth=-0.35)
    steps = np.random.default_rng(1).normal(0.0, 0.3, (100, 1))
    doubted = replace(own, doubt=expit(logit(own.probability) + steps))
    by_figure = {one.figure: one.p_value for one in shortfalls(own, seed=1)}
    allowed = {one.figure: one.p_value for one in shortfalls(doubted, seed=1)}
    assert by_figure["base_rate"] < 1e-4
    assert allowed["base_rate"] > 0.05
