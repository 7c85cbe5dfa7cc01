"""Reasons: they add up exactly, and speak plainly."""

from datetime import timedelta

import numpy as np
import pytest

from lintel.features.catalogue import catalogue
from lintel.scoring.dimension import clamped
from lintel.scoring.explanation import MAX_REASONS, reasons
from lintel.scoring.wording import describe, describe_hour, describe_season


@pytest.mark.parametrize("dimension", ["conversion", "timing", "intent", "churn"])
def test_shares_add_up_to_the_calibrated_log_odds(trained, dimension: str) -> None:
    model = trained.bundle.scorer.ready[dimension]
    inputs = trained.examples.inputs(np.arange(0, len(trained.examples), 50))
    shares = model.contributions(inputs)
    assert shares.shape == (len(inputs), len(catalogue()) + 2)
    np.testing.assert_allclose(shares.sum(axis=1), model.log_odds(inputs), atol=2e-5)
    probability = 1 / (1 + np.exp(-shares.sum(axis=1)))
    np.testing.assert_allclose(clamped(probability), model.scores(inputs).probability, atol=1e-5)


def test_reasons_of_one_group_are_one_reason() -> None:
    features = catalogue().features
    windows = [i for i, one in enumerate(features) if one.name in {"lead_act_count_7d", "lead_act_count_90d"}]
    shares, values = np.zeros(len(features)), np.zeros(len(features), np.float32)
    shares[windows] = [0.1, 0.3]
    found = reasons("intent", shares, values, np.zeros(len(features)), features)
    assert [(one.log_odds, set(one.features)) for one in found] == [
        (pytest.approx(0.4), {"lead_act_count_7d", "lead_act_count_90d"})
    ]
    assert found[0].features[0] == features[windows[1]].name  # told by the strongest


def test_at_most_five_each_way_strongest_first(trained) -> None:
    found = reasons(
        "conversion",
        np.random.default_rng(1).normal(size=len(catalogue())),
        trained.examples.features[0],
        trained.bundle.scorer.profile.median,
        catalogue().features,
    )
    moves = [one.log_odds for one in found]
    assert sum(move > 0 for move in moves) == sum(move < 0 for move in moves) == MAX_REASONS
    assert moves == sorted(moves, key=abs, reverse=True)


def test_reasons_carry_the_leads_own_value(trained) -> None:
    as_of = trained.log.as_of - timedelta(days=30)
    card = next(one for one in trained.bundle.score(trained.events, as_of, explain=True) if one.get("reasons"))
    assert all(set(one) == {"dimension", "text", "features", "log_odds"} for one in card["reasons"])
    assert any("(typical:" in one["text"] for one in card["reasons"])


def text(name: str, value: float, typical: float) -> str:
    return describe(catalogue()[name], value, typical)


def test_values_are_in_real_units() -> None:
    assert text("lead_act_count_7d", 4, 1) == "4 acts of the lead in the last 7 days (typical: 1)"
    assert text("offer_returned_recency", 0.5, 3.25).endswith(": 12 hours (typical: 3.2 days)")
    assert text("agent_reply_last", 1.0, 540.0).endswith(": 1 minute (typical: 9 hours)")
    assert text("asked_amount_last", 35000, 10000).endswith(": 35,000 (typical: 10,000)")
    assert text("entry_weekday_first", 0, 2).endswith("weekday of entry: Monday (typical: Wednesday)")
    assert text("offer_returned_recency", float("nan"), 3.0).endswith(": none so far (typical: 3.0 days)")
    assert text("asked_amount_last", 1, float("nan")).endswith(": 1")


def test_the_market_is_told_in_its_units() -> None:
    assert text("market_mortgage_rate", 6.81, 5.5) == "mortgage rate in the market: 6.81 % (typical: 5.5 %)"
    change = "change of the mortgage rate over 30 days"
    assert text("market_mortgage_rate_change_30d", -0.25, 0.1).startswith(f"{change}: -0.25 percentage points")
    assert text("market_inventory_growth_365d", -0.12, 0.05).endswith(": -12% (typical: 5%)")
    assert text("market_inventory", float("nan"), 900).endswith(": not known (typical: 900)")


def test_sine_and_cosine_of_a_date_are_told_as_its_month() -> None:
    pair = [catalogue()["now_season_cosine"], catalogue()["now_season_sine"]]
    assert describe_season(pair, [0.0, 1.0], [-1.0, 0.0]) == "time of the year: April (typical: July)"
    assert describe_season(pair, [1.0, 0.0], [float("nan")] * 2) == "time of the year: January"
    position = [catalogue().position[one.name] for one in pair]
    shares, values = np.zeros(len(catalogue())), np.ones(len(catalogue()), np.float32)
    shares[position] = 0.1, 0.2
    (found,) = reasons("intent", shares, values, np.zeros(len(catalogue())), catalogue().features)
    assert found.text.startswith("time of the year: ")


def test_sine_and_cosine_are_told_as_a_time_of_day() -> None:
    pair = [catalogue()["lead_act_hour_sine"], catalogue()["lead_act_hour_cosine"]]
    assert describe_hour(pair, [1.0, 0.0], [0.0, -1.0]) == "hour of day of acts of the lead: 06:00 (typical: 12:00)"
    assert describe_hour(pair, [float("nan")] * 2, [0.0, -1.0]).endswith("none so far")
