"""What answers when something fails: always somebody, always under its own name."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import serving.engine
from benchmarks.load_lab.outage import begin_outage
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.bundle import Bundle
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.faults import Models, raising
from tests.engine.service import Service, logged, nightly, plain
from tests.serving.clients import Clock

Serve = Callable[..., AbstractContextManager[Service]]
AWAY = UnavailableError("/srv/events.db cannot be read.")


@pytest.fixture
def open_leads(brokerage: Brokerage, service: Service) -> list[str]:
    answers = service.ask(*brokerage.lead_ids[:120], headers={"Lintel-Urgency": "bulk"})
    return [one["lead_id"] for one in answers if one.get("status") == "open"]


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.engine, "STORE_SECONDS", 0.25)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    return Models().put_in(monkeypatch)


def rungs(answers: list[dict[str, Any]]) -> list[str]:
    return [one["served_by"] for one in answers]


def until_champion(service: Service, lead: str, seconds: float = 30.0) -> None:
    """Asks until the champion answers again."""
    end = time.monotonic() + seconds
    while rungs(service.ask(lead)) != ["champion"]:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_lead_that_a_model_fails_on_gets_the_light_model_and_all_others_the_champion(
    service: Service, open_leads: list[str], models: Models, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service.append(open_leads[0], "email.opened", clock())  # nothing that was kept holds any more
    bad = open_leads[5]
    models.poison = {bad}
    answers = service.ask(*open_leads[:19])
    assert [one["lead_id"] for one in answers] == open_leads[:19]
    assert {one["lead_id"]: one["served_by"] for one in answers if one["served_by"] != "champion"} == {
        bad: "light-model"
    }
    good = [lead for lead in open_leads[:19] if lead != bad]
    expected = service.computed(*good, now=clock())
    assert plain([one for one in answers if one["lead_id"] != bad]) == plain(expected)
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 1
    assert "ZeroDivisionError in _fail" in told[0]
    assert bad not in told[0]


def test_one_bad_lead_asked_for_again_and_again_does_not_take_the_model_from_the_others(
    service: Service, open_leads: list[str], models: Models
) -> None:
    bad, good = open_leads[0], open_leads[1:]
    models.poison = {bad}
    service.append(bad, "email.opened", service.home.events.newest_known_at(TENANT) + timedelta(hours=1))
    for _ in range(12):
        assert rungs(service.ask(bad)) == ["light-model"]
    assert rungs(service.ask(*good[:5])) == ["champion"] * 5
    assert service.metric("lintel_breaker_open_workers") == 0


def test_a_model_that_always_fails_is_left_alone_and_comes_back(
    service: Service, open_leads: list[str], models: Models
) -> None:
    models.poison = None
    end = service.home.events.newest_known_at(TENANT)
    service.append(open_leads[0], "email.opened", end + timedelta(hours=1))
    for lead in open_leads[:5]:
        assert rungs(service.ask(lead)) == ["light-model"]
    asked = len(models.asked)
    before = time.monotonic()
    answers = [service.ask(lead)[0] for lead in open_leads[5:9]]
    assert rungs(answers) == ["light-model"] * 4
    assert len(models.asked) == asked or time.monotonic() - before > 1.0  # within the back-off nobody asks it
    models.poison = ()
    until_champion(service, open_leads[0])
    assert rungs(service.ask(*open_leads[:10])) == ["champion"] * 10


def test_where_the_light_model_fails_too_the_last_score_is_given_with_its_age_else_the_base_rates(
    service: Service, bundle: Bundle, open_leads: list[str], models: Models, clock: Clock
) -> None:
    stored = nightly(service.home, bundle, clock())
    service.home.last_scores.write(TENANT, stored[1:], clock())  # one lead is not in the copy
    missing, known = stored[0], stored[1]
    models.poison = models.light_poison = None
    clock.time += timedelta(hours=2)
    last, prior = service.ask(known["lead_id"], missing["lead_id"])
    assert (last["served_by"], last["age_seconds"]) == ("last-score", 7200)
    assert last["dimensions"] == known["dimensions"]
    assert (prior["served_by"], prior["status"], prior["clock"]) == ("prior", "unread", "log_end")
    assert prior["as_of"] == last["as_of"]
    assert all("interval" not in one for one in prior["dimensions"].values())


def test_the_champion_answers_for_a_canary_that_fails(
    serve: Serve, home: Home, brokerage: Brokerage, models: Models, clock: Clock
) -> None:
    """The canary has the champion's files under another version, so that only its name differs."""
    champion = TrafficEntry(brokerage.digest, f"lead-scoring.{TENANT}", 1, 0.5, "champion")
    canary = replace(champion, model_version=2, mode="canary")
    home.traffic.assign(TENANT, [champion, canary], actor=machine("test"), reason="test", now=clock())
    with serve() as service:
        drawn = service.ask(*brokerage.lead_ids[:40])
        leads = [one["lead_id"] for one in drawn if one["served_by"] == "canary"][:3]
        leads += [one["lead_id"] for one in drawn if one["served_by"] == "champion"][:3]
        assert len(leads) == 6
        service.append("new", "email.opened", service.home.events.newest_known_at(TENANT) + timedelta(hours=1))
        models.poison, models.failing = None, {"canary"}
        answers = service.ask(*leads)
        assert [one["lead_id"] for one in answers] == leads
        assert {(one["served_by"], one["model"]["version"]) for one in answers} == {("champion", 1)}
        assert plain(answers) == plain(service.computed(*leads, now=clock()))


def test_without_the_store_the_last_scores_answer_and_are_logged_and_then_the_champion_again(
    serve: Serve, home: Home, bundle: Bundle, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = nightly(home, bundle, clock())
    lead = stored[0]["lead_id"]
    with serve() as service:
        events = service.client.app.state.runtime.home.events
        with monkeypatch.context() as patched:
            patched.setattr(events, "state", raising(AWAY))
            last, prior = service.ask(lead, "nobody")
            in_brief = [service.ask(lead)[0] for _ in range(10)]
        until_champion(service, lead)
    assert (last["served_by"], last["as_of"]) == ("last-score", stored[0]["as_of"])
    assert (prior["served_by"], "clock" in prior, "as_of" in prior) == ("prior", False, False)
    assert rungs(in_brief) == ["last-score"] * 10
    found = {row["decision_id"]: row for row in logged(home)}
    for answer in (last, prior, *in_brief):
        row = found[answer["decision_id"]]
        assert (row["served_by"], row["features"], row["cached"]) == (answer["served_by"], None, False)


def test_callers_are_known_while_no_database_answers(
    service: Service, open_leads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = service.client.app.state.runtime
    clock = runtime.keys._clock
    monkeypatch.setattr(runtime.keys, "_clock", lambda: clock() + 100.0)
    for store, name in (
        (runtime.home.keys, "resolve"),
        (runtime.home.scores, "version"),
        (runtime.home.events, "state"),
    ):
        monkeypatch.setattr(store, name, raising(AWAY))
    assert rungs(service.ask(*open_leads[:3])) == ["prior"] * 3
    assert service.client.post("/v1/score", {"lead_ids": ["x"]}, key="lintel_guess").status_code == 503


@pytest.mark.usefixtures("impatient")
def test_a_store_that_another_process_keeps_locked_costs_callers_a_moment(
    service: Service, home: Home, bundle: Bundle, open_leads: list[str], clock: Clock
) -> None:
    stored = {one["lead_id"] for one in nightly(home, bundle, clock())}
    lead = next(one for one in open_leads if one in stored)
    outage = begin_outage(home.settings.home / "events.db", 2.0)
    seen = set()
    while outage.poll() is None:
        began = time.monotonic()
        seen |= set(rungs(service.ask(lead)))
        assert time.monotonic() - began < 2.0  # SQLite itself would wait for 5 s
    assert outage.returncode == 0
    assert "last-score" in seen
    assert seen <= {"last-score", "champion"}
    until_champion(service, lead)


@pytest.mark.usefixtures("impatient")
def test_a_version_check_that_hangs_is_not_waited_for(
    service: Service, open_leads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events, released = service.client.app.state.runtime.home.events, threading.Event()
    state = events.state

    def hanging(tenant: str) -> Any:
        released.wait(60)
        return state(tenant)

    monkeypatch.setattr(events, "state", hanging)
    try:
        began = time.monotonic()
        (answer,) = service.ask(open_leads[0])
        assert 0.2 < time.monotonic() - began < 5.0
        assert answer["served_by"] == "prior"
    finally:
        released.set()
    until_champion(service, open_leads[0])


def test_histories_that_cannot_be_read_are_nobodys_failure_but_the_stores(
    service: Service, open_leads: list[str], bundle: Bundle, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = nightly(service.home, bundle, clock())
    events = service.client.app.state.runtime.home.events
    leads = [one["lead_id"] for one in stored if one["lead_id"] not in open_leads][:8]
    with monkeypatch.context() as patched:
        patched.setattr(events, "lead_events", raising(AWAY))
        assert [rungs(service.ask(lead)) for lead in leads] == [["last-score"]] * len(leads)
    assert rungs(service.ask(*leads)) == ["champion"] * len(leads)  # no breaker was in the way


def test_a_caller_in_a_hurry_does_not_open_the_stores_breaker(service: Service, open_leads: list[str]) -> None:
    for _ in range(20):
        service.response(open_leads[0], headers={"Lintel-Timeout-Ms": "1"})
    assert rungs(service.ask(open_leads[0])) == ["champion"]
