"""What the one worker of the voice service holds open while it serves."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request, WebSocket
from fastapi.security import HTTPAuthorizationCredentials

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.state import Principal
from serving.keys import Keys
from serving.problems import not_ready
from serving.store_check import StoreCheck
from serving.voice.lines import Lines
from serving.voice.metrics import VoiceMetrics
from serving.voice.recordings import Recordings
from serving.voice.transcriber import Transcriber

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class VoiceRuntime:
    """The stores, the live calls, and what transcribes files."""

    home: Home
    keys: Keys
    metrics: VoiceMetrics
    lines: Lines
    transcriber: Transcriber
    recordings: Recordings
    now: Callable[[], datetime]
    threads: CapacityLimiter
    unknown: CapacityLimiter
    """Connections that have not said yet who they are."""

    tasks: "set[asyncio.Task[None]]"
    """Calls that are carried in the background."""

    stores: StoreCheck = field(default_factory=StoreCheck)

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Hold on to a task until it is done: the loop itself would forget it."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @property
    def settings(self) -> Settings:
        return self.home.settings

    async def caller(self, credentials: HTTPAuthorizationCredentials | None, right: str) -> Principal:
        return await self.keys.principal(credentials, right)

    async def check_not_erased(self, tenant: str, lead_id: str | None) -> None:
        """Raises ErasedLeadError. Where the store cannot tell, a live call is not held up: what is to be kept of it is
        checked again."""
        if lead_id is not None:
            with suppress(UnavailableError):
                await self.work(self.home.events.check_not_erased, tenant, lead_id)

    async def work(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run blocking work off the event loop."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.threads)


def runtime_of(connection: Request | WebSocket) -> VoiceRuntime:
    """Raises RequestError (503) before the application has started."""
    runtime: VoiceRuntime | None = getattr(connection.app.state, "runtime", None)
    if runtime is None:
        raise not_ready("The worker is starting.")
    return runtime
