"""How a stretch of speech sounds: pitch, loudness, liveliness, syllables a second, pauses. Plain NumPy.

Pitch is the first strong peak of the autocorrelation of a windowed frame divided by the window's own (Boersma 1993);
syllables are peaks of loudness between dips, in voiced frames (de Jong and Wempe 2009).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.samples import SAMPLE_RATE, Samples

PITCH_HZ = (65.0, 400.0)
"""Lowest and highest pitch looked for."""
STEP_S = 0.01
_FRAME = round(0.06 * SAMPLE_RATE)
_STEP = round(STEP_S * SAMPLE_RATE)
_LAGS = round(SAMPLE_RATE / PITCH_HZ[1]), round(SAMPLE_RATE / PITCH_HZ[0])
_TRANSFORM = 2_048
_BLOCK = 2_000
"""Frames at a time: it bounds the memory."""
_VOICED = 0.5
"""Least autocorrelation of a voiced frame; white noise stays below .4."""
_EQUALLY_STRONG = 0.9
"""A shorter period nearly as strong as the strongest is the period; the strongest is then a multiple of it."""
_QUIETER_DB = 30.0
"""What is this far below the loudest is no speech."""
_SILENT_DB = -70.0
"""Of full scale. Below it nothing is measured."""
_DIP_DB = 2.0
_PAUSE_S = 0.15
_LEAST_VOICED_S = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prosody:
    """Of one stretch. What stands for voice is None where less than .3 s of it is voiced."""

    voiced_s: float
    pitch_hz: float | None
    """Median."""
    liveliness_semitones: float | None
    """Between the 10th and the 90th percentile of pitch."""
    level_db: float | None
    """Mean loudness of voiced frames, of full scale."""
    syllables_a_second: float | None
    """Between the first and the last sound, pauses included."""
    pause_share: float | None
    """Of the time between the first and the last sound, in pauses of at least .15 s."""


def prosody(samples: Samples) -> Prosody:
    """Of samples at 16 kHz, in a few milliseconds a second of sound."""
    level = _levels(samples)
    sounding = level > max(float(level.max(initial=-np.inf)) - _QUIETER_DB, _SILENT_DB)
    pitch = np.where(sounding, pitches(samples), np.nan)
    voiced = np.isfinite(pitch)
    voiced_s = float(voiced.sum() * STEP_S)
    if voiced_s < _LEAST_VOICED_S:
        return Prosody(voiced_s, None, None, None, None, None)
    first, last = np.flatnonzero(sounding)[[0, -1]]
    lasted = (last + 1 - first) * STEP_S
    low, middle, high = np.quantile(pitch[voiced], [0.1, 0.5, 0.9])
    return Prosody(
        voiced_s=voiced_s,
        pitch_hz=float(middle),
        liveliness_semitones=float(12 * np.log2(high / low)),
        level_db=float(level[voiced].mean()),
        syllables_a_second=_nuclei(level, voiced) / lasted,
        pause_share=_paused(sounding[first : last + 1]) / lasted,
    )


def pitches(samples: Samples) -> Floats:
    """Pitch of each step of 10 ms in Hz, NaN where nothing is voiced. Shape (samples // 160,)."""
    count = len(samples) // _STEP
    around = np.pad(samples.astype(np.float64), (_FRAME // 2, _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(around, _FRAME)[::_STEP][:count]
    blocks = [_pitch(frames[at : at + _BLOCK]) for at in range(0, count, _BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty(0)


def _pitch(frames: Floats) -> Floats:
    window = np.hanning(_FRAME)
    strength = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    strength = strength / _autocorrelation(window[None])
    shortest, longest = _LAGS
    inside = strength[:, shortest - 1 : longest + 2]
    peak = (inside[:, 1:-1] >= inside[:, :-2]) & (inside[:, 1:-1] > inside[:, 2:])
    height = np.where(peak, inside[:, 1:-1], 0.0)
    strongest = height.max(axis=1)
    first = (height >= _EQUALLY_STRONG * strongest[:, None]).argmax(axis=1)
    rows = np.arange(len(frames))
    before, at, after = (inside[rows, first + shift] for shift in range(3))
    bend = np.minimum(before - 2 * at + after, -1e-12)
    lag = first + shortest + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return np.where(strongest >= _VOICED, SAMPLE_RATE / lag, np.nan)


def _autocorrelation(frames: Floats) -> Floats:
    """At lags up to one past the longest, 1 at lag 0. Shape (frames, lags)."""
    power = np.abs(np.fft.rfft(frames, _TRANSFORM)) ** 2
    whole = np.fft.irfft(power)
    result: Floats = whole[:, : _LAGS[1] + 2] / np.maximum(whole[:, :1], 1e-12)
    return result


def _levels(samples: Samples) -> Floats:
    """Loudness of each step over 40 ms about it, dB of full scale."""
    count = len(samples) // _STEP
    squares = samples[: count * _STEP].astype(np.float64).reshape(count, _STEP) ** 2
    power = squares.mean(axis=1)
    smooth = np.convolve(power, np.full(4, 0.25))[1 : count + 1] if count else power
    result: Floats = 10 * np.log10(np.maximum(smooth, 1e-12))
    return result


def _nuclei(level: Floats, voiced: NDArray[np.bool_]) -> int:
    """Peaks of loudness in voiced steps, with a dip of 2 dB between each and the next."""
    count, peak, dip, rising = 0, -np.inf, np.inf, True
    for height, has_voice in zip(level.tolist(), voiced.tolist(), strict=True):
        if rising:
            peak = max(peak, height) if has_voice else peak
            if height < peak - _DIP_DB:
                count, dip, rising = count + 1, height, False
        else:
            dip = min(dip, height)
            if has_voice and height > dip + _DIP_DB:
                peak, rising = height, True
    return count + int(rising and peak > -np.inf)


def _paused(sounding: NDArray[np.bool_]) -> float:
    """Seconds in stretches without sound of at least .15 s."""
    return sum(stretch for stretch in _silences(sounding) if stretch >= _PAUSE_S - STEP_S / 2)


def _silences(sounding: NDArray[np.bool_]) -> Iterator[float]:
    edges = np.flatnonzero(np.diff(np.concatenate(([True], sounding, [True])).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        yield float(end - start) * STEP_S
