"""Whether the stores can be read, as `/readyz` of every service asks."""

import asyncio
from collections.abc import Callable

from anyio import to_thread

from lintel.errors import LintelError

OK = "ok"


class StoreCheck:
    """One read at a time: probes of a store that hangs do not pile up."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[str] | None = None

    async def __call__(self, read: Callable[[], object], seconds: float) -> str:
        """`ok`, or what is wrong; waits so long at most. `read` raises LintelError where it fails."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(to_thread.run_sync(_outcome, read))
        done, _ = await asyncio.wait([self._reading], timeout=seconds)
        return self._reading.result() if done else "does not answer"


def _outcome(read: Callable[[], object]) -> str:
    try:
        read()
    except LintelError as error:
        return error.slug
    return OK
