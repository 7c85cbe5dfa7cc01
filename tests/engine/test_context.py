"""Requests of two tenants at the same time: each gets its own, and each answer is logged under its own trace."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.store.tenants import Tenant
from serving.tracing import trace_id_of
from tests.bentos.conftest import TENANT, Brokerage
from tests.engine.service import Service, logged
from tests.hot.logs_in_store import incoming
from tests.serving.clients import Clock

Serve = Callable[..., AbstractContextManager[Service]]
OTHER = "zenith"
START = datetime(2023, 12, 1, tzinfo=UTC)


@pytest.fixture
def keys(home: Home, brokerage: Brokerage, clock: Clock) -> dict[str, str]:
    """By tenant. The other one has leads of the same ids, with other events."""
    home.events.put_tenant(Tenant(OTHER, labels="simulator", time_zone="Asia/Tokyo"))
    rows = [
        {"event_id": f"e{i}", "lead_id": lead, "kind": kind, "occurred_at": START + timedelta(hours=i)}
        for i, lead in enumerate(brokerage.lead_ids[:20])
        for kind in ("lead.created",)
    ]
    home.events.append(OTHER, incoming(rows), now=clock())
    entry = TrafficEntry(brokerage.digest, f"lead-scoring.{OTHER}", 9, 1.0, "champion")
    home.traffic.assign(OTHER, [entry], actor=machine("test"), reason="test", now=clock())
    return {TENANT: brokerage.key, OTHER: home.keys.create(OTHER, "website", "read")}


def test_tenants_traces_and_answers_never_mix(
    serve: Serve, home: Home, brokerage: Brokerage, keys: dict[str, str]
) -> None:
    def ask(turn: int) -> tuple[str, str, list[dict[str, Any]]]:
        tenant, trace = (TENANT, OTHER)[turn % 2], f"{turn + 1:032x}"
        leads = brokerage.lead_ids[turn % 5 : turn % 5 + 4]
        headers = {"traceparent": f"00-{trace}-{turn + 1:016x}-01"}
        response = service.client.post("/v1/score", {"lead_ids": leads}, key=keys[tenant], headers=headers)
        assert response.status_code == 200, response.text
        return tenant, trace, response.json()["scores"]

    with serve() as service, ThreadPoolExecutor(12) as pool:
        delivered = list(pool.map(ask, range(60)))
    rows = {tenant: {row["decision_id"]: row for row in logged(home, tenant)} for tenant in keys}
    clocks = {TENANT: "log_end", OTHER: "live"}
    versions = {TENANT: 1, OTHER: 9}
    for tenant, trace, answers in delivered:
        for answer in answers:
            row = rows[tenant][answer["decision_id"]]
            assert (row["trace_id"], row["principal"]) == (trace, {TENANT: "tests", OTHER: "website"}[tenant])
            assert (answer["clock"], answer["model"]["version"]) == (clocks[tenant], versions[tenant])
            assert (row["lead_id"], row["seq"]) == (answer["lead_id"], answer["seq"])
    assert {answer["seq"] for tenant, _, answers in delivered if tenant == OTHER for answer in answers} == {20}
    assert sum(map(len, rows.values())) == sum(len(answers) for _, _, answers in delivered)


def test_a_request_that_is_part_of_no_trace_is_logged_without_one(
    serve: Serve, home: Home, brokerage: Brokerage
) -> None:
    with serve() as service:
        service.ask(brokerage.lead_ids[0], headers={"traceparent": "00-" + "0" * 32 + "-" + "1" * 16 + "-01"})
    assert [row["trace_id"] for row in logged(home)] == [None]


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-{SPAN}-01", TRACE),
        (f"00-{TRACE}-{SPAN}-00", TRACE),
        (f"cc-{TRACE}-{SPAN}-01", TRACE),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", TRACE),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"cc-{TRACE}-{SPAN}-01.more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE[1:]}-{SPAN}-01", None),
        ("", None),
    ],
)
def test_a_trace_is_read_as_the_standard_says(header: str, trace: str | None) -> None:
    """https://www.w3.org/TR/trace-context/#traceparent-header"""
    assert trace_id_of(header) == trace
