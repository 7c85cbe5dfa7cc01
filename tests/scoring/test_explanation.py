"""Reasons: they add up exactly, and speak plainly."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.features.catalogue import catalogue
from lintel.scoring.dimension import clamped
from lintel.scoring.explanation import MAX_REASONS, Reason, reasons


@pytest.mark.parametrize("dimension", ["conversion", "timing", "intent", "churn"])
def test_shares_add_up_to_the_calibrated_log_odds(trained, dimension: str) -> None:
    model = trained.bundle.scorer.ready[dimension]
    inputs = trained.examples.inputs(np.arange(0, len(trained.examples), 50))
    shares = model.contributions(inputs)
    assert shares.shape == (len(inputs), len(catalogue()) + 2)
    np.testing.assert_allclose(shares.sum(axis=1), model.log_odds(inputs), atol=2e-5)
    probability = 1 / (1 + np.exp(-shares.sum(axis=1)))
    np.testing.assert_allclose(clamped(probability), model.scores(inputs).probability, atol=1e-5)


def told(moved: dict[str, float], values: dict[str, float] | None = None, **more: Any) -> list[Reason]:
    """The reasons of a lead whose features have these shares, and these values (0 by default)."""
    shares, own = np.zeros(len(catalogue())), np.zeros(len(catalogue()), np.float32)
    for name, share in moved.items():
        shares[catalogue().position[name]] = share
    for name, value in (values or {}).items():
        own[catalogue().position[name]] = value
    return reasons("intent", shares, own, np.zeros(len(catalogue())), catalogue().features, **more)


def test_a_theme_is_one_reason_told_by_what_pulls_hardest_its_way() -> None:
    (found,) = told({"lead_act_count_7d": 0.1, "lead_act_count_90d": 0.3, "lead_act_days_30d": -0.35})
    assert found.log_odds == pytest.approx(0.05)
    assert found.features == ("lead_act_count_90d", "lead_act_count_7d", "lead_act_days_30d")
    assert "in the last 90 days" in found.text


def test_hours_and_weekdays_are_one_reason() -> None:
    clock = {"now_hour": 15.5, "now_weekday": 2, "lead_act_hour_sine": 1.0}
    (found,) = told({"now_hour_sine": 0.2, "event_hour_last": 0.1, "lead_act_weekend_share": 0.1}, clock)
    assert found.text == "time of day and week: Wednesday 15:30; the lead is mostly active around 06:00"
    assert found.log_odds == pytest.approx(0.4)


def test_the_season_is_a_reason_of_its_own() -> None:
    (found,) = told({"now_season_sine": 0.1, "now_season_cosine": 0.2}, {"now_season_sine": 1.0})
    assert (found.text, found.log_odds) == ("time of the year: April", pytest.approx(0.3))


def test_of_flags_the_one_that_is_set_tells_the_reason() -> None:
    moved = {"last_is_offer_sent": -0.3, "last_is_web": 0.1}
    assert [one.text for one in told(moved, {"last_is_web": 1})] == ["the last event was an action on the website"]
    assert [one.text for one in told(moved)] == ["the last event was not an offer sent"]
    assert [one.text for one in told({"entered_by_sms": 0.1}, {"entered_by_referral": 1})] == ["came by referral"]


def test_the_order_of_events_is_a_reason_of_its_own() -> None:
    found = told({"lead_act_count_7d": 0.1}, sequence=-0.4, sequence_text="a burst of visits")
    assert (found[0].text, found[0].features, found[0].log_odds) == ("a burst of visits", (), -0.4)
    assert len(told({"lead_act_count_7d": 0.1}, sequence=0.001)) == 1
    ups = {name: 1.0 + number for number, name in enumerate(list(catalogue().names)[:60:6])}
    assert len([one for one in told(ups, sequence=99.0) if one.log_odds > 0]) == MAX_REASONS


@given(st.integers(0, 2**32 - 1))
def test_themes_part_the_features(seed: int) -> None:
    """Each feature is in one theme, so that nothing is counted twice: large shares come back whole."""
    shares = np.random.default_rng(seed).normal(size=len(catalogue()))
    values = np.zeros(len(catalogue()), np.float32)
    found = reasons("intent", shares, values, np.zeros(len(catalogue())), catalogue().features)
    names = [name for one in found for name in one.features]
    assert len(names) == len(set(names))
    for one in found:
        own = sum(shares[catalogue().position[name]] for name in one.features)
        assert one.log_odds == pytest.approx(own)


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


def test_shares_that_cancel_are_told_all_the_same(trained) -> None:
    """A lead like the average one in sum has shares nevertheless: the curve's slope takes the place of the secant."""
    model = trained.bundle.scorer.ready["conversion"]
    inputs = trained.examples.inputs(np.array([0]))
    shares = model.ensemble.contributions(inputs, model.calibrated.stack)
    own = np.flatnonzero(shares[0, :-1])
    shares[0, own[0]] -= shares[0, :-1].sum()  # they sum to nothing now

    class Cancelled(type(model.ensemble)):
        def contributions(self, inputs, stack):
            return shares.copy()

    ensemble = Cancelled(model.ensemble.members, model.ensemble.names)
    found = replace(model, ensemble=ensemble).contributions(inputs)
    assert np.abs(found[0, own]).max() > 0.0
    assert found.sum() == pytest.approx(model.calibrated.calibrator.log_odds(shares.sum(axis=1))[0])
