"""A long track of read sentences with pauses between them, in which it is known where speech is."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech_data import Utterance as Published
from benchmarks.speech_data import librispeech
from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.endpointing import FRAME_S
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

LEVEL_DB = -26.0
"""Of full scale: mean power of speech, and how far single speakers are from it (uniform)."""
SPREAD_DB = 6.0
PAUSES_S = (1.5, 20.0)
"""Shortest and longest pause between sentences; their logarithm is uniform."""

_BELOW_LOUD_DB, _ABOVE_FLOOR_DB = 35.0, 10.0
_BRIDGED_FRAMES = 6
"""Stops and closures inside a word are speech: gaps of up to 0.19 s."""


@dataclass(frozen=True)
class Clip:
    """A published sentence at LEVEL_DB, its reader, whether each frame of the clean clip is speech, and its words."""

    speaker: str
    samples: Samples
    voiced: NDArray[np.bool_]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Utterance:
    """Times in the track, seconds: of the first and last speech, and the middle of every word."""

    start: float
    end: float
    words: NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    samples: Samples
    voiced: NDArray[np.bool_]
    utterances: tuple[Utterance, ...]


def sentences(folder: Path) -> list[Clip]:
    """The clips of `librispeech_test_other` in a mirror, in the order of their ids."""
    return [_clip(one) for one in sorted(librispeech(folder), key=lambda one: one.id)]


def composed(clips: list[Clip], minutes: float, random: np.random.Generator) -> Track:
    """Clips in random order, as often as needed, each after a pause, until the track is as long as asked."""
    pieces: list[Samples] = []
    voiced: list[NDArray[np.bool_]] = []
    utterances: list[Utterance] = []
    frames = 0
    while frames * FRAME_S < minutes * 60:
        for number in random.permutation(len(clips)):
            pause = round(float(np.exp(random.uniform(*np.log(PAUSES_S)))) / FRAME_S)
            frames += pause
            clip, gain = clips[number], 10 ** (random.uniform(-SPREAD_DB, SPREAD_DB) / 20)
            pieces += [np.zeros(pause * FRAME, np.float32), clip.samples * np.float32(gain)]
            voiced += [np.zeros(pause, bool), clip.voiced]
            utterances.append(_utterance(clip, frames * FRAME_S))
            frames += len(clip.voiced)
            if frames * FRAME_S >= minutes * 60:
                break
    return Track(np.concatenate(pieces), np.concatenate(voiced), tuple(utterances))


def noise(sources: list[Samples], length: int, random: np.random.Generator) -> Samples:
    """Pieces of noises in random order, each at the same power, together of `length` samples and power 1."""
    pieces: list[Samples] = []
    have = 0
    while have < length:
        for number in random.permutation(len(sources)):
            piece = np.roll(sources[number], int(random.integers(len(sources[number]))))
            pieces.append(piece / np.sqrt(np.mean(piece**2)))
            have += len(piece)
    return np.concatenate(pieces)[:length]


def mixed(track: Track, noise: Samples, ratio_db: float) -> Samples:
    """The track with noise `ratio_db` below its mean speech; what exceeds full scale is cut."""
    level = 10 ** ((LEVEL_DB - ratio_db) / 20)
    return np.clip(track.samples + np.float32(level) * noise, -1, 1).astype(np.float32)


def _clip(published: Published) -> Clip:
    whole = published.samples[: len(published.samples) // FRAME * FRAME]
    frames = whole.reshape(-1, FRAME)
    voiced = _voiced(frames)
    power = float(np.mean(frames[voiced] ** 2))
    level = np.float32(10 ** (LEVEL_DB / 20) / np.sqrt(power))
    return Clip(published.speaker, whole * level, voiced, tuple(published.text.split()))


def _voiced(frames: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Frames of a clean clip within 35 dB of its loud ones and 10 dB above its quiet ones, short gaps bridged."""
    level = 10 * np.log10((frames.astype(float) ** 2).mean(axis=1) + 1e-12)
    quiet, loud = np.quantile(level, (0.05, 0.95))
    voiced = level >= max(loud - _BELOW_LOUD_DB, quiet + _ABOVE_FLOOR_DB)
    at = np.flatnonzero(voiced)
    for before, after in pairwise(at):
        if after - before - 1 <= _BRIDGED_FRAMES:
            voiced[before:after] = True
    return voiced


def _utterance(clip: Clip, begin_s: float) -> Utterance:
    """Words are laid over the clip's speech in proportion to their letters: no published times exist for them."""
    speech = np.flatnonzero(clip.voiced)
    letters = np.array([len(word) + 1 for word in clip.words])
    middles = (np.cumsum(letters) - letters / 2) / letters.sum()
    words = begin_s + (speech[(middles * len(speech)).astype(int)] + 0.5) * FRAME_S
    return Utterance(begin_s + speech[0] * FRAME_S, begin_s + (speech[-1] + 1) * FRAME_S, words)


def seconds(track: Track) -> float:
    return len(track.samples) / SAMPLE_RATE
