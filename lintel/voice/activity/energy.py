"""Voice by loudness alone, for machines without a model: the level of the voice band above the noise floor."""

import bisect
from collections import deque

import numpy as np
from numpy.typing import NDArray

from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.framing import Frames
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

_BAND_HZ = (150.0, 3_800.0)
_QUIETEST_DB = -70.0
"""Of full scale; the floor is never taken lower, lest after digital silence the noise of a line be loud."""
_FLOOR_S, _FLOOR_QUANTILE = 30.0, 0.2
"""The noise floor is what the level exceeded four fifths of the last 30 s."""
_FLOOR_FRAMES = round(_FLOOR_S * SAMPLE_RATE / FRAME)
_MIDDLE_DB, _WIDTH_DB = 12.0, 3.0
"""A frame so far above the floor is speech with probability one half; the width of the logistic curve around it."""
_SMOOTHED = 7
"""Frames whose mean level counts, this one and those before."""


class EnergyDetector:
    """Log energy of 150-3,800 Hz, averaged over 0.2 s, against a low quantile of its recent past. It cannot tell a
    voice from any other sound that comes and goes."""

    def __init__(self) -> None:
        self.reset()

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        frames = self._frames.take(samples)
        above = np.array([self._above_floor(float(level)) for level in _levels(frames)])
        return (1 / (1 + np.exp(-(above - _MIDDLE_DB) / _WIDTH_DB))).astype(np.float32)

    def reset(self) -> None:
        self._frames = Frames()
        self._smoothing: deque[float] = deque(maxlen=_SMOOTHED)
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def _above_floor(self, level: float) -> float:
        self._smoothing.append(level)
        smooth = sum(self._smoothing) / len(self._smoothing)
        self._recent.append(smooth)
        bisect.insort(self._sorted, smooth)
        if len(self._recent) > _FLOOR_FRAMES:
            del self._sorted[bisect.bisect_left(self._sorted, self._recent.popleft())]
        return smooth - self._sorted[int(_FLOOR_QUANTILE * (len(self._sorted) - 1))]


def _levels(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power of the voice band in dB of full scale, not below the quietest."""
    spectrum = np.fft.rfft(frames * np.hanning(FRAME), axis=1)
    low, high = (round(hertz * FRAME / SAMPLE_RATE) for hertz in _BAND_HZ)
    power = (np.abs(spectrum[:, low:high]) ** 2).sum(axis=1) * (2 / FRAME**2)
    return np.maximum(10 * np.log10(power + 1e-12), _QUIETEST_DB)
