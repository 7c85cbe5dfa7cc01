"""Audio in a request's body: the body itself, or the part `file` of a form, bounded while it streams in."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from serving.problems import RequestError

MAX_SILENT_SECONDS = 30.0
"""How long a body may pause: one that trickles in would hold its connection for ever."""
_IN_MEMORY = 1_000_000
_FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent. `fields` are the form's other parts over the address's parameters."""

    file: BinaryIO
    fields: Mapping[str, str]


@asynccontextmanager
async def upload(request: Request, *, limit: int) -> AsyncIterator[Upload]:
    """The audio of a request; it lies in a file of its own until the end of the block.

    Raises RequestError: 413 for more than `limit` bytes, whatever Content-Length claims, 408 for a body that stops
    coming, 422 for a form without audio, 400 for a body that is empty, broken off or malformed.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    bounded = Request(request.scope, _bounded(request, limit))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        async with _form(bounded) as found:
            yield found
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        async for chunk in _chunks(bounded):
            file.write(chunk)
        if not file.tell():
            raise _empty()
        file.seek(0)
        yield Upload(cast(BinaryIO, file), dict(request.query_params))


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[Upload]:
    try:
        form = await request.form(max_files=1, max_fields=20, max_part_size=10_000)
    except HTTPException:
        raise RequestError(400, "not-a-form", "The body is not the form that it says it is.") from None
    except ClientDisconnect:
        raise _broken_off() from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestError(422, "no-audio", "The form has no audio.", mend="Send it as the part `file`.")
        if not file.size:
            raise _empty()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        yield Upload(file.file, {**request.query_params, **fields})
    finally:
        await form.close()


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise _broken_off() from None


def _bounded(request: Request, limit: int) -> Any:
    read = 0

    async def receive() -> Message:
        nonlocal read
        try:
            async with asyncio.timeout(MAX_SILENT_SECONDS):
                message = await request.receive()
        except TimeoutError:
            raise RequestError(
                408, "body-too-slow", "The body stopped coming.", mend="Send it again.", headers={"Connection": "close"}
            ) from None
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return receive


def _too_large(limit: int) -> RequestError:
    return RequestError(
        413,
        "body-too-large",
        f"The body is larger than {limit} bytes.",
        mend="Send less, or recordings to `POST /v1/calls/analyse`.",
        headers={"Connection": "close"},
    )


def _empty() -> RequestError:
    return RequestError(400, "no-audio", "What was sent is empty.", mend="Send the bytes of an audio file.")


def _broken_off() -> RequestError:
    return RequestError(400, "incomplete-body", "The body ended before it was complete.")
