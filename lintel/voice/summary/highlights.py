"""The few sentences that say most of a conversation, as they were said.

A sentence weighs by the words it shares with others, by its length up to a point, and by how early it comes: what a
call is about is said at its beginning, after the greeting. Measured by `python -m benchmarks.summaries`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log1p, sqrt

from lintel.language.vocabulary import words
from lintel.voice.phrases import Spoken, plain
from lintel.voice.transcript import Turn

_EMPTY = words(
    "there yeah okay thanks thank please well hello right great good sure bye really just that this with have"
)
_SHORTEST = 4
"""Letters of a word that says something."""
_LONG = 18
"""Words beyond which a sentence gains nothing more by its length."""
_LENGTH, _EARLY = 0.75, 3.0
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words `first` to `last` (without) of a turn."""

    turn: int
    first: int
    last: int


def sentences(turns: Sequence[Turn]) -> Iterator[Sentence]:
    """All sentences in order; what has no full stop at a turn's end is one too."""
    for i, turn in enumerate(turns):
        done = 0
        for match in Spoken.of(turn.words).sentences():
            yield Sentence(i, match.first, match.last)
            done = match.last
        if done < len(turn.words):
            yield Sentence(i, done, len(turn.words))


def highlights(turns: Sequence[Turn], count: int) -> list[Sentence]:
    """The `count` weightiest sentences, in the order in which they were said."""
    every = list(sentences(turns))
    content = [_content(turns[one.turn], one) for one in every]
    shared = Counter(word for found in content for word in found)
    weights = [
        _weight(found, shared, one.last - one.first) + (_EARLY * (1 - i / len(every)) if found else 0.0)
        for i, (one, found) in enumerate(zip(every, content, strict=True))
    ]
    best = sorted(range(len(every)), key=lambda i: (-weights[i], i))[:count]
    return [every[i] for i in sorted(best)]


def _content(turn: Turn, sentence: Sentence) -> set[str]:
    spelled = (plain(word.text) for word in turn.words[sentence.first : sentence.last])
    return {word for word in spelled if len(word) >= _SHORTEST and word not in _EMPTY and _LETTERS.match(word)}


def _weight(content: set[str], shared: Counter[str], length: int) -> float:
    common = sum(log1p(shared[word] - 1) for word in content) / sqrt(max(len(content), 1))
    return common + _LENGTH * min(length, _LONG) / _LONG
