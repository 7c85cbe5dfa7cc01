"""Failures of models in the log: each kind and place once a minute, with how often it was, and never with its message,
which may quote what was scored."""

import logging
import time
import traceback
from collections.abc import Callable, Iterable

from lintel.errors import LintelError

SILENT_SECONDS = 60.0
_MOST_KINDS = 100

logger = logging.getLogger("lintel.serving")


class Failures:
    """Tells of exceptions that a lesser answer was given for."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}  # kind -> when it was told last, how often it was since

    def tell(self, outcomes: Iterable[object]) -> None:
        """Log the exceptions among the outcomes. Expected errors are counted by metrics and not told."""
        for error in outcomes:
            if isinstance(error, Exception) and not isinstance(error, LintelError):
                self._tell(_kind(error))

    def _tell(self, kind: str) -> None:
        now = self._clock()
        told_at, since = self._told.get(kind, (-SILENT_SECONDS, 0))
        if now - told_at < SILENT_SECONDS:
            self._told[kind] = told_at, since + 1
            return
        if len(self._told) >= _MOST_KINDS:
            self._told.clear()
        logger.error("scoring failed: %s (%d more since it was told last)", kind, since)
        self._told[kind] = now, 0


def _kind(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
