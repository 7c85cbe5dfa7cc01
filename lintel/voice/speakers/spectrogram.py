"""Mel spectrograms as the speaker encoder was trained on: power, 40 bands, frames of 25 ms every 10 ms."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.samples import SAMPLE_RATE, Samples

BANDS = 40
STEP = 160
"""Samples from frame to frame: 10 ms."""
_WINDOW = 400
_LINEAR_HZ, _LINEAR_BANDS, _LOG_STEP = 1_000.0, 15.0, np.log(6.4) / 27
"""Slaney's mel scale: linear to 1 kHz (15 mel), then 27 mel for a factor of 6.4."""


def mel_spectrogram(samples: Samples) -> NDArray[np.float32]:
    """Shape (1 + samples // STEP, BANDS). Frames are centred on their times, with silence beyond both ends.

    Equal to ``librosa.feature.melspectrogram(y, sr=16000, n_fft=400, hop_length=160, n_mels=40)``, transposed: a
    periodic Hann window, squared magnitudes, Slaney's scale with bands of equal area.
    """
    padded = np.pad(samples, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::STEP]
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return (power @ _filters()).astype(np.float32)


@cache
def _filters() -> NDArray[np.float64]:
    """Triangles, shape (frequencies, BANDS), each of area 1 over its width in Hz."""
    edges = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), BANDS + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)[:, None]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


def _mel(hertz: float) -> float:
    return _LINEAR_BANDS + float(np.log(hertz / _LINEAR_HZ)) / float(_LOG_STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * _LINEAR_HZ / _LINEAR_BANDS
    return np.where(mel < _LINEAR_BANDS, linear, _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_BANDS)))
