"""Answers given again: as long as nothing that they rest on has changed, and never longer."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lintel.registry.actor import machine
from lintel.scoring.bundle import Bundle
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.service import Service, nightly, plain
from tests.serving.clients import Clock

JUNE = datetime(2024, 6, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def lead(brokerage: Brokerage, service: Service) -> str:
    """An open one."""
    answers = service.ask(*brokerage.lead_ids[:50])
    return str(next(one["lead_id"] for one in answers if one.get("status") == "open"))


def hits(service: Service) -> float:
    return service.metric("lintel_score_cache_total", outcome="hit")


def test_the_same_question_again_gets_the_same_bytes_as_another_decision(service: Service, lead: str) -> None:
    for explain in (False, True):
        before, first = hits(service), service.response(lead, "nobody", explain=explain)
        again = service.response(lead, "nobody", explain=explain)
        assert hits(service) == before + (2 if not explain else 1)
        ids = [response.json()["scores"][0]["decision_id"] for response in (first, again)]
        assert ids[0] != ids[1]
        assert first.content.replace(ids[0].encode(), ids[1].encode()) == again.content


def test_nothing_is_kept_where_the_setting_says_so(
    serve: Callable[..., AbstractContextManager[Service]], brokerage: Brokerage
) -> None:
    with serve(score_cache_entries=0) as service:
        assert plain(service.ask(brokerage.lead_ids[0])) == plain(service.ask(brokerage.lead_ids[0]))
        assert hits(service) == 0


def test_an_event_through_another_worker_is_seen_at_once(
    service: Service, brokerage: Brokerage, lead: str, clock: Clock
) -> None:
    (before,) = service.ask(lead)
    end = datetime.fromisoformat(before["as_of"])
    seq = service.append(lead, "email.inbound", end, text="Can we see it on Saturday?")
    (after,) = service.ask(lead)
    assert (after["seq"], after["as_of"]) == (seq, before["as_of"])
    assert plain([after]) == plain(service.computed(lead, now=clock()))
    assert after["dimensions"] != before["dimensions"]


def test_an_event_of_another_lead_changes_nothing_but_the_seq(
    service: Service, brokerage: Brokerage, lead: str
) -> None:
    other = next(one for one in brokerage.lead_ids if one != lead)
    (before,), kept = service.ask(lead), hits(service)
    seq = service.append(other, "email.opened", datetime.fromisoformat(before["as_of"]))
    (after,) = service.ask(lead)
    assert hits(service) == kept + 1
    assert plain([after]) == plain([before | {"seq": seq}])


def test_a_nightly_run_makes_answers_be_computed_anew(
    service: Service, bundle: Bundle, lead: str, clock: Clock
) -> None:
    service.ask(lead)
    before = hits(service)
    nightly(service.home, bundle, clock())
    assert plain(service.ask(lead)) == plain(service.computed(lead, now=clock()))
    assert hits(service) == before


def test_a_promoted_model_answers_for_what_was_kept_of_the_other(service: Service, lead: str, clock: Clock) -> None:
    service.ask(lead)
    (entry,) = service.home.traffic.read(TENANT)
    promoted = replace(entry, model_version=2)
    service.home.traffic.assign(TENANT, [promoted], actor=machine("test"), reason="test", now=clock())
    service.client.app.state.runtime.models.refresh()
    (after,) = service.ask(lead)
    assert after["model"]["version"] == 2


def test_changed_settings_of_the_tenant_hold_from_the_next_answer_on(service: Service, lead: str, clock: Clock) -> None:
    service.ask(lead)
    tenant = service.home.events.tenant(TENANT)
    service.home.events.put_tenant(replace(tenant, time_zone="Asia/Tokyo", simulated=False, quiet_to_hour=12))
    assert plain(service.ask(lead)) == plain(service.computed(lead, now=clock()))


def test_on_a_live_clock_an_answer_holds_to_the_end_of_the_minute(
    service: Service, lead: str, clock: Clock, live: None
) -> None:
    clock.time = JUNE
    (first,) = service.ask(lead)
    clock.time = JUNE.replace(second=59, microsecond=999_999)
    (kept,) = service.ask(lead)
    assert kept["as_of"] == first["as_of"] == "2024-06-01T12:00:30Z"
    clock.time += timedelta(microseconds=1)
    (fresh,) = service.ask(lead)
    assert fresh["as_of"] == "2024-06-01T12:01:00Z"
    assert plain([fresh]) == plain(service.computed(lead, now=clock()))


def test_equal_questions_at_the_same_time_are_computed_once(service: Service, brokerage: Brokerage) -> None:
    leads = brokerage.lead_ids[:5]
    answers = service.ask(*leads, *leads, *leads)
    counts = service.inference.batcher.counts
    assert sum(counts.joined) == 10
    assert plain(answers[:5]) == plain(answers[5:10]) == plain(answers[10:])
