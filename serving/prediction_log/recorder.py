"""From answers to frames: what happens in `put` and what happens at a flush, without a thread or a clock of its own."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from lintel.store.prediction import Prediction
from lintel.store.segments import encoded_batch
from lintel.store.tally import Tally
from serving.prediction_log.backlog import Backlog, Load
from serving.prediction_log.segment_writer import SegmentWriter

FRAME_BYTES = 1_000_000
"""Encoded answers in one frame, at most; so many waiting are worth a flush before its time."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the answers so far. offered = written + dropped + waiting."""

    offered: int
    written: int
    dropped: Mapping[str, int]
    waiting_rows: int
    waiting_bytes: int
    write_failures: int


class Recorder:
    """The log of one worker. `put` may be called from any thread, the rest from one.

    Parameters
    ----------
    tally: None where no memory outlives the process; what a killed worker had not written is then not counted.
    """

    def __init__(self, backlog: Backlog, writer: SegmentWriter, tally: Tally | None) -> None:
        self._backlog, self._writer, self._tally = backlog, writer, tally
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder(enc_hook=_plain).encode
        self._load: Load | None = None
        self._offered = self._accounted = self._written = self._failures = 0
        self._dropped: dict[str, int] = {}
        self._finished = False

    def put(self, predictions: Iterable[Prediction]) -> bool:
        """Keep answers for the next flush; never waits for a disk. Whether so many wait that a flush is due."""
        encoded = [(self._row(one), one.answered_at) for one in predictions]
        with self._lock:
            for row, at in encoded:
                self._offer(row, at)
            if self._tally is not None and encoded:
                self._tally.offered(self._offered, encoded[-1][1])
            return self._backlog.bytes >= FRAME_BYTES

    def flush(self, now: datetime) -> None:
        """Write what waits. Raises OSError if the disk does not take it: it waits on, and is written once.

        A load that failed is tried again as it is, so that nothing is written twice or passed over.
        """
        while (load := self._load or self._take()) is not None:
            self._load = load
            self._write(load, now)
        if self._writer.is_due(now):
            self._writer.close(self._accounted)

    def finish(self, now: datetime) -> None:
        """Take no more, write what waits and close the segment. Raises OSError; what was not written then is counted
        by the tally, which stays."""
        with self._lock:
            self._finished = True
        try:
            self.flush(now)
            self._writer.close(self._accounted)
        finally:
            self._writer.abandon()
            self._close_tally()

    def failed(self) -> None:
        """Count a flush that the disk did not take."""
        self._failures += 1

    def counters(self) -> Counters:
        with self._lock:
            waiting = self._backlog.rows, self._backlog.bytes
            return Counters(self._offered, self._written, dict(self._dropped), *waiting, self._failures)

    def _row(self, prediction: Prediction) -> bytes | None:
        try:
            return self._encode(prediction)
        except (TypeError, ValueError, OverflowError):  # a field of another type than it says
            return None

    def _offer(self, row: bytes | None, at: int) -> None:
        self._offered += 1
        if self._finished:
            self._drop("closed", at)
        elif row is None:
            self._drop("not_encodable", at)
        elif not self._backlog.offer(row, at):
            self._drop("backlog_full", at)

    def _drop(self, reason: str, at: int) -> None:
        self._backlog.drop(reason, at)
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _take(self) -> Load | None:
        with self._lock:
            return self._backlog.take(FRAME_BYTES)

    def _write(self, load: Load, now: datetime) -> None:
        accounted = self._accounted + load.answers
        if self._writer.is_due(now):
            self._writer.close(self._accounted)
        self._writer.append(encoded_batch(load.rows, load.losses, accounted), now, accounted=self._accounted)
        self._accounted = accounted
        if self._tally is not None:
            self._tally.accounted(accounted, load.last_at)
        with self._lock:
            self._backlog.settle(load)
            self._written += len(load.rows)
            self._load = None

    def _close_tally(self) -> None:
        with self._lock:
            if self._tally is not None:
                self._tally.close()
                self._tally = None


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's own."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no number")
