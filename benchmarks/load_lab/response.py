"""HTTP/1.1 responses out of a byte stream, as far as a load generator must know them (RFC 9112 §6)."""

from dataclasses import dataclass


class WrongResponseError(ValueError):
    """What came is no response that this reader knows; nothing on the connection can be trusted any more."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    closes: bool  # the server ends the connection
    retry_after: bool  # it says when to come again


class ResponseReader:
    """Feed it bytes as they come, in whatever pieces; it gives a response when one is whole.

    One request is in flight at a time, so bytes beyond a response are a fault of the server. Bodies must have a
    Content-Length: chunked ones are refused.
    """

    def __init__(self) -> None:
        self._head = b""
        self._pieces: list[bytes] = []
        self._missing = -1  # bytes of the body that have not come; -1 before its length is known
        self._status, self._closes, self._retry_after = 0, False, False

    @property
    def begun(self) -> bool:
        """Whether part of a response has come."""
        return bool(self._head) or self._missing >= 0

    def feed(self, data: bytes) -> Response | None:
        """The response that these bytes complete, if they do. Raises WrongResponseError."""
        if self._missing < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return None
            data = self._head[end + 4 :]
            self._read_head(self._head[:end])
            self._head = b""
        return self._read_body(data)

    def _read_head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
            raise WrongResponseError("no status line of HTTP/1")
        self._status = int(head[9:12])
        lower = head.lower()
        self._missing = _content_length(lower)
        self._closes = b"\r\nconnection: close" in lower
        self._retry_after = b"\r\nretry-after:" in lower

    def _read_body(self, data: bytes) -> Response | None:
        self._missing -= len(data)
        if self._missing < 0:
            raise WrongResponseError("more bytes than the response has")
        if self._missing:
            self._pieces.append(data)
            return None
        body = b"".join((*self._pieces, data)) if self._pieces else data
        self._pieces, self._missing = [], -1
        return Response(self._status, body, self._closes, self._retry_after)


def _content_length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise WrongResponseError("a body without a length")
    end = head.find(b"\r\n", at + 2)
    value = head[at + 17 : end if end >= 0 else len(head)].strip()
    if not value.isdigit():
        raise WrongResponseError("a length that is no number")
    return int(value)
