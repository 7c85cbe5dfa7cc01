"""A worker ends with the process that started it: left alone it would keep the port and answer with old code."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

POLL_SECONDS = 0.5
PARENT = os.getppid()
"""When the module is read: the parent may die while the rest is."""
logger = logging.getLogger("lintel.serving")


@asynccontextmanager
async def ending_with_parent() -> AsyncIterator[None]:
    """Within the block, ask this process to end (SIGTERM) when its parent has died, however that died.

    Polled, and not PR_SET_PDEATHSIG: that is Linux's alone, and fires when the thread that forked ends.
    """
    watching = asyncio.create_task(_watch(PARENT))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(POLL_SECONDS)
    logger.error("process %s, which started this worker, is gone: the worker ends too", parent)
    os.kill(os.getpid(), signal.SIGTERM)
