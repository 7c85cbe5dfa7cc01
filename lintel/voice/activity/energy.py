"""Voice by loudness alone, for machines without a model: the level of the voice band above the noise floor."""

import numpy as np
from numpy.typing import NDArray

from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.framing import Frames
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

_BAND_HZ = (150.0, 3_800.0)
_QUIETEST_DB = -70.0
"""Of full scale; the floor is never taken lower, lest after digital silence the noise of a line be loud."""
_RISE_DB_S = 2.0
"""How fast the noise floor may rise; it falls at once."""
_MIDDLE_DB, _WIDTH_DB = 12.0, 3.0
"""A frame so far above the floor is speech with probability one half; the width of the logistic curve around it."""
_SMOOTHED = 3
"""Frames whose mean level counts, this one and those before."""


class EnergyDetector:
    """Log energy of 150-3,800 Hz against a running minimum that may rise by 2 dB a second. It cannot tell a voice from
    any other sound that comes and goes."""

    def __init__(self) -> None:
        self.reset()

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        frames = self._frames.take(samples)
        if not len(frames):
            return np.zeros(0, np.float32)
        level = self._smoothed(_levels(frames))
        above = level - self._floor(level)
        return (1 / (1 + np.exp(-(above - _MIDDLE_DB) / _WIDTH_DB))).astype(np.float32)

    def reset(self) -> None:
        self._frames = Frames()
        self._seen = 0
        self._lowest = np.inf
        self._before: NDArray[np.float64] = np.zeros(0)

    def _smoothed(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        before = self._before if len(self._before) else np.full(_SMOOTHED - 1, level[0])
        history = np.concatenate((before, level))
        self._before = history[len(history) - _SMOOTHED + 1 :]
        return np.convolve(history, np.full(_SMOOTHED, 1 / _SMOOTHED), mode="valid")

    def _floor(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """min over all frames before of their level plus the rise since then: a running minimum in a rising frame of
        reference."""
        rise = _RISE_DB_S * FRAME / SAMPLE_RATE * (self._seen + np.arange(len(level)))
        lowest = np.minimum.accumulate(np.minimum(level - rise, self._lowest))
        self._seen += len(level)
        self._lowest = float(lowest[-1])
        return lowest + rise


def _levels(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power of the voice band in dB of full scale, not below the quietest."""
    spectrum = np.fft.rfft(frames * np.hanning(FRAME), axis=1)
    low, high = (round(hertz * FRAME / SAMPLE_RATE) for hertz in _BAND_HZ)
    power = (np.abs(spectrum[:, low:high]) ** 2).sum(axis=1) * (2 / FRAME**2)
    return np.maximum(10 * np.log10(power + 1e-12), _QUIETEST_DB)
