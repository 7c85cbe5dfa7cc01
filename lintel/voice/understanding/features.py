"""What a trained classifier sees of a turn: sentence embeddings and hashed words of it and of the turns before it."""

import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lintel.language.sentiment import sentiment
from lintel.voice.transcript import AGENT, Turn

VERSION = 1
BUCKETS = 1 << 15
DENSE = 2 * 384 + 8
_BEFORE_WEIGHT = 0.5
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d[\d,.]*k?|\$|[!?]+|\.\.\.")
_LONGEST = 2_000
"""Characters of a turn that a classifier reads."""


class Embeds(Protocol):
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, 384), rows of unit length."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """A turn, or a clause of it, as a classifier reads it. `before` is the text of the turn before ("" for none), `own`
    what the same speaker said last."""

    text: str
    before: str = ""
    own: str = ""
    by_agent: bool = False
    first: bool = False

    @classmethod
    def of(cls, text: str, speaker: str, before: Sequence[Turn]) -> "Sample":
        last = next((turn.text for turn in reversed(before[-1:])), "")
        own = next((turn.text for turn in reversed(before[-4:]) if turn.speaker == speaker), "")
        return cls(text[:_LONGEST], last[-_LONGEST:], own[-_LONGEST:], speaker == AGENT, not before)


def dense(samples: Sequence[Sample], embedder: Embeds) -> NDArray[np.float32]:
    """Shape (samples, DENSE): embedding, half the embedding of the turn before, eight plain numbers."""
    befores = sorted({sample.before for sample in samples if sample.before})
    known = dict(zip(befores, embedder.embed(befores), strict=True)) if befores else {}
    nothing = np.zeros(384, np.float32)
    before = np.array([known.get(sample.before, nothing) for sample in samples], np.float32).reshape(-1, 384)
    texts = embedder.embed([sample.text for sample in samples]).reshape(-1, 384)
    plain = np.array([_plain(sample) for sample in samples], np.float32).reshape(-1, DENSE - 2 * 384)
    return np.hstack([texts, _BEFORE_WEIGHT * before, plain])


def _plain(sample: Sample) -> list[float]:
    words = _words(sample.text)
    text = sample.text
    return [
        float("!" in text),
        float("?" in text),
        float("..." in text),
        min(len(words), 30) / 30,
        sentiment(words),
        float(sample.by_agent),
        float(sample.first),
        float(any(character.isdigit() for character in text)),
    ]


def hashed(samples: Sequence[Sample]) -> Any:
    """A sparse matrix (samples, BUCKETS): 1 + log counts of words, pairs of words and stretches of words, by CRC-32."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for sample in samples:
        counts = Counter(zlib.crc32(name.encode()) % BUCKETS for name in _names(sample))
        columns += counts.keys()
        values += (1.0 + float(np.log(count)) for count in counts.values())
        ends.append(len(columns))
    return csr_matrix((np.array(values, np.float32), columns, ends), shape=(len(samples), BUCKETS))


def _names(sample: Sample) -> Iterator[str]:
    words = _words(sample.text)
    yield from _grams(words, "t")
    yield from (f"{'a' if sample.by_agent else 'l'} {word}" for word in words)
    yield from (f"start {' '.join(words[:n])}" for n in (1, 2))
    yield from _stretches(words)
    yield from _grams(_words(sample.before), "b")
    yield from (f"o {word}" for word in _words(sample.own))


def _grams(words: Sequence[str], prefix: str) -> Iterator[str]:
    yield from (f"{prefix} {word}" for word in words)
    yield from (f"{prefix} {first} {second}" for first, second in itertools.pairwise(words))


def _stretches(words: Sequence[str]) -> Iterator[str]:
    """Four letters at a time of longer words, so that forms and misspellings of a word are alike."""
    for word in words:
        whole = f"<{word}>"
        if len(whole) > 6:
            yield from (f"c {whole[i : i + 4]}" for i in range(len(whole) - 3))


def _words(text: str) -> list[str]:
    """Words in lower case, any number as 0."""
    return ["0" if word[0].isdigit() else word.lower().replace("’", "'") for word in _WORD.findall(text)]
