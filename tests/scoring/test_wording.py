"""Words: every feature reads as a sentence, whatever its value."""

import math
import re

import pytest

from lintel.features.catalogue import catalogue
from lintel.features.feature import Feature, Unit
from lintel.scoring.wording import describe, describe_clock, describe_season

NAN = float("nan")
LOW_TYPICAL_HIGH = {
    Unit.COUNT: (0, 1, 37),
    Unit.RATE: (-0.25, 0, 1.5),
    Unit.MINUTES: (0, 4, 540),
    Unit.DAYS: (0, 2.5, 40.04),
    Unit.CURRENCY: (0, 1500.4, 350_000),
    Unit.SHARE: (0, 0.4, 1),
    Unit.HOUR: (0, 14.25, 23.9),
    Unit.FLAG: (0, 0, 1),
    Unit.STAGE: (0, 2, 5),
    Unit.NUMBER: (0, 0.5, 1),
    Unit.PERCENT: (2.5, 6, 8.25),
    Unit.POINTS: (-0.5, 0, 0.75),
}
UNIT_WORDS = r"(second|minute|hour|day)s?"


def text(name: str, value: float, typical: float = NAN) -> str:
    return describe(catalogue()[name], value, typical)


@pytest.mark.parametrize("feature", catalogue().features, ids=lambda one: one.name)
def test_every_feature_reads_as_a_sentence(feature: Feature) -> None:
    values = (-1, 0.05, 1) if feature.measure == "sentiment" else LOW_TYPICAL_HIGH[feature.unit]
    for value in (*values, NAN):
        for typical in (*values, NAN):
            said = describe(feature, value, typical)
            assert not re.search(r"\bnan\b|\binf\b|_|  |\bMonday 0\b|\bNone\b", said), said
            assert said == said.strip()
            assert said.count("(typical: ") == (0 if math.isnan(typical) or feature.unit is Unit.FLAG else 1), said
            own = said.partition(" (typical")[0]
            assert not re.search(r"\bminutes (on|of|worked)\b.*: \d", own), f"two units: {own}"
            assert not re.search(rf"\b\d+ {UNIT_WORDS} {UNIT_WORDS}\b", own), f"two units: {own}"
            assert not re.search(r"\b1 \w+(?<!s)s\b", own), f"one of many: {own}"
            assert not re.search(r"\b(no|0) .* none\b", own), own


def test_each_feature_says_something_else() -> None:
    """Two features that are not one theme must not read alike."""
    said = [describe(one, LOW_TYPICAL_HIGH[one.unit][2], NAN) for one in catalogue().features if one.measure != "hour"]
    twice = {one for one in said if said.count(one) > 1}
    assert all("local hour" in one for one in twice), twice


def test_counts() -> None:
    assert text("lead_act_count_7d", 4, 1) == "4 actions of the lead in the last 7 days (typical: 1)"
    assert text("lead_act_count_7d", 1, 0) == "1 action of the lead in the last 7 days (typical: none)"
    assert text("inbound_count_all", 1) == "1 message or step from the lead so far"
    assert text("listing_view_count_7d", 0, 1) == "no listings seen in the last 7 days (typical: 1)"
    assert text("listing_distinct_30d", 1) == "1 different listing seen in the last 30 days"
    assert text("call_attempted_count_30d", 2) == "2 unanswered calls in the last 30 days"
    assert text("dossier_completed_count_all", 1) == "1 call about missing papers finished so far"
    assert text("inbound_per_outbound", 0.4) == "0.4 messages and steps from the lead per touch from us"
    assert text("inbound_per_outbound", NAN) == "no touch from us so far"


def test_silence_and_what_was_lately_done() -> None:
    assert text("inbound_recency", 6, 2) == "no message or step from the lead for 6 days (typical: 2 days)"
    assert text("listing_view_recency", 6, 2) == "no listing seen for 6 days (typical: 2 days)"
    assert text("offer_returned_recency", 9, 3) == "last offer sent back 9 days ago (typical: 3 days)"
    assert text("offer_returned_recency", 0.5, 3.25) == "last offer sent back 12 hours ago (typical: 3.2 days)"
    assert text("offer_returned_recency", NAN, 3.0) == "no offer sent back so far (typical: 3 days)"
    assert text("offer_sent_tenure", 16) == "first offer sent 16 days ago"
    assert text("lead_waiting", 0.05) == "the lead has been waiting for us for 72 minutes"
    assert text("lead_waiting", NAN) == "the lead is not waiting for us"
    assert text("appointment_due", 2.0) == "the appointment is in 2 days"
    assert text("appointment_due", -2.0, 3.0) == "the appointment was 2 days ago (typical: in 3 days)"
    assert text("appointment_due", NAN) == "no appointment agreed"


def test_answers_and_durations() -> None:
    assert text("lead_reply_last", 4 / 1440, 0.375) == (
        "the lead last answered a touch after 4 minutes (typical: 9 hours)"
    )
    assert text("agent_reply_last", 1.0, 540.0) == "we last answered the lead after 1 minute (typical: 9 hours)"
    assert text("agent_reply_first", NAN) == "no message of the lead answered by us so far"
    assert text("listing_minutes_sum_30d", 12, 0) == "12 minutes on listings in the last 30 days (typical: none)"
    assert text("entry_to_offer", 3.5) == "3.5 days from entry to the first offer sent"


def test_money_rises_and_shares() -> None:
    assert text("asked_amount_last", 35000, 10000) == "amount asked for: 35,000 (typical: 10,000)"
    assert text("asked_amount_last", 1, NAN) == "amount asked for: 1"
    assert text("offer_to_asked", 1.2, 1.0) == "last offered amount is 120% of the amount asked for (typical: 100%)"
    assert text("lead_act_trend_7d_30d", -0.5, 0) == (
        "0.5 fewer actions of the lead a day over 7 days than over 30 (typical: as many)"
    )
    assert text("lead_act_share", 0.4) == "40% of events are actions of the lead"


def test_what_messages_say() -> None:
    assert text("asks_viewing_last", 0.9, 0) == "a clear wish for a viewing in the last message (typical: none)"
    assert text("asks_viewing_last", 0, 0.2) == "no wish for a viewing in the last message (typical: faint)"
    assert text("objection_mean_30d", 0.5) == "some objection in messages in the last 30 days"
    assert text("sentiment_last", -0.6, 0.0) == "negative tone in the last message (typical: neutral)"
    assert text("sentiment_last", NAN) == "no message with text so far"


def test_the_market() -> None:
    assert text("market_mortgage_rate", 6.5, 6.0) == "mortgage rate in the market: 6.5% (typical: 6%)"
    assert text("market_mortgage_rate_change_30d", -0.25, 0.1) == (
        "the mortgage rate over 30 days: down by 0.25 percentage points (typical: +0.1 percentage points)"
    )


def test_sine_and_cosine_are_told_as_a_time_of_day() -> None:
    names = ("now_hour", "now_weekday", "lead_act_hour_sine", "lead_act_hour_cosine")
    features = [catalogue()[name] for name in names]
    assert describe_clock(features, [9.5, 0, 1.0, 0.0]) == (
        "time of day and week: Monday 09:30; the lead is mostly active around 06:00"
    )
    assert describe_clock(features[:2], [9.5, 6]) == "time of day and week: Sunday 09:30"
    assert describe_clock(features, [9.5, 0, NAN, NAN]) == "time of day and week: Monday 09:30"


def test_sine_and_cosine_of_a_date_are_told_as_its_month() -> None:
    pair = [catalogue()["now_season_cosine"], catalogue()["now_season_sine"]]
    assert describe_season(pair, [0.0, 1.0]) == "time of the year: April"
    assert describe_season(pair, [1.0, 0.0]) == "time of the year: January"
    assert describe_season(pair, [NAN, 0.0]) == "time of the year"
