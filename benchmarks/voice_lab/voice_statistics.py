"""What can be said of a voice without any trained network: the baselines of emotions."""

import numpy as np
from numpy.typing import NDArray

from lintel.voice.affect.prosody import pitches
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.speakers.spectrogram import STEP, mel_spectrogram

_SPOKEN_DB = -30.0
"""What is this far below the loudest frame is a pause."""

Floats = NDArray[np.float64]


def pitch_statistics(samples: Samples) -> Floats:
    """Of a clip, 18 numbers: of pitch (semitones above 1 Hz), of its steps and of loudness (dB) while somebody speaks
    each the mean, the deviation and three quantiles; the shares of time spoken and voiced, and seconds of speech."""
    steps = samples[: len(samples) // STEP * STEP].astype(np.float64).reshape(-1, STEP)
    loudness = 10 * np.log10(np.mean(steps**2, axis=1) + 1e-10)
    spoken = loudness > loudness.max() + _SPOKEN_DB
    pitch = 12 * np.log2(np.where(spoken, pitches(samples), np.nan))
    voiced = np.isfinite(pitch)
    moves = np.abs(np.diff(pitch))
    lasted = np.ptp(np.flatnonzero(spoken)) * STEP / SAMPLE_RATE
    shares = [spoken.mean(), voiced.mean(), lasted]
    return np.concatenate(
        [_summary(pitch[voiced]), _summary(moves[np.isfinite(moves)]), _summary(loudness[spoken]), shares]
    )


def mel_statistics(samples: Samples) -> Floats:
    """Mean and deviation of the logarithms of a clip's 40 mel bands: what is heard, without an encoder."""
    bands = np.log(mel_spectrogram(samples).astype(np.float64) + 1e-10)
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0)])


def _summary(values: Floats) -> Floats:
    """Zeros where there is nothing to sum up."""
    if not len(values):
        return np.zeros(5)
    return np.array([values.mean(), values.std(), *np.quantile(values, (0.1, 0.5, 0.9))])
