"""Best hour and channel: a lead's own rhythm, shrunk, within what is allowed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check, table_from_rows
from lintel.labels.definition import Question, load_label_set
from lintel.scoring.contact import ContactProfile, QuietHours, Strengths, best_contact
from lintel.scoring.contact_fit import fit_contact, strength
from lintel.scoring.contact_history import CHANNELS, HOURS, OwnHistory, find_touches, own_history

ENGAGEMENT = load_label_set("crm").dimensions["engagement"]
ZONE, NIGHT = "America/Denver", QuietHours(21, 8)
START = datetime(2024, 1, 1, tzinfo=ZoneInfo(ZONE))
HOUR = 3_600_000_000
LEADS = 120
Row = dict[str, Any]


def columns_of(rows: list[Row], leads: list[str]) -> EventColumns:
    numbered = [{"event_id": str(number), **row} for number, row in enumerate(rows)]
    events = check(table_from_rows(numbered).events, tenant="acme", now=datetime(2025, 1, 1, tzinfo=UTC)).events
    return columns_from_table(events, pa.array(leads))


def at_hour(day: int, hour: float) -> datetime:
    return (START + timedelta(days=day)).replace(hour=int(hour), minute=int(hour % 1 * 60))


@pytest.fixture(scope="module")
def larks_and_owls() -> EventColumns:
    """Leads are tried by text at 10 and by phone at 18 in turn; even ones answer in the morning, odd ones at night."""
    random = np.random.default_rng(1)
    rows: list[Row] = []
    for lead in range(LEADS):
        for day in range(0, 60, 3):
            evening = day % 2 == 1
            hour, kind = (18.5, "call.attempted") if evening else (10.5, "sms.sent")
            rows.append({"lead_id": f"{lead:03d}", "kind": kind, "occurred_at": at_hour(day, hour)})
            if random.random() < (0.6 if evening == bool(lead % 2) else 0.1):
                answer = "call.inbound" if evening else "sms.inbound"
                rows.append({"lead_id": f"{lead:03d}", "kind": answer, "occurred_at": at_hour(day, hour + 0.25)})
    return columns_of(rows, [f"{lead:03d}" for lead in range(LEADS)])


def profile_of(columns: EventColumns, question: Any = ENGAGEMENT) -> ContactProfile:
    end = to_microseconds(at_hour(90, 0))
    found = fit_contact(columns, question, log_end=end, zone=utc_offsets(ZONE))
    assert found is not None
    return found


def everybody(columns: EventColumns, when: datetime) -> Queries:
    leads = np.unique(columns.lead)
    return Queries(leads, np.full(len(leads), to_microseconds(when)))


def test_leads_are_reached_when_they_answer(larks_and_owls: EventColumns) -> None:
    profile = profile_of(larks_and_owls)
    when = everybody(larks_and_owls, at_hour(70, 12))
    best = best_contact(profile, larks_and_owls, when, utc_offsets(ZONE), NIGHT)
    odd = np.arange(LEADS) % 2 == 1
    assert np.mean(best.hour[odd] >= 17) > 0.9
    assert np.mean(best.hour[~odd] <= 12) > 0.9
    assert best.probability.mean() == pytest.approx(0.6, abs=0.12)


def test_a_lead_without_history_gets_its_tenants_rate(larks_and_owls: EventColumns) -> None:
    profile = profile_of(larks_and_owls)
    nobody = Queries(np.zeros(1, np.int32), np.array([to_microseconds(START - timedelta(days=1))]))
    best = best_contact(profile, larks_and_owls, nobody, utc_offsets(ZONE), NIGHT)
    used = profile.share.sum(axis=1) > 0
    usual = expit(logit(profile.rate[used][:, NIGHT.open]) + profile.weights[0])
    assert best.probability[0] == pytest.approx(usual.max())


def test_a_row_does_not_depend_on_the_others(larks_and_owls: EventColumns) -> None:
    profile, zone = profile_of(larks_and_owls), utc_offsets(ZONE)
    when = everybody(larks_and_owls, at_hour(40, 12))
    batch = best_contact(profile, larks_and_owls, when, zone, NIGHT)
    for lead in (0, 17, 119):
        own = larks_and_owls.take(np.flatnonzero(larks_and_owls.lead == lead))
        alone = best_contact(profile, own, Queries(when.lead[lead : lead + 1], when.as_of[:1]), zone, NIGHT)
        assert alone.to_json(0) == batch.to_json(lead)


def test_later_events_change_nothing(larks_and_owls: EventColumns) -> None:
    profile, zone = profile_of(larks_and_owls), utc_offsets(ZONE)
    when = everybody(larks_and_owls, at_hour(20, 12))
    past = larks_and_owls.take(np.flatnonzero(larks_and_owls.occurred_at <= when.as_of[0]))
    before = best_contact(profile, past, when, zone, NIGHT)
    after = best_contact(profile, larks_and_owls, when, zone, NIGHT)
    np.testing.assert_array_equal(before.probability, after.probability)


@pytest.mark.parametrize("quiet", [QuietHours(21, 8), QuietHours(11, 18), QuietHours(17, 11)])
def test_quiet_hours_are_kept(larks_and_owls: EventColumns, quiet: QuietHours) -> None:
    when = everybody(larks_and_owls, at_hour(70, 12))
    best = best_contact(profile_of(larks_and_owls), larks_and_owls, when, utc_offsets(ZONE), quiet)
    assert quiet.open[best.hour].all()


def test_hours_that_nobody_tried_are_not_suggested(larks_and_owls: EventColumns) -> None:
    when = everybody(larks_and_owls, at_hour(70, 12))
    best = best_contact(profile_of(larks_and_owls), larks_and_owls, when, utc_offsets(ZONE), QuietHours(17, 12))
    assert best.to_json(0) is None
    assert set(best.hour.tolist()) == {-1}


@pytest.mark.parametrize(
    ("quiet", "open_hours"),
    [((21, 8), range(8, 21)), ((1, 5), [0, *range(5, 24)]), ((0, 0), range(24)), ((0, 24), [])],
)
def test_quiet_hours_may_pass_midnight(quiet: tuple[int, int], open_hours: Any) -> None:
    assert np.flatnonzero(QuietHours(*quiet).open).tolist() == list(open_hours)


def test_a_channel_opted_out_of_is_never_suggested(larks_and_owls: EventColumns) -> None:
    profile, zone, words = profile_of(larks_and_owls), utc_offsets(ZONE), ("sms", "phone", None, "web")
    rows: list[Row] = [
        {"lead_id": f"{lead}", "kind": "consent.withdrawn", "channel": word, "occurred_at": at_hour(1, 12)}
        for lead, word in enumerate(words)
    ]
    rows.append({"lead_id": "0", "kind": "consent.withdrawn", "channel": "phone", "occurred_at": at_hour(2, 12)})
    rows.append({"lead_id": "0", "kind": "consent.granted", "channel": "sms", "occurred_at": at_hour(3, 12)})
    columns = columns_of(rows, [str(lead) for lead in range(4)])
    best = best_contact(profile, columns, everybody(columns, at_hour(9, 9)), zone, NIGHT)
    assert [best.to_json(row) and best.to_json(row)["channel"] for row in range(4)] == ["sms", "sms", None, None]
    assert np.isnan(best.probability[2])
    early = best_contact(profile, columns, everybody(columns, at_hour(2, 13)), zone, NIGHT)
    assert early.to_json(0) is None


def test_engagement_moves_the_chance_and_not_the_choice(larks_and_owls: EventColumns) -> None:
    profile, zone = profile_of(larks_and_owls), utc_offsets(ZONE)
    when = everybody(larks_and_owls, at_hour(70, 12))
    plain = best_contact(profile, larks_and_owls, when, zone, NIGHT)
    chance = np.linspace(0.05, 0.9, LEADS)
    chance[5] = np.nan
    moved = best_contact(profile, larks_and_owls, when, zone, NIGHT, engagement=chance)
    np.testing.assert_array_equal(plain.hour, moved.hour)
    assert moved.probability[5] == plain.probability[5]
    assert (np.delete(moved.probability - chance, 5) > 0).all()


def test_hours_are_those_of_the_clock_on_the_wall() -> None:
    rows: list[Row] = [
        {"lead_id": "a", "kind": "sms.inbound", "occurred_at": datetime(2024, month, 1, 17, 30, tzinfo=UTC)}
        for month in (1, 7)
    ]
    columns = columns_of(rows, ["a"])
    zone = utc_offsets(ZONE)
    touches = find_touches(columns, ("sms.inbound",), 48 * HOUR, zone)
    own = own_history(columns, touches, everybody(columns, datetime(2024, 8, 1, tzinfo=UTC)), zone)
    assert np.flatnonzero(own.active[0]).tolist() == [10, 11]  # winter and summer time


def test_a_profile_survives_json(larks_and_owls: EventColumns) -> None:
    profile = profile_of(larks_and_owls)
    again = ContactProfile.from_json(json.loads(json.dumps(profile.to_json())))
    assert again.to_json() == profile.to_json()
    assert (again.strengths, again.weights) == (profile.strengths, profile.weights)


def test_a_funnel_without_replies_has_no_best_hour(larks_and_owls: EventColumns) -> None:
    funnel = load_label_set("bpic2012").dimensions["engagement"]
    assert isinstance(funnel, Question)
    end = to_microseconds(at_hour(90, 0))
    assert fit_contact(larks_and_owls, funnel, log_end=end, zone=utc_offsets(ZONE)) is None
    nothing = larks_and_owls.take(slice(0, 0))
    assert fit_contact(nothing, ENGAGEMENT, log_end=end, zone=utc_offsets(ZONE)) is None


def test_a_call_that_is_taken_answers_itself() -> None:
    rows: list[Row] = [{"lead_id": "a", "kind": "call.completed", "value": 3.0, "occurred_at": at_hour(1, 15)}]
    columns = columns_of(rows, ["a"])
    zone = utc_offsets(ZONE)
    touches = find_touches(columns, ("sms.inbound",), 48 * HOUR, zone)
    own = own_history(columns, touches, everybody(columns, at_hour(5, 0)), zone)
    assert own.answered[0].tolist() == [1, 0, 0, 0]
    assert np.argwhere(own.touched[0]).tolist() == [[0, 15]]


KINDS = ("sms.sent", "call.attempted", "email.sent", "sms.inbound", "call.inbound", "web.visit")


@st.composite
def logs(draw: st.DrawFn) -> list[Row]:
    rows = []
    for _ in range(draw(st.integers(1, 15))):
        occurred = START + timedelta(hours=draw(st.integers(0, 150)), minutes=1)
        known = occurred + timedelta(hours=draw(st.sampled_from([0, 0, 0, 30])))
        lead, kind = draw(st.sampled_from("ab")), draw(st.sampled_from(KINDS))
        rows.append({"lead_id": lead, "kind": kind, "occurred_at": occurred, "known_at": known})
    return rows


@given(logs(), st.integers(0, 200))
def test_history_is_what_counting_gives(rows: list[Row], hours: int) -> None:
    columns, now = columns_of(rows, ["a", "b"]), START + timedelta(hours=hours)
    queries = Queries(np.arange(2, dtype=np.int32), np.full(2, to_microseconds(now)))
    zone, horizon = utc_offsets(ZONE), timedelta(hours=48)
    touches = find_touches(columns, ("sms.inbound", "call.inbound"), 48 * HOUR, zone)
    own = own_history(columns, touches, queries, zone)
    for number, lead in enumerate("ab"):
        expected = slow_history([row for row in rows if row["lead_id"] == lead], now, horizon)
        for name, value in expected.items():
            np.testing.assert_array_equal(getattr(own, name)[number], value, err_msg=name)


def slow_history(rows: list[Row], now: datetime, horizon: timedelta) -> dict[str, Any]:
    channel = {"sms.sent": 2, "call.attempted": 0, "email.sent": 1, "sms.inbound": 2, "call.inbound": 0}
    touched, answered = np.zeros((len(CHANNELS), HOURS)), np.zeros(len(CHANNELS))
    active, preferred = np.zeros(HOURS), np.zeros(len(CHANNELS))
    for row in rows:
        time, kind = row["occurred_at"], row["kind"]
        if kind not in channel or row["known_at"] > now or time > now:
            continue
        if kind.endswith("inbound"):
            active[time.hour] += 1
            preferred[channel[kind]] += 1
        elif time + horizon <= now:
            touched[channel[kind], time.hour] += 1
            replies = [one for one in rows if one["kind"].endswith("inbound") and one["occurred_at"] > time]
            first = min(replies, key=lambda one: (one["occurred_at"], one["known_at"]), default=None)
            if first and first["occurred_at"] <= time + horizon and first["known_at"] <= now:
                answered[channel[kind]] += 1
    return {"touched": touched, "answered": answered, "active": active, "preferred": preferred}


@pytest.mark.parametrize("true", [3.0, 30.0, np.inf])
def test_the_prior_strength_is_found(true: float) -> None:
    random, mean = np.random.default_rng(4), np.array([0.2, 0.3, 0.5])
    shares = random.dirichlet(true * mean, 3000) if np.isfinite(true) else np.tile(mean, (3000, 1))
    counts = np.array([random.multinomial(12, share) for share in shares]).astype(float)
    found = strength(counts, mean)
    assert found > 300 if np.isinf(true) else 0.6 * true < found < 1.7 * true


def test_signals_of_no_history_say_nothing() -> None:
    rate = np.full((4, 24), 0.2)
    profile = ContactProfile(
        48 * HOUR, (), rate, np.full((4, 24), 1 / 96), np.full(24, 1 / 24), np.full(4, 0.25),
        Strengths(5.0, 5.0, 5.0, 5.0), (0.0, 1.0, 1.0, 1.0, 1.0),
    )  # fmt: skip
    own = OwnHistory(
        np.zeros((2, 4, 24)), np.zeros((2, 4)), np.zeros((2, 24)), np.zeros((2, 4)), np.zeros((2, 4), bool)
    )
    np.testing.assert_allclose(profile.log_odds(own), logit(0.2), atol=1e-12)
