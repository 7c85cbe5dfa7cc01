"""Request bodies: bounded while they stream in, then parsed strictly."""

import asyncio
import re
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from serving.problems import Fault, RequestError, pointer

Body = TypeVar("Body")

MAX_BODY_SECONDS = 30.0
"""How long a body may take to arrive: one that trickles in would hold its connection for ever."""

_PLACE = re.compile(r" - at `(\$[^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


async def read_json(request: Request, decoder: msgspec.json.Decoder[Body], *, limit: int) -> Body:
    """The request's body as the decoder's type.

    Reads at most `limit` bytes, whatever Content-Length claims, and nothing of a body in another format.
    Raises RequestError: 400 not JSON, 413 too large, 415 not JSON by its own account, 422 JSON of a wrong form,
    408 a body that takes longer than `MAX_BODY_SECONDS`.
    """
    _require_json(request)
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            body = await _read(request, limit)
    except TimeoutError:
        raise _too_slow() from None
    return decode(body, decoder)


def decode(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Parse strictly: no unknown fields, no coercion. Messages name the place, never the value."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_form(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(_syntax(error, body)) from None
    except RecursionError:
        raise _not_json("It is nested too deeply.") from None


def _require_json(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise RequestError(
            415, "unsupported-media-type", "The body must be application/json.", headers={"Accept": "application/json"}
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(
            415, "unsupported-encoding", "Compressed bodies are not read.", headers={"Accept-Encoding": "identity"}
        )


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise RequestError(400, "incomplete-body", "The body ended before it was complete.") from None
    return bytes(body)


def _too_large(limit: int) -> RequestError:
    # the rest of the body is never read, so the connection cannot carry another request
    return RequestError(
        413,
        "body-too-large",
        f"The body is larger than {limit} bytes.",
        mend="Send it in several requests.",
        headers={"Connection": "close"},
    )


def _too_slow() -> RequestError:
    return RequestError(
        408,
        "body-too-slow",
        f"The body did not arrive within {MAX_BODY_SECONDS:g} seconds.",
        mend="Send it again.",
        headers={"Connection": "close"},
    )


def _not_json(where: str) -> RequestError:
    return RequestError(400, "not-json", f"The body is not JSON. {where}")


def _syntax(error: Exception, body: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "It holds bytes that are not UTF-8."
    found = re.search(r"\(byte (\d+)\)", str(error))
    if found is None and body:
        return f"It ends too early, after byte {len(body)}, or in half a character (a lone surrogate)."
    if found is None:
        return "It is empty."
    start = int(found[1]) - ("trailing" in str(error))  # msgspec points behind the first character too many
    line = body.count(b"\n", 0, start) + 1
    column = start - body.rfind(b"\n", 0, start)
    return f"Line {line}, column {column} (byte {start}) is not what JSON allows there."


def _wrong_form(message: str) -> RequestError:
    place = _PLACE.search(message)
    where = _pointer(place[1]) if place else ""
    detail = _PLACE.sub("", message).replace("`", "'")
    return RequestError(
        422, "wrong-form", "The body is JSON, but not of the expected form.", faults=[Fault(where, detail)]
    )


def _pointer(path: str) -> str:
    """msgspec's `$.lead_ids[0]` as the JSON pointer `/lead_ids/0` (RFC 6901)."""
    return pointer(*(name or index or "*" for name, index in _STEP.findall(path)))
