"""Ways to ask the application in process, and what to send it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.from_thread
import httpx
from fastapi import FastAPI

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TENANT, OTHER = "acme", "zenith"


@dataclass
class Clock:
    """A wall clock that stands still until it is moved."""

    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Client:
    """Asks the application in process. `key` is sent as the bearer key; None sends none."""

    app: FastAPI
    portal: anyio.from_thread.BlockingPortal
    key: str | None

    def request(self, method: str, path: str, *, key: str | None = "", **arguments: Any) -> httpx.Response:
        token = self.key if key == "" else key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        arguments["headers"] = headers | arguments.pop("headers", {})
        return self.portal.call(self._ask, method, path, arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.request("GET", path, **arguments)

    def post(self, path: str, body: Any = None, **arguments: Any) -> httpx.Response:
        return self.request("POST", path, json=body, **arguments)

    def score(self, *lead_ids: str, **options: Any) -> httpx.Response:
        return self.post("/v1/score", {"lead_ids": list(lead_ids), **options})

    async def _ask(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://lintel") as client:
            return await client.request(method, path, **arguments)


async def in_pieces(body: bytes, size: int = 100) -> AsyncIterator[bytes]:
    """A body sent in chunks, without a Content-Length."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@contextmanager
def opened(app: FastAPI, key: str | None = None) -> Iterator[Client]:
    """The application between the begin and the end of its lifespan, on an event loop of its own."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        yield Client(app, portal, key)


def event(number: int, **changes: Any) -> dict[str, Any]:
    """One event as a caller sends it."""
    occurred_at = (NOW - timedelta(days=30) + timedelta(hours=number)).isoformat()
    row = {"event_id": f"e{number}", "lead_id": f"lead-{number % 3}", "occurred_at": occurred_at, "kind": "email.sent"}
    return row | changes
