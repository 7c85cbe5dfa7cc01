"""The version check before each request: read off the event loop, one read for all that wait for it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from lintel.errors import UnavailableError
from lintel.store.scores import ScoreStore
from lintel.store.tenant_state import TenantState
from serving.hot.leads import HotLeads

CLOSE_SECONDS = 5.0
"""How long a stop waits for a read: what is closed after this, the prediction log above all, must not wait for a store
that hangs."""

Waiting = dict[str, list["asyncio.Future[TenantVersion]"]]


class TenantVersion(NamedTuple):
    """All that an answer about a tenant's leads rests on, but for the lead's own events and the model."""

    state: TenantState
    epoch: int  # of the events held in memory
    score_version: int


def stored_version(leads: HotLeads, scores: ScoreStore) -> Callable[[str], TenantVersion]:
    """Reads a tenant's version from the two databases, and lets `leads` follow it. Blocking: two rows by key."""

    def read(tenant: str) -> TenantVersion:
        state, epoch = leads.sync(tenant)
        return TenantVersion(state, epoch, scores.version(tenant))

    return read


class Versions:
    """Versions of tenants, for an event loop. A request never gets what was read before it asked, so that it sees
    whatever was acknowledged to anyone before; requests that wait at the same time share a read.

    Parameters
    ----------
    read: a tenant's version now; called in one thread of its own, never twice at once.
    """

    def __init__(self, read: Callable[[str], TenantVersion]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="versions")
        self._lock = threading.Lock()
        self._waiting: Waiting = {}
        self._draining = False
        self._drained: Future[None] | None = None
        self.reads = 0

    async def read(self, tenant: str) -> TenantVersion:
        """The tenant's version at some moment after this call.

        Raises what reading raises, and UnavailableError once it is closed.
        """
        future: asyncio.Future[TenantVersion] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.setdefault(tenant, []).append(future)
            begin, self._draining = not self._draining, True
        if begin:
            self._begin()
        return await future

    def close(self) -> None:
        """Answer all who wait and take no more. A read that takes longer than `CLOSE_SECONDS` is left behind."""
        self._thread.shutdown(wait=False)
        if self._drained is None or not wait([self._drained], CLOSE_SECONDS).not_done:
            self._thread.shutdown()

    def _begin(self) -> None:
        try:
            self._drained = self._thread.submit(self._drain)
        except RuntimeError:
            with self._lock:
                self._draining = False
            raise UnavailableError("The worker stops and reads no more.", mend="Ask another worker.") from None

    def _drain(self) -> None:
        while waiting := self._take():
            for tenant, futures in waiting.items():
                self._answer(tenant, futures)

    def _take(self) -> Waiting:
        """All who wait now: what is read from here on began after they asked."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._draining = bool(waiting)
        return waiting

    def _answer(self, tenant: str, futures: list["asyncio.Future[TenantVersion]"]) -> None:
        self.reads += 1
        try:
            version, error = self._read(tenant), None
        except Exception as raised:
            # whatever the store raises belongs to those who asked, not to this thread
            version, error = None, raised
        for loop in {future.get_loop() for future in futures}:
            mine = [future for future in futures if future.get_loop() is loop]
            with contextlib.suppress(RuntimeError):  # a loop that was closed has nobody who waits
                loop.call_soon_threadsafe(_settle, mine, version, error)


def _settle(
    futures: list["asyncio.Future[TenantVersion]"], version: TenantVersion | None, error: Exception | None
) -> None:
    for future in futures:
        if future.done():
            continue
        if version is not None:
            future.set_result(version)
        else:
            future.set_exception(error or RuntimeError("a read without a result"))
