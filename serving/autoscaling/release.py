"""Letting go of connections: an answer that says `connection: close` ends its connection without a failed request."""

from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE = (b"connection", b"close")


class Release:
    """An ASGI application around another, some of whose answers are the last on their connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._connections = 0
        self._all = False

    def release(self, connections: int) -> None:
        """Close so many connections, each with its next answer; in place of what was asked before."""
        self._connections = connections

    def release_all(self) -> None:
        """Close every connection with its next answer, from now on."""
        self._all = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (self._all or self._connections):
            send = partial(self._send, send)
        await self._app(scope, receive, send)

    async def _send(self, send: Send, message: Message) -> None:
        if message["type"] == "http.response.start" and (self._all or self._connections):
            self._connections = max(0, self._connections - 1)
            message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await send(message)
