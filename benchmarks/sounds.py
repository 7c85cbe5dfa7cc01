"""Sounds in which nobody speaks, made here: what a transcription must stay silent about. Mono, 16 kHz."""

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.samples import SAMPLE_RATE, Samples

_BEAT_S = 0.3
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""Semitones over A3: I, vi, IV, V."""


def nobody_speaking(seconds: float, rng: np.random.Generator) -> dict[str, Samples]:
    """Each kind of them by its name, `seconds` long."""
    return {
        "silence": silence(seconds),
        "white noise, -60 dB": noise(seconds, rng, slope=0, peak=0.001),
        "white noise, -20 dB": noise(seconds, rng, slope=0, peak=0.1),
        "pink noise, -20 dB": noise(seconds, rng, slope=1, peak=0.1),
        "brown noise, -6 dB": noise(seconds, rng, slope=2, peak=0.5),
        "music": music(seconds, rng),
    }


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def noise(seconds: float, rng: np.random.Generator, *, slope: float, peak: float) -> Samples:
    """Noise whose power falls as frequency ** -`slope`: 0 is white, 1 pink, 2 brown."""
    length = round(seconds * SAMPLE_RATE)
    bins = np.arange(length // 2 + 1)
    spectrum = (rng.normal(size=len(bins)) + 1j * rng.normal(size=len(bins))) / np.maximum(bins, 1) ** (slope / 2)
    return _scaled(np.fft.irfft(spectrum, length), peak)


def music(seconds: float, rng: np.random.Generator, *, peak: float = 0.4) -> Samples:
    """A band without a singer: plucked chords, a melody, a bass and a drum, around a beat of 0.3 s."""
    length = round(seconds * SAMPLE_RATE)
    sound = np.zeros(length + SAMPLE_RATE)
    for beat in range(int(seconds / _BEAT_S)):
        at = round(beat * _BEAT_S * SAMPLE_RATE)
        chord = _CHORDS[beat // 8 % len(_CHORDS)]
        sound[at : at + SAMPLE_RATE] += _plucked(chord[beat % 3], 1.0) + 0.7 * _plucked(chord[0] - 24, 0.8)
        if rng.random() < 0.6:
            sound[at : at + SAMPLE_RATE] += 0.8 * _plucked(int(rng.choice(chord)) + 12, 0.6)
        if beat % 2:
            sound[at : at + SAMPLE_RATE] += 0.3 * rng.normal(size=SAMPLE_RATE) * _decay(0.03)
    return _scaled(sound[:length], peak)


def _plucked(semitones: int, ring: float) -> NDArray[np.float64]:
    """A second of a string: eight harmonics, the higher ones weaker and sooner gone."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    frequency = 220 * 2 ** (semitones / 12)
    partials = (np.sin(2 * np.pi * frequency * n * times) / n * _decay(ring / (2 * n)) for n in range(1, 9))
    return sum(partials, np.zeros(SAMPLE_RATE))


def _decay(seconds: float) -> NDArray[np.float64]:
    return np.exp(-np.arange(SAMPLE_RATE) / SAMPLE_RATE / seconds)


def _scaled(sound: NDArray[np.float64], peak: float) -> Samples:
    return (sound * (peak / np.abs(sound).max(initial=1e-9))).astype(np.float32)
