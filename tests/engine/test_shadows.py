"""Bundles in shadow: logged beside the answers, answered to nobody, in nobody's way."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

import serving.shadowing
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.bundle import Bundle
from lintel.store.state import Principal
from serving.batching.micro_batcher import MicroBatcher
from serving.batching.refusals import QueueFull
from serving.hot.versions import TenantVersion
from serving.model import Models as ServedModels
from serving.model import Route, ServedModel, Share
from serving.prediction_log.log import PredictionLog
from serving.questions import Asked, LeadScore, Question, Shape
from serving.scoring_metrics import ScoringMetrics
from serving.shadowing import MOST_TOGETHER, Shadows
from serving.urgency import Urgency
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.faults import Models
from tests.engine.service import Service, logged
from tests.serving.clients import Clock

Serve = Callable[..., AbstractContextManager[Service]]


def put_in_shadow(home: Home, digest: str, weight: float, clock: Clock) -> None:
    entries = [
        TrafficEntry(digest, "lead-scoring.acme", 1, 1.0, "champion"),
        TrafficEntry(digest, "lead-scoring.acme", 2, weight, "shadow"),
    ]
    home.traffic.assign(TENANT, entries, actor=machine("tests"), reason="shadow", now=clock())


def until_settled(service: Service, rows: int) -> None:
    """All rows for the shadow have become something."""
    end = time.monotonic() + 30
    while service.metric("lintel_shadow_rows_total") < rows:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_answers_are_the_champions_and_the_log_has_both_apart(
    serve: Serve, home: Home, brokerage: Brokerage, clock: Clock
) -> None:
    put_in_shadow(home, brokerage.digest, 1.0, clock)
    leads = brokerage.lead_ids[:40]
    with serve() as service:
        told = [service.ask(lead, headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})[0] for lead in leads]
        until_settled(service, len(leads))
        assert service.metric("lintel_shadow_rows_total", outcome="scored") == len(leads)
        assert service.metric("lintel_scored_leads_total") == len(leads)
    assert {one["served_by"] for one in told} == {"champion"}
    answers = logged(home)
    assert Counter(row["decision_id"] for row in answers) == Counter(one["decision_id"] for one in told)
    both = home.predictions.read(TENANT, shadow=True).to_pylist()
    shadows = {row["lead_id"]: row for row in both if row["served_by"] == "shadow"}
    assert len(both) == 2 * len(leads)
    assert set(shadows) == set(leads)
    for answer in answers:
        shadow = shadows[answer["lead_id"]]
        assert shadow["probabilities"] == answer["probabilities"]
        assert (shadow["urgency"], shadow["principal"], shadow["model_version"]) == ("bulk", None, 2)
        assert shadow["trace_id"] == answer["trace_id"] == "ab" * 16


def test_a_share_of_the_leads_is_scored(serve: Serve, home: Home, brokerage: Brokerage, clock: Clock) -> None:
    put_in_shadow(home, brokerage.digest, 0.3, clock)
    with serve() as service:
        service.ask(*brokerage.lead_ids[:200], headers={"Lintel-Urgency": "bulk"})
        time.sleep(0.2)
    logged(home)
    rows = home.predictions.read(TENANT, shadow=True).to_pylist()
    assert 30 < sum(row["served_by"] == "shadow" for row in rows) < 95  # binomial: 5 standard deviations of .3 x 200


def test_one_that_fails_on_every_lead_harms_nobody(
    serve: Serve, home: Home, brokerage: Brokerage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_shadow(home, brokerage.digest, 1.0, clock)
    Models(poison=None, failing=("shadow",)).put_in(monkeypatch)
    with serve() as service:
        answers = [service.ask(lead)[0] for lead in brokerage.lead_ids[:20]]
        until_settled(service, 20)
        assert service.metric("lintel_shadow_rows_total", outcome="scored") == 0
    assert {one["served_by"] for one in answers} <= {"champion", "light-model"}
    assert not any(row["served_by"] == "shadow" for row in home.predictions.read(TENANT, shadow=True).to_pylist())


class Batcher:
    """Keeps what it is asked, and does not answer before it is let."""

    def __init__(self) -> None:
        self.asked: list[list[Question]] = []
        self.urgencies: set[Urgency] = set()
        self.let = asyncio.Event()
        self.full = False

    async def ask(
        self, payloads: Sequence[Question], *, key: Shape, urgency: Urgency, deadline: float
    ) -> list[LeadScore | Exception]:
        self.asked.append(list(payloads))
        self.urgencies.add(urgency)
        if self.full:
            raise QueueFull("full", retry_after_seconds=1)
        await self.let.wait()
        return [LeadScore(b"}", "scored", "shadow") for _ in payloads]


class Log:
    def put(self, _: object) -> None:
        """Nothing is kept."""


class OneShadow(ServedModels):
    def __init__(self, model: ServedModel) -> None:
        self._only = model

    def route(self, tenant: str) -> Route:
        return Route(self._only, scope=tenant, shadows=(Share(self._only, 1.0),))


def asked(leads: int) -> Asked:
    return Asked(
        Principal(TENANT, "tests", "read"),  # type: ignore[arg-type]
        [f"lead-{number}" for number in range(leads)],
        None,
        explain=False,
        urgency=Urgency.INTERACTIVE,
        began=0.0,
        deadline=1.0,
    )


def test_what_does_not_fit_is_dropped_and_counted_and_the_rest_goes_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving.shadowing, "MOST_WAITING", 100)
    metrics = ScoringMetrics(CollectorRegistry())

    async def scenario() -> Batcher:
        batcher = Batcher()
        model = ServedModel(cast(Bundle, None), "m", 1, "sha256:x", "shadow")
        shadows = Shadows(
            OneShadow(model),
            cast(MicroBatcher[Shape, Question, LeadScore], batcher),
            log=cast(PredictionLog, Log()),
            metrics=metrics,
            now=Clock,
        )
        running = asyncio.create_task(shadows.run())
        shadows.offer(asked(130), cast(TenantVersion, None))
        await asyncio.sleep(0)
        batcher.let.set()
        for _ in range(50):
            await asyncio.sleep(0)
        batcher.full = True
        shadows.offer(asked(5), cast(TenantVersion, None))
        for _ in range(50):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return batcher

    batcher = asyncio.run(scenario())
    assert [len(rows) for rows in batcher.asked] == [MOST_TOGETHER, 100 - MOST_TOGETHER, 5]
    assert batcher.urgencies == {Urgency.BULK}
    counted: dict[str, Any] = {
        sample.labels["outcome"]: sample.value
        for family in metrics.shadow.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counted == {"scored": 100, "dropped": 30 + 5}
