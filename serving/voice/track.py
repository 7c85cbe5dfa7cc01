"""One speaker's audio as a network brings it: frames with times in, stretches at 16 kHz with times out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.resampling import Resampler
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

TOLERANCE_SECONDS = 0.06
"""How far a frame's time may lie from where the samples before it end: senders round to their own frames."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples at 16 kHz; `at` is the time of the first, in seconds on the call's clock."""

    samples: Samples
    at: float


class Track:
    """Keeps the time true: samples that follow one another are resampled as one stream, and a jump begins another."""

    def __init__(self, rate: int) -> None:
        """Raises InputError for a rate (Hz) that is none."""
        self._rate = rate
        self._resampler = Resampler(rate)
        self._began: float | None = None
        self._taken = 0
        self._given = 0

    def push(self, samples: NDArray[np.int16], at: float) -> list[Stretch]:
        """What is complete now: usually one stretch, two where the time jumped, none while the filter fills."""
        ended = [] if self._follows(at) else self.flush()
        if self._began is None:
            self._began = at
        self._taken += len(samples)
        return ended + self._stretch(self._resampler.push(samples))

    def flush(self) -> list[Stretch]:
        """What the filter held back. The next frame begins a new stream."""
        rest = self._stretch(self._resampler.flush()) if self._began is not None else []
        self._began, self._taken, self._given = None, 0, 0
        return rest

    def _follows(self, at: float) -> bool:
        return self._began is None or abs(at - self._began - self._taken / self._rate) <= TOLERANCE_SECONDS

    def _stretch(self, samples: Samples) -> list[Stretch]:
        if self._began is None or not len(samples):
            return []
        at = self._began + self._given / SAMPLE_RATE
        self._given += len(samples)
        return [Stretch(samples, at)]
