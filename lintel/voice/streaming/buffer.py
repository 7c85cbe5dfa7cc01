"""Samples of one stretch of speech, added at the end and cut at the beginning."""

import numpy as np

from lintel.voice.audio.samples import SAMPLE_RATE, Samples


class OpenBuffer:
    """Holds the samples from `start` to `end`, seconds of the stream.

    What `until` returned stays as it is whatever is added or cut later: another thread may read it without a copy.
    """

    def __init__(self, start: float) -> None:
        self._origin = start
        self._first = 0  # of the kept samples, counted from the origin
        self._count = 0
        self._room = np.zeros(SAMPLE_RATE, dtype=np.float32)

    @property
    def start(self) -> float:
        return self._origin + self._first / SAMPLE_RATE

    @property
    def end(self) -> float:
        return self._origin + (self._first + self._count) / SAMPLE_RATE

    @property
    def seconds(self) -> float:
        return self._count / SAMPLE_RATE

    @property
    def held_bytes(self) -> int:
        """Memory taken, room to grow included."""
        return self._room.nbytes

    def add(self, samples: Samples) -> None:
        needed = self._count + len(samples)
        if needed > len(self._room):
            room = np.zeros(2 * needed, dtype=np.float32)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : needed] = samples
        self._count = needed

    def until(self, time: float) -> Samples:
        """Everything kept before `time`."""
        return self._room[: min(max(self._place(time), 0), self._count)]

    def cut(self, time: float) -> None:
        """Forget everything before `time`."""
        gone = min(max(self._place(time), 0), self._count)
        kept = self._room[gone : self._count]
        self._room = np.zeros(2 * len(kept) + SAMPLE_RATE, dtype=np.float32)
        self._room[: len(kept)] = kept
        self._first += gone
        self._count = len(kept)

    def _place(self, time: float) -> int:
        return round((time - self._origin) * SAMPLE_RATE) - self._first
