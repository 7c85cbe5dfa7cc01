"""A computation that hangs: first no traffic, then a restart; and what a worker says while it starts."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from lintel.settings import Settings
from serving import health
from serving.application import application
from tests.bentos.conftest import Brokerage
from tests.engine.service import Service
from tests.engine.test_deadlines import asking, busy, until
from tests.serving.clients import Client

Serve = Callable[..., AbstractContextManager[Service]]


def test_a_worker_that_has_opened_everything_says_so(service: Service) -> None:
    for path in ("/livez", "/startupz"):
        response = service.client.get(path, key=None)
        assert (response.status_code, response.text) == (200, "ok")
    assert service.client.get("/readyz", key=None).json() == {
        "ready": True,
        "store": "ok",
        "model": "ok",
        "compute": "ok",
    }


def test_before_the_start_it_is_alive_and_nothing_else(settings: Settings) -> None:
    with start_blocking_portal() as portal:
        client = Client(application(settings), portal, None)
        assert client.get("/livez").status_code == 200
        for path in ("/startupz", "/readyz"):
            response = client.get(path)
            assert (response.status_code, response.json()["type"]) == (503, "urn:lintel:problem:not-ready")


def test_a_computation_that_hangs_takes_the_traffic_and_then_the_process(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(path: str) -> httpx.Response:
        return service.client.get(path, key=None)

    with busy(monkeypatch) as released, asking(service, brokerage.lead_ids[0]):
        until(lambda: service.inference.batcher.computing_seconds() > 0)
        assert [status(path).status_code for path in ("/readyz", "/livez")] == [200, 200]
        clock = service.inference.batcher._clock
        service.inference.batcher._clock = lambda: clock() + 11.0
        response = status("/readyz")
        assert (response.status_code, response.json()["compute"][:26]) == (503, "has computed one batch for")
        assert status("/livez").status_code == 200
        service.inference.batcher._clock = lambda: clock() + 61.0
        assert (status("/livez").status_code, status("/livez").json()["type"]) == (
            503,
            "urn:lintel:problem:compute-hangs",
        )
        assert status("/startupz").status_code == 200
        service.inference.batcher._clock = clock
        released.set()
    until(lambda: status("/readyz").status_code == 200)


def test_a_store_that_hangs_is_not_waited_for_and_probes_do_not_pile_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, released, calls = service.client.app.state.runtime.home.events, threading.Event(), []

    def hanging() -> list[Any]:
        calls.append(1)
        released.wait(60)
        return []

    monkeypatch.setattr(events, "tenants", hanging)
    monkeypatch.setattr(health, "STORE_SECONDS", 0.05)
    try:
        began = time.monotonic()
        answers = [service.client.get("/readyz", key=None) for _ in range(5)]
        assert time.monotonic() - began < 10
        assert {one.json()["store"] for one in answers} == {"does not answer"}
        assert len(calls) == 1
    finally:
        released.set()
    monkeypatch.setattr(health, "STORE_SECONDS", 5.0)
    until(lambda: service.client.get("/readyz", key=None).status_code == 200)
