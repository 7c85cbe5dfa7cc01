"""What happened in a live call, kept so that a watcher can come late, come back, or be slow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from serving.voice.live_event import Kind, LiveEvent

REPLACED = frozenset({"tentative", "lag", "meter"})
"""Kinds of which only the newest of a channel says anything: older ones are not kept."""


class History:
    """The newest `most` events by number. For one event loop; `append` may be called without any."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._events: dict[int, LiveEvent] = {}
        self._newest: dict[tuple[str, object], int] = {}
        self._appended = asyncio.Event()
        self._number = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._events)

    def append(self, at: float, kind: Kind, data: dict[str, Any]) -> LiveEvent:
        """Number an event and wake the watchers."""
        self._number += 1
        event = LiveEvent(self._number, at, kind, data)
        if kind in REPLACED:
            channel = (kind, data.get("channel"))
            self._events.pop(self._newest.get(channel, 0), None)
            self._newest[channel] = event.number
        self._events[event.number] = event
        if len(self._events) > self._most:
            del self._events[next(iter(self._events))]
        self._wake()
        return event

    def close(self) -> None:
        """Nothing follows: watchers end after the last event."""
        self.closed = True
        self._wake()

    def since(self, after: int) -> list[LiveEvent]:
        """The kept events with a number above `after`, in order."""
        newer = []
        for number in reversed(self._events):
            if number <= after:
                break
            newer.append(self._events[number])
        return newer[::-1]

    async def watch(self, after: int = 0) -> AsyncIterator[LiveEvent]:
        """Events above `after` as they come, until the call has ended. Who is slow misses the oldest."""
        while True:
            appended = self._appended
            for event in self.since(after):
                after = event.number
                yield event
            if self.closed and after >= self._number:
                return
            await appended.wait()

    def _wake(self) -> None:
        self._appended.set()
        self._appended = asyncio.Event()
