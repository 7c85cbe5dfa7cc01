"""Callers that leave: what nobody waits for any more is not computed, and nothing of them stays."""

import asyncio
import json
import logging
from typing import Any

import pytest

from serving.batching.item import State
from tests.bentos.conftest import Brokerage
from tests.engine.faults import Models
from tests.engine.service import Service
from tests.engine.test_deadlines import asking, busy, until

Message = dict[str, Any]


class Caller:
    """Sends a request and hangs up when told to, straight at the application."""

    def __init__(self, service: Service, key: str, leads: list[str], **headers: str) -> None:
        self._service = service
        self._body = json.dumps({"lead_ids": leads}).encode()
        sent = {"authorization": f"Bearer {key}", "content-type": "application/json"} | headers
        self._headers = [(name.encode(), value.encode()) for name, value in sent.items()]
        self._gone = asyncio.Event()
        self._messages: list[Message] = [{"type": "http.request", "body": self._body, "more_body": False}]
        self.sent: list[Message] = []

    async def __call__(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/score",
            "raw_path": b"/v1/score",
            "query_string": b"",
            "root_path": "",
            "headers": self._headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {},
        }
        await self._service.client.app(scope, self._receive, self._send)

    def hang_up(self) -> None:
        self._service.client.portal.call(self._gone.set)

    async def _receive(self) -> Message:
        if self._messages:
            return self._messages.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


def cancelled(service: Service) -> int:
    return sum(service.inference.batcher.counts.settled[State.CANCELLED])


def tasks(service: Service) -> int:
    async def count() -> int:
        return len(asyncio.all_tasks())

    return service.client.portal.call(count)


def test_rows_of_a_caller_that_left_are_not_computed(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    models = Models().put_in(monkeypatch)
    first, *many = brokerage.lead_ids[:101]
    service.ask("nobody")
    before = tasks(service)
    caller = Caller(service, brokerage.key, many)
    with busy(monkeypatch) as released, asking(service, first) as other:
        until(lambda: service.inference.batcher.computing_seconds() > 0)
        leaving = service.client.portal.start_task_soon(caller)
        until(lambda: sum(service.inference.batcher.depth) == 101)
        caller.hang_up()
        leaving.result(20)
        assert cancelled(service) == 100
        released.set()
    assert other[0].json()["scores"][0]["served_by"] == "champion"
    assert models.asked == [1, 1]  # nobody, and the first
    assert caller.sent == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert sum(service.inference.batcher.depth) == 0
    assert sum(service.inference.admission.rows_in_flight().values()) == 0
    until(lambda: tasks(service) == before)
    assert service.metric("lintel_http_requests_total", route="/v1/score", status="499") == 1
    assert service.metric("lintel_refused_rows_total", urgency="bulk", reason="cancelled") == 100


def test_a_row_that_another_caller_waits_for_too_is_computed(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, shared, *many = brokerage.lead_ids[:40]
    caller = Caller(service, brokerage.key, [shared, *many])
    with busy(monkeypatch) as released, asking(service, first):
        until(lambda: service.inference.batcher.computing_seconds() > 0)
        leaving = service.client.portal.start_task_soon(caller)
        until(lambda: sum(service.inference.batcher.depth) == 40)
        with asking(service, shared) as staying:
            until(lambda: sum(service.inference.batcher.counts.joined) == 1)
            caller.hang_up()
            leaving.result(20)
            released.set()
    assert staying[0].json()["scores"][0]["served_by"] == "champion"
    assert cancelled(service) == 39


def test_many_that_leave_at_any_moment_leave_nothing_behind(
    service: Service, brokerage: Brokerage, caplog: pytest.LogCaptureFixture
) -> None:
    service.ask(*brokerage.lead_ids[:30])
    before = tasks(service)
    for turn in range(20):
        caller = Caller(service, brokerage.key, list(brokerage.lead_ids[turn : turn + 100]))
        leaving = service.client.portal.start_task_soon(caller)
        if turn % 2:
            until(lambda: service.inference.batcher.computing_seconds() > 0 or leaving.done())  # noqa: B023
        caller.hang_up()
        leaving.result(20)
        kinds = [message["type"] for message in caller.sent]
        assert kinds in ([], ["http.response.start", "http.response.body"])
    until(lambda: tasks(service) == before)
    until(lambda: sum(service.inference.batcher.depth) == 0)
    assert sum(service.inference.admission.rows_in_flight().values()) == 0
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert service.ask(brokerage.lead_ids[240])[0]["served_by"] == "champion"


def test_a_small_request_is_finished(service: Service, brokerage: Brokerage) -> None:
    caller = Caller(service, brokerage.key, [brokerage.lead_ids[0]])
    caller.hang_up()
    service.client.portal.start_task_soon(caller).result(20)
    assert [message["type"] for message in caller.sent] == ["http.response.start", "http.response.body"]
