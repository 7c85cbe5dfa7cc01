"""One persistent connection with one request in flight at a time."""

import asyncio
import time
from typing import Protocol, cast

from benchmarks.load_lab.plan import Question
from benchmarks.load_lab.response import Response, ResponseReader, WrongResponseError

STALE_SECONDS = 1.0
"""A connection that was idle for longer may have been closed by the server in the moment that we wrote to it."""


class Flight:
    """A request from the moment that it is due until it is answered or lost. Times are of `time.monotonic`."""

    __slots__ = ("cut", "due", "question", "retried", "stream")

    def __init__(self, stream: int, question: Question, due: float, *, cut: bool = False) -> None:
        self.stream = stream
        self.question = question
        self.due = due
        self.cut = cut
        self.retried = False


class Owner(Protocol):
    """Who is told what becomes of connections and requests."""

    def connected(self, connection: "Connection") -> None: ...

    def answered(self, connection: "Connection", flight: Flight, response: Response) -> None: ...

    def unsolicited(self) -> None: ...

    def lost(self, connection: "Connection", flight: Flight | None, *, fault: str, stale: bool) -> None: ...


class Connection(asyncio.Protocol):
    """Tells `owner` what happens; never reads the clock for a latency itself."""

    __slots__ = ("_fault", "_idle_for", "_idle_since", "_reader", "flight", "owner", "transport")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.flight: Flight | None = None
        self.transport: asyncio.Transport
        self._reader = ResponseReader()
        self._fault = "closed"
        self._idle_since = self._idle_for = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own does not derive from it
        self._idle_since = time.monotonic()
        self.owner.connected(self)

    def send(self, flight: Flight, now: float, *, share: float = 1.0) -> None:
        """Write a request, or only the first `share` of its bytes."""
        self.flight = flight
        self._idle_for = now - self._idle_since
        request = flight.question.request
        self.transport.write(request if share >= 1.0 else request[: int(len(request) * share)])

    def data_received(self, data: bytes) -> None:
        flight = self.flight
        if flight is None:
            self.owner.unsolicited()
            self.transport.abort()
            return
        try:
            response = self._reader.feed(data)
        except WrongResponseError as error:
            self._fault = str(error)
            self.transport.abort()
            return
        if response is not None:
            self.flight = None
            self._idle_since = time.monotonic()
            self.owner.answered(self, flight, response)

    def connection_lost(self, error: Exception | None) -> None:
        flight, self.flight = self.flight, None
        stale = self._idle_for > STALE_SECONDS and not self._reader.begun
        self.owner.lost(self, flight, fault=self._fault if error is None else type(error).__name__, stale=stale)
