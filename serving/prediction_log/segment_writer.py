"""Appends frames to the segment files of one worker, a new file when one is large or old enough."""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lintel.events.moments import to_microseconds
from lintel.store.segments import FORMAT, Closing, Opening, encoded, locked_file, segment_name


class SegmentWriter:
    """For one thread. Nothing is open before the first frame.

    Parameters
    ----------
    worker: names the worker among all that ever write to the folder.
    max_bytes, max_age: a segment that has either is closed, so that the compaction can have it.
    """

    def __init__(self, folder: Path, worker: str, *, flush_seconds: float, max_bytes: int, max_age: timedelta) -> None:
        self._folder, self._worker, self._flush_seconds = folder, worker, flush_seconds
        self._max_bytes, self._max_age = max_bytes, max_age
        self._open: _OpenSegment | None = None
        self._number = 0

    def append(self, frame: bytes, now: datetime, *, accounted: int) -> None:
        """Write a frame whole; `accounted` answers came before it. Raises OSError: no reader sees any of it then."""
        if self._open is None or self._open.failed:  # another file may have the room that this one has not
            self._begin(now, accounted)
        if self._open is not None:
            self._open.write(frame)

    def is_due(self, now: datetime) -> bool:
        """Whether the open segment is to be closed; one that failed is left for the next one instead."""
        segment = self._open
        if segment is None or segment.failed:
            return False
        return segment.size >= self._max_bytes or now - segment.opened_at >= self._max_age

    def close(self, accounted: int) -> None:
        """End the open segment in order and see it on the disk. Raises OSError; the segment stays open then."""
        if self._open is not None:
            self._open.end(accounted)
            self.abandon()

    def abandon(self) -> None:
        """Let the open segment go as it is."""
        if self._open is not None:
            os.close(self._open.descriptor)
            self._open = None

    def _begin(self, now: datetime, accounted: int) -> None:
        """Open a segment. The lock of the one before is let go only then: it is no dead worker's last."""
        self._folder.mkdir(parents=True, exist_ok=True)
        number = self._number + 1
        path = self._folder / segment_name(self._worker, number, now)
        segment = _OpenSegment(locked_file(path), now)
        try:
            segment.write(encoded(Opening(FORMAT, to_microseconds(now), self._flush_seconds, accounted)))
        except OSError:
            path.unlink(missing_ok=True)
            os.close(segment.descriptor)
            raise
        self.abandon()
        self._open, self._number = segment, number


@dataclass(slots=True)
class _OpenSegment:
    descriptor: int
    opened_at: datetime
    size: int = 0
    failed: bool = False

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError:
            self.failed = True
            with contextlib.suppress(OSError):  # a reader passes over half a frame, too
                os.ftruncate(self.descriptor, self.size)
                os.lseek(self.descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def end(self, accounted: int) -> None:
        self.write(encoded(Closing(accounted)))
        try:
            os.fsync(self.descriptor)
        except OSError:
            self.failed = True
            raise
