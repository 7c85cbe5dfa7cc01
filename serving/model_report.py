"""A worker's word on its models, for whoever judges a rollout: renewed as long as the worker runs."""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from lintel.events.moments import to_microseconds
from lintel.rollouts.workers import WorkerModels, withdraw, write_word
from serving.model import Models

POLL_SECONDS = 0.25
RENEW_SECONDS = 2.0

logger = logging.getLogger("lintel.serving")


class ModelReport:
    """What one worker says of its models, in a file of its own.

    Parameters
    ----------
    folder: of the words of all workers.
    now: the wall clock.
    """

    def __init__(self, folder: Path, models: Models, now: Callable[[], datetime]) -> None:
        self._folder, self._models, self._now = folder, models, now
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._began = to_microseconds(now())
        self._said: WorkerModels | None = None

    async def keep(self) -> None:
        """Say it again whenever it changes, and every RENEW_SECONDS, until cancelled."""
        try:
            while True:
                word = self._word()
                if self._is_news(word):
                    await to_thread.run_sync(self._say, word)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            withdraw(self._folder, self._worker)

    def _word(self) -> WorkerModels:
        now, version = to_microseconds(self._now()), self._models.version
        said = self._said
        since = said.since if said is not None and said.version == version else now
        loaded = sorted({(model.digest, model.served_by) for model in self._models.models})
        return WorkerModels(
            worker=self._worker,
            began_at=self._began,
            told_at=now,
            version=version,
            since=since,
            models=tuple(loaded),
            missing=tuple(sorted(self._models.missing)),
        )

    def _is_news(self, word: WorkerModels) -> bool:
        said = self._said
        if said is None or word.told_at - said.told_at >= RENEW_SECONDS * 1e6:
            return True
        return (word.version, word.models, word.missing) != (said.version, said.models, said.missing)

    def _say(self, word: WorkerModels) -> None:
        try:
            write_word(self._folder, word)
        except OSError as error:  # a full disk must not end it; who reads it sees that the last word is old
            if self._said is not None:
                logger.warning("the word on this worker's models cannot be written (%s)", error.strerror)
        self._said = word
