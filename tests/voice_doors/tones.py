"""Speech that a test can spell: every word is a tone of its own, and an engine that reads the tones again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lintel.voice.activity.detector import FRAME
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcript import Word
from lintel.voice.transcription.engine import Hypothesis, Window

_TONES = {"hello": 300, "yes": 400, "house": 520, "garden": 660}
VOCABULARY = _TONES | {"price": 820, "street": 1_000, "today": 1_250, "thanks.": 1_550}
"""Hz, all of which a telephone line carries."""
WORD_S, PAUSE_S = 0.24, 0.12
_LOUD = 0.02
_BLOCK = SAMPLE_RATE // 50


def spoken(words: Sequence[str], *, rate: int = SAMPLE_RATE, before: float = 0.5, after: float = 1.2) -> Samples:
    """The words one after the other, with silence around them."""
    pieces = [np.zeros(round(before * rate), np.float32)]
    time = np.arange(round(WORD_S * rate)) / rate
    for word in words:
        tone = 0.4 * np.sin(2 * np.pi * VOCABULARY[word] * time) * np.hanning(len(time)) ** 0.2
        pieces += [tone.astype(np.float32), np.zeros(round(PAUSE_S * rate), np.float32)]
    return np.concatenate([*pieces, np.zeros(round(after * rate), np.float32)])


class ToneDetector:
    """Hears a voice wherever it is loud."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) // FRAME
        self._rest = joined[whole * FRAME :]
        loud = np.abs(joined[: whole * FRAME].reshape(whole, FRAME)).max(axis=1, initial=0) > _LOUD
        return loud.astype(np.float32)


class ToneEngine:
    """Reads tones as words. `decoded` counts seconds of audio that it was given."""

    name, multilingual, window_seconds = "tones", False, 0.0

    def __init__(self) -> None:
        self.decoded = 0.0

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        self.decoded += sum(len(window.samples) for window in windows) / SAMPLE_RATE
        return [Hypothesis(tuple(_words(window.samples)), 0.0, -0.1, 1.0, language) for window in windows]


def _words(samples: Samples) -> list[Word]:
    blocks = len(samples) // _BLOCK
    loud = np.abs(samples[: blocks * _BLOCK].reshape(blocks, _BLOCK)).max(axis=1, initial=0) > _LOUD
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    bursts = zip(edges[::2] * _BLOCK, edges[1::2] * _BLOCK, strict=True)
    return [_word(samples, int(start), int(end)) for start, end in bursts if end - start > 0.6 * WORD_S * SAMPLE_RATE]


def _word(samples: Samples, start: int, end: int) -> Word:
    burst = samples[start:end]
    loudest = np.argmax(np.abs(np.fft.rfft(burst * np.hanning(len(burst)))))
    frequency = loudest * SAMPLE_RATE / len(burst)
    text = min(VOCABULARY, key=lambda word: abs(VOCABULARY[word] - frequency))
    return Word(text, start / SAMPLE_RATE, end / SAMPLE_RATE, 0.9)
