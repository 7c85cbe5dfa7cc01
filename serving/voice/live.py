"""What a live call tells, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from serving.voice.live_event import LiveEvent

HEARTBEAT_SECONDS = 10.0
"""A comment this often: proxies close what is silent, and a watcher learns that the connection lives."""
RETRY_MS = 1_000
HEARTBEAT = b": \n\n"
MEDIA_TYPE = "text/event-stream"


async def event_stream(events: AsyncIterator[LiveEvent]) -> AsyncIterator[bytes]:
    """The events as they come, with heartbeats between. Ends with the events, and ends them when it is closed."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    async with aclosing(_paced(events, HEARTBEAT_SECONDS)) as paced:
        async for event in paced:
            yield HEARTBEAT if event is None else encoded(event)


def encoded(event: LiveEvent) -> bytes:
    """One event: its number is the id that a watcher who comes back sends as `Last-Event-ID`."""
    data = msgspec.json.encode({"at": round(event.at, 3), **event.data})
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.kind.encode(), data)


async def _paced(events: AsyncIterator[LiveEvent], seconds: float) -> AsyncGenerator[LiveEvent | None, None]:
    """The events, and None whenever none has come for so long."""
    waiting: asyncio.Task[Any] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(events))
            await asyncio.wait([waiting], timeout=seconds)
            if not waiting.done():
                yield None
                continue
            done, waiting = waiting, None
            try:
                yield done.result()
            except StopAsyncIteration:
                return
    finally:
        await _ended(events, waiting)


async def _ended(events: AsyncIterator[LiveEvent], waiting: "asyncio.Task[Any] | None") -> None:
    if waiting is not None:
        waiting.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await waiting
    if close := getattr(events, "aclose", None):
        await close()
