"""Large requests end when their caller leaves: rows that nobody waits for are not computed."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")

WATCHED_ROWS = 20
"""Requests of fewer rows are done before it would be worth it."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Result], *, rows: int) -> Result:
    """The work's result. Raises ClientDisconnect, and cancels the work, if the caller of a large request leaves.

    To be called when the body has been read: the next thing that the server tells is that the caller has gone.
    """
    if rows <= WATCHED_ROWS:
        return await work
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
