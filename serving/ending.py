"""Telling what never ends by itself that the worker ends: streams of answers would keep its shutdown waiting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Ending = Callable[[], Awaitable[None]]
_ENDINGS: list[Ending] = []


@asynccontextmanager
async def before_end(ending: Ending) -> AsyncIterator[None]:
    """Within the block, `ending` is called when the server has been told to end and still holds its connections."""
    _ENDINGS.append(ending)
    try:
        yield
    finally:
        _ENDINGS.remove(ending)


async def end() -> None:
    """For the server: let everything know, and wait until it has acted on it."""
    await asyncio.gather(*(ending() for ending in _ENDINGS))
