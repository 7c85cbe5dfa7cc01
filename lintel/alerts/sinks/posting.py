"""One POST with retries, in bounded time: for every sink that speaks HTTP."""

import http.client
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from lintel.alerts.sinks.receiver import Receiver
from lintel.alerts.sinks.sink import DeliveryError

_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Patience:
    """How long a sink tries: `attempts` of at most `seconds` each, with jittered pauses between them.

    A pause is drawn evenly from 0 to `pause_seconds`, doubled each time ("full jitter", Brooker 2015, "Exponential
    Backoff And Jitter", AWS Architecture Blog).
    """

    seconds: float = 5.0
    attempts: int = 3
    pause_seconds: float = 0.5
    pause: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int) -> None:
        self.pause(self.chance.uniform(0, self.pause_seconds * 2**attempt))


def post(
    receiver: Receiver, sink: str, body: bytes, headers: Callable[[], Mapping[str, str]], patience: Patience
) -> None:
    """POST until it is taken (2xx). `headers` are made anew for each attempt.

    Raises DeliveryError: after the last attempt for 5xx and what the network does, at once and for good for 3xx and
    4xx, at once but not for good for 408 and 429, which ask for time.
    """
    for attempt in range(patience.attempts):
        try:
            status = _once(receiver, sink, body, headers(), patience.seconds)
        except DeliveryError as error:
            if error.permanent or attempt == patience.attempts - 1:
                raise
        else:
            if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return
            refused = status < HTTPStatus.INTERNAL_SERVER_ERROR
            if refused or attempt == patience.attempts - 1:
                raise DeliveryError(sink, f"HTTP {status}", permanent=refused and status not in _LATER)
        patience.wait(attempt)


def _once(receiver: Receiver, sink: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    ends = time.monotonic() + seconds
    connected = receiver.connect(sink, seconds)
    connection = http.client.HTTPConnection(receiver.host, receiver.port)
    connection.sock = connected
    try:
        with _ended_at(connected, ends):
            connection.request("POST", receiver.target, body, {**headers, "Connection": "close"})
            return connection.getresponse().status
    except TimeoutError:
        raise DeliveryError(sink, "no answer in time") from None
    except (OSError, http.client.HTTPException):
        late = time.monotonic() >= ends
        raise DeliveryError(sink, "no answer in time" if late else "the connection broke") from None
    finally:
        connection.close()


@contextmanager
def _ended_at(connected: socket.socket, ends: float) -> Iterator[None]:
    """Cut the connection at a monotonic time: a receiver that sends a byte a second keeps within every timeout."""
    cut = threading.Timer(max(0.0, ends - time.monotonic()), cut_off, (connected,))
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()


def cut_off(connected: socket.socket | None) -> None:
    """End a connection under whoever waits for it."""
    try:
        if connected is not None:
            connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return
