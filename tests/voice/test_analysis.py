from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lintel.errors import ErasedLeadError, InputError
from lintel.events.validation import table_from_rows
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from lintel.voice.analysis import CallAnalysis, analyse
from lintel.voice.call_event import call_events
from lintel.voice.coaching.card import Card, StepDone
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.keeping import keep_call
from lintel.voice.transcript import AGENT, LEAD, Segment, Word
from lintel.voice.understanding.understanding import Understanding

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


def segment(channel: int, text: str, at: float) -> Segment:
    return Segment(
        channel, tuple(Word(word, at + 0.3 * i, at + 0.3 * i + 0.25, 0.9) for i, word in enumerate(text.split()))
    )


SEGMENTS = [
    segment(1, "We want to buy a house with three bedrooms. Our budget is 450 thousand.", 8.0),
    segment(0, "Hi, this is Ann with Beam Homes. What are you looking for?", 0.0),
    segment(0, "It is a very safe neighborhood. How about Tuesday at five?", 20.0),
    segment(1, "Yes, that works. My number is 415 555 0123.", 28.0),
    segment(1, "And please do not call me again after that.", 33.0),
]


def analysed(segments: list[Segment]) -> CallAnalysis:
    coach = Coach(Playbook.load())
    return analyse(segments, (AGENT, LEAD), 40.0, understanding=Understanding(), coach=coach)


def test_a_call_is_told_by_turns_with_what_they_mean_and_what_a_coach_would_say() -> None:
    found = analysed(SEGMENTS)
    assert [turn.speaker for turn in found.turns] == [AGENT, LEAD, AGENT, LEAD, LEAD]
    assert "[phone]" in found.turns[3].text
    cards = [one.rule for one in found.moments if isinstance(one, Card)]
    steps = [one.step for one in found.moments if isinstance(one, StepDone)]
    assert "fair-housing-safety" in cards
    assert "says-who-is-calling" in steps
    assert [claim.status for claim in found.summary.next_step][:1] == ["booked"]
    assert found.talk.talk_share[AGENT] == pytest.approx(0.45, abs=0.1)


def test_no_text_of_it_holds_personal_data() -> None:
    assert "0123" not in str(analysed(SEGMENTS).to_json())


def test_nobody_said_anything() -> None:
    found = analysed([])
    assert (found.turns, found.moments, found.summary.highlights) == ((), (), ())
    assert found.to_json()["seconds"] == 40.0


def test_the_log_gets_what_the_lead_said_and_what_was_understood() -> None:
    events = call_events(analysed(SEGMENTS), call_id="c1", lead_id="lead1", agent_id="ann", began_at=BEGAN)
    assert [event["kind"] for event in events] == ["call.completed", "consent.withdrawn"]
    completed = events[0]
    assert completed["value"] == pytest.approx(40 / 60)
    assert completed["text"].startswith("We want to buy a house")
    assert "safe neighborhood" not in completed["text"]
    assert completed["attributes"]["facts"]["budget"] == 450_000
    assert completed["attributes"]["appointment"] == "booked"
    assert not table_from_rows(events).rejected


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path)) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        yield home


def keep(home: Home, lead_id: str | None = "lead1", began_at: datetime = BEGAN) -> int:
    found = analysed(SEGMENTS)
    return keep_call(
        home,
        found,
        tenant="acme",
        call_id="c1",
        lead_id=lead_id,
        agent_id="ann",
        source="file",
        began_at=began_at,
        now=NOW,
    )


def test_a_call_is_kept_once_with_signals_that_the_next_score_reads(home: Home) -> None:
    assert keep(home) == 2
    assert keep(home) == 0
    (completed, _) = home.events.by_time("acme").to_pylist()
    assert completed["signals"]["states_budget"] == 1.0
    assert completed["signals"]["opts_out"] == 1.0
    assert home.calls.get("acme", "c1").lead_id == "lead1"


@pytest.mark.parametrize(
    ("lead_id", "began_at", "why"),
    [("x" * 300, BEGAN, "lead_id is longer"), ("lead1", NOW + timedelta(days=9), "occurred_at lies in the future")],
)
def test_a_call_that_the_log_refuses_says_so(home: Home, lead_id: str, began_at: datetime, why: str) -> None:
    assert keep(home, lead_id, began_at) == 0
    (warning,) = home.calls.get("acme", "c1").document["warnings"]
    assert warning.startswith(f"The call is not in the event log: {why}")


def test_a_call_without_a_lead_stays_out_of_the_log(home: Home) -> None:
    assert keep(home, lead_id=None) == 0
    assert home.calls.get("acme", "c1").state == "done"


def test_an_erased_lead_leaves_no_call(home: Home) -> None:
    keep(home)
    home.erase("acme", "lead1", now=NOW)
    assert home.calls.newest("acme") == []


def test_a_call_of_an_erased_lead_is_not_kept_until_the_lead_is_readmitted(home: Home) -> None:
    home.erase("acme", "lead1", now=NOW)
    with pytest.raises(ErasedLeadError, match="kept out"):
        keep(home)
    assert (home.calls.newest("acme"), home.events.latest_seq("acme")) == ([], 0)
    home.events.readmit("acme", "lead1")
    assert keep(home) == 2


def test_a_call_stays_with_its_lead(home: Home) -> None:
    assert (keep(home, lead_id=None), keep(home)) == (0, 2)
    for other in ("lead2", None):
        with pytest.raises(InputError, match="with another lead"):
            keep(home, lead_id=other)
    assert home.calls.get("acme", "c1").lead_id == "lead1"
