"""Recorded calls that were handed in: kept on disk until they are analysed, one at a time, whoever still waits.

The work is done by a process of its own at a low priority (`serving.voice.analysis_process`), so that a long file
neither holds up live calls nor takes them with it. What was not finished when the service ended is begun again.
"""

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import msgspec
from anyio import to_thread

from lintel.errors import InputError, LintelError, NotFoundError, UnavailableError
from lintel.home import Home
from lintel.store.calls import Call
from lintel.voice.transcription.loading import found
from serving.problems import RequestError
from serving.voice.analysis_process import Asked, Job, analyse_apart
from serving.voice.metrics import VoiceMetrics

MOST_WAITING = 100
_AUDIO, _JOB = "audio", "job.json"
_BUSY_RETRY_SECONDS = 60
_TRIES = 3
"""How often a recording is begun whose process died; a file that kills it each time must not hold up the others."""
logger = logging.getLogger("lintel.serving.voice")


class Recordings:
    """Accepts recordings and works through them."""

    def __init__(self, home: Home, metrics: VoiceMetrics, *, now: Callable[[], datetime]) -> None:
        self._home, self._metrics, self._now = home, metrics, now
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()
        self._died: Counter[str] = Counter()

    def check(self) -> None:
        """Raises RequestError (503) if too many wait, or without weights: to be asked before a body is read."""
        try:
            found(self._home.settings.transcription_model, self._home.settings)
        except LintelError as error:
            raise RequestError(503, "no-model", error.message, mend=error.mend) from None
        if self._waiting.qsize() >= MOST_WAITING:
            raise RequestError(
                503,
                "busy",
                f"{MOST_WAITING} recordings wait already.",
                mend="Send it later.",
                headers={"Retry-After": str(_BUSY_RETRY_SECONDS)},
            )

    async def accept(self, tenant: str, audio: BinaryIO, asked: Asked) -> str:
        """Keep a recording and see to it. Returns the id of its call."""
        call_id = uuid4().hex
        job = Job(call_id, tenant, self._now(), str(self._folder(tenant, call_id) / _AUDIO), asked)
        await to_thread.run_sync(self._keep, job, audio)
        self._waiting.put_nowait(job)
        return job.call_id

    async def work(self) -> None:
        """Analyse what waits, for ever."""
        for job in await to_thread.run_sync(self._left_over):
            self._waiting.put_nowait(job)
        while True:
            job = await self._waiting.get()
            try:
                await self._do(job)
            except Exception as error:  # one recording's fault must not leave the others undone
                logger.error("a recording could not be analysed and waits for the next start: %s", type(error).__name__)

    async def _do(self, job: Job) -> None:
        try:
            lasted = await analyse_apart(job, self._home.settings)
        except UnavailableError as error:
            self._died[job.call_id] += 1
            if self._died[job.call_id] < _TRIES:
                logger.warning("the process of a recording died; it is begun again")
                self._waiting.put_nowait(job)
                return
            await to_thread.run_sync(self._fail, job, error)
        except InputError as error:
            await to_thread.run_sync(self._fail, job, error)
        else:
            self._metrics.recordings.labels("done").inc()
            self._metrics.transcribed.labels("analyse").inc(lasted)
        await to_thread.run_sync(partial(shutil.rmtree, self._folder(job.tenant, job.call_id), ignore_errors=True))

    def _fail(self, job: Job, error: LintelError) -> None:
        self._metrics.recordings.labels("failed").inc()
        said = {"error": {"type": error.slug, "detail": error.message, "mend": error.mend}}
        with suppress(NotFoundError):  # erased meanwhile: then there is nothing to keep
            self._home.calls.get(job.tenant, job.call_id)
            self._home.calls.put(replace(_call(job, said), state="failed", ended_at=self._now()))

    def _keep(self, job: Job, audio: BinaryIO) -> None:
        folder = self._folder(job.tenant, job.call_id)
        folder.mkdir(parents=True, mode=0o700)
        try:
            with (folder / _AUDIO).open("wb") as file:
                shutil.copyfileobj(audio, file)
            (folder / _JOB).write_bytes(msgspec.json.encode(job))
            self._home.calls.put(_call(job, {}))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _left_over(self) -> list[Job]:
        """Recordings of an earlier process, the oldest first; what was not accepted in full is removed."""
        jobs = []
        for folder in self._home.settings.voice_path.glob("*/*"):
            try:
                jobs.append(msgspec.json.decode((folder / _JOB).read_bytes(), type=Job))
            except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
                logger.warning("a recording that was not accepted in full is removed")
                shutil.rmtree(folder, ignore_errors=True)
        return sorted(jobs, key=lambda job: job.received_at)

    def _folder(self, tenant: str, call_id: str) -> Path:
        return self._home.settings.voice_path / tenant / call_id


def _call(job: Job, document: dict[str, Any]) -> Call:
    asked = job.asked
    return Call(
        job.tenant, job.call_id, asked.lead_id, asked.agent_id, "file", "working", job.received_at, None, document
    )


@asynccontextmanager
async def working(recordings: Recordings) -> AsyncIterator[None]:
    """Work through recordings within the block."""
    task = asyncio.create_task(recordings.work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
