"""The prediction log of one worker: a recorder and the thread that flushes it."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from lintel.settings import Settings
from lintel.store.prediction import Prediction
from lintel.store.tally import open_tally
from serving.prediction_log.backlog import Backlog
from serving.prediction_log.recorder import Counters, Recorder
from serving.prediction_log.segment_writer import SegmentWriter

SEGMENT_BYTES = 16_000_000
SEGMENT_AGE = timedelta(seconds=60)
CLOSE_SECONDS = 10.0
"""How long a stop waits for the disk."""
LONGEST_PAUSE_SECONDS = 30.0
_DOUBLINGS = 16  # more than any pause needs

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class PredictionLog:
    """Keeps every answer that is put into it, on a thread of its own, until `close`.

    Parameters
    ----------
    folder: of the segments of all workers; it is made when the first answer is written.
    max_rows, max_bytes: of encoded answers that wait for the disk; what comes on top is dropped and counted.
    flush_seconds: how long an answer waits at most, while the disk is well.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_rows: int,
        max_bytes: int,
        flush_seconds: float,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age: timedelta = SEGMENT_AGE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        worker = f"{os.getpid()}-{now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        writer = SegmentWriter(
            folder, worker, flush_seconds=flush_seconds, max_bytes=segment_bytes, max_age=segment_age
        )
        self._recorder = Recorder(Backlog(max_rows, max_bytes), writer, open_tally(folder, worker))
        self._flush_seconds, self._now = flush_seconds, now
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The log of this process, as the settings say. Nothing can fail here: a disk that is full or gone costs
        answers in the log, counted, and no answer to a caller."""
        return cls(
            settings.prediction_segments_path,
            max_rows=settings.prediction_log_max_rows,
            max_bytes=settings.prediction_log_max_bytes,
            flush_seconds=settings.prediction_log_flush_seconds,
        )

    def put(self, predictions: Iterable[Prediction]) -> None:
        """Log answers. Never waits for a disk and never raises; from any thread, the event loop's too."""
        if self._recorder.put(predictions):
            self._wake.set()

    def counters(self) -> Counters:
        """What became of the answers so far; for metrics."""
        return self._recorder.counters()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> bool:
        """Write everything and end the thread. Whether all is written; if the disk does not take it in time, the loss
        is told to the program's log and, by the compaction, to readers of the lake."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_seconds)
        waiting = self.counters().waiting_rows
        if waiting:
            logger.error("The prediction log could not write its last %d answers.", waiting)
        return not waiting and not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            self._wake.wait(self._flush_seconds)
            self._wake.clear()
            failures = 0 if self._flushed(failures) else failures + 1
            if failures:
                self._closing.wait(pause_seconds(failures, self._flush_seconds))
        self._finish()

    def _flushed(self, failures: int) -> bool:
        try:
            self._recorder.flush(self._now())
        except (OSError, MemoryError) as error:
            self._recorder.failed()
            if not failures:  # once an outage
                logger.error("The prediction log cannot write (%s); it keeps what it has room for.", _why(error))
            return False
        if failures:
            logger.warning("The prediction log can write again after %d attempts.", failures)
        return True

    def _finish(self) -> None:
        try:
            self._recorder.finish(self._now())
        except (OSError, MemoryError) as error:
            logger.error("The prediction log could not be closed in order (%s).", _why(error))


def pause_seconds(failures: int, flush_seconds: float) -> float:
    """How long to wait after so many flushes in a row that failed: twice as long each time, up to half a minute."""
    return min(LONGEST_PAUSE_SECONDS, flush_seconds * 2.0 ** min(failures - 1, _DOUBLINGS))


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
