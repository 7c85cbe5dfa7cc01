"""Each metric of the scoring endpoint moves when it should, and no label says who was asked about or by whom."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from lintel.registry.actor import machine
from serving.brown_out import Level
from serving.questions import Rung
from serving.scoring_metrics import ScoringMetrics
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.faults import Models, raising
from tests.engine.service import Service
from tests.engine.test_deadlines import BULK, asking, busy, until
from tests.serving.clients import Clock

Serve = Callable[..., AbstractContextManager[Service]]


def test_answers_and_their_times_are_counted_by_class_and_rung(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, bad = brokerage.lead_ids[:3]
    Models(poison={bad}).put_in(monkeypatch)
    service.ask(first, second, "nobody")
    service.ask(first, headers={"Lintel-Urgency": "event"})
    service.ask(bad, explain=True)

    def leads(**labels: str) -> float:
        return service.metric("lintel_scored_leads_total", **labels)

    assert leads() == 5
    assert leads(urgency="interactive", served_by="champion", outcome="error") == 1
    assert leads(urgency="event", served_by="champion") == 1
    assert leads(served_by="light-model", outcome="scored") + leads(served_by="light-model", outcome="closed") == 1
    seconds = "lintel_score_duration_seconds_count"
    assert service.metric(seconds, urgency="interactive", served_by="champion") == 1
    assert service.metric(seconds, urgency="interactive", served_by="light-model") == 1
    assert service.metric(seconds, urgency="event") == 1
    assert service.metric("lintel_score_duration_seconds_sum") > 0
    assert service.metric("lintel_score_cache_total", outcome="hit") == 1
    assert service.metric("lintel_score_cache_total", outcome="miss") == 4
    assert service.metric("lintel_batch_rows_count", shape=Rung.MODEL.value) == 1
    assert service.metric("lintel_batch_rows_sum", shape=Rung.MODEL.value) == 3
    assert service.metric("lintel_batch_rows_sum", shape="light-model") == 1
    assert service.metric("lintel_batch_duration_seconds_sum", shape=Rung.MODEL.value) > 0
    assert service.metric("lintel_queue_wait_seconds_count", urgency="interactive") == 2


def test_the_mixed_rungs_of_a_request_count_as_the_lowest(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = brokerage.lead_ids[:4]
    models = Models(poison=set(leads[1:]), light_poison={leads[2]}).put_in(monkeypatch)
    assert {one["served_by"] for one in service.ask(*leads)} == {"champion", "light-model", "prior"}
    assert service.metric("lintel_score_duration_seconds_count", served_by="prior") == 1
    models.poison = models.light_poison = ()


def test_what_waits_shows_while_it_waits(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def queued(urgency: str) -> float:
        return service.metric("lintel_queued_rows", urgency=urgency)

    with busy(monkeypatch) as released, asking(service, *brokerage.lead_ids[:50], headers=BULK):
        until(lambda: queued("bulk") == 50)
        assert queued("interactive") == 0
        released.set()
    until(lambda: queued("bulk") == 0)


def test_breakers_show_until_their_model_answers_no_longer(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(poison=None).put_in(monkeypatch)
    name = f"model {brokerage.digest.removeprefix('sha256:')[:12]}"
    for lead in brokerage.lead_ids[:6]:
        service.ask(lead)
    until(lambda: service.metric("lintel_breaker_open_workers", name=name) == 1)
    assert service.metric("lintel_breaker_open_workers") == 1
    served = service.client.app.state.runtime.models
    monkeypatch.setattr(type(served), "models", [])
    until(lambda: service.metric("lintel_breaker_open_workers", name=name) == 0)
    models.poison = ()


def test_the_brown_out_shows_its_level(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: service.metric("lintel_brown_out_workers", level="normal") == 1)
    monkeypatch.setattr(type(service.inference.brown_out), "level", lambda self, now: Level.SHED_BULK)
    until(lambda: service.metric("lintel_brown_out_workers", level="shed-bulk") == 1)
    assert service.metric("lintel_brown_out_workers") == 1


def test_swaps_and_bundles_that_were_refused_are_counted(service: Service, clock: Clock) -> None:
    (entry,) = service.home.traffic.read(TENANT)
    for named in (replace(entry, model_version=2), replace(entry, digest="sha256:" + "0" * 64, model_version=3)):
        service.home.traffic.assign(TENANT, [named], actor=machine("test"), reason="test", now=clock())
        service.client.app.state.runtime.models.refresh()
    until(lambda: service.metric("lintel_model_swaps_total", outcome="refused") == 1)
    assert service.metric("lintel_model_swaps_total", outcome="swapped") == 2  # then as the previous champion


def test_the_log_counts_what_it_wrote_and_what_it_lost(serve: Serve, brokerage: Brokerage) -> None:
    with serve(prediction_log_max_rows=10, prediction_log_flush_seconds=0.05) as service:
        service.ask(*brokerage.lead_ids[:5])
        until(lambda: service.metric("lintel_prediction_log_rows_total", outcome="written") == 5)
        until(lambda: service.metric("lintel_prediction_log_pending_rows") == 0)
        service.ask(*brokerage.lead_ids[:50], headers=BULK)
        until(lambda: service.metric("lintel_prediction_log_rows_total", outcome="backlog_full") == 40)


def test_what_fails_once_while_a_worker_looks_at_itself_is_told_and_looked_at_again(
    serve: Serve, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(prediction_log_flush_seconds=0.05) as service:
        with monkeypatch.context() as patched:
            patched.setattr(service.inference.log, "counters", raising(OSError("no space for secrets")))
            until(lambda: "OSError" in caplog.text)
        service.ask(brokerage.lead_ids[0])
        until(lambda: service.metric("lintel_prediction_log_rows_total", outcome="written") == 1)
    assert "secrets" not in caplog.text


def test_quotas_checked_without_redis_are_counted(serve: Serve, brokerage: Brokerage) -> None:
    with serve(redis_url="redis://127.0.0.1:1/0", quota_rows_per_second=100.0) as service:
        service.ask(*brokerage.lead_ids[:3])
        assert service.metric("lintel_quota_fallbacks_total") == 1


def test_every_metric_is_looked_at_here_or_above() -> None:
    registry = CollectorRegistry()
    ScoringMetrics(registry)
    with open(__file__, encoding="utf-8") as file:
        tested = file.read()
    names = [family.name for family in registry.collect()]
    # test_deadlines, test_disconnection, test_shadows
    elsewhere = {"lintel_refused_rows", "lintel_shed_requests", "lintel_shadow_rows"}
    assert len(names) > 10
    assert [name for name in names if name not in tested and name not in elsewhere] == []


def test_no_label_says_who(service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch) -> None:
    leads = brokerage.lead_ids[:30]
    Models(poison={leads[3]}, light_poison={leads[3]}).put_in(monkeypatch)
    service.ask(*leads, "nobody", explain=True, headers=BULK | {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    service.append(leads[0], "email.opened", service.home.events.newest_known_at(TENANT) + timedelta(hours=1))
    service.ask(*leads[:5])
    service.response(leads[0], headers={"Lintel-Urgency": leads[1]})
    text = service.client.get("/metrics", key=None).text
    values = {
        value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for value in sample.labels.values()
    }
    secrets = (*leads, TENANT, "nobody", "tests", brokerage.key, "ab" * 16)
    assert [value for value in values if any(secret in value for secret in secrets)] == []
