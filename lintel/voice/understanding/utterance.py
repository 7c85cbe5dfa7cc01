"""A turn as text that rules can read, and the way back from its characters to the words and their times."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from lintel.voice.transcript import AGENT, Turn, Word, joined

LONGEST = 20_000
"""Characters of a turn that are read; what comes after them is not."""
_PAUSE_SECONDS = 1.0
_CLAUSE_WORDS = 30
_ENDS = re.compile(r"[.!?;]+[\"')]*(?=\s|$)")
_CONTRAST = re.compile(r",? \b(?:but|however|although|though|because)\b|, (?:and|so) (?=(?:i|we|you|they|it|that)\b)")
_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|st|ft|sq|no|apt|ave|blvd)\.$")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of an utterance."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quote:
    """Whole words of a turn and when they were said, in seconds of the call."""

    quote: str
    start: float
    end: float


class Utterance:
    """A turn's text. `plain` is in lower case with straight apostrophes, character for character as `text`."""

    def __init__(self, turn: Turn) -> None:
        self.speaker = turn.speaker
        self.words = _readable(turn.words)
        self.cut = len(self.words) < len(turn.words)
        self.text = joined(self.words)
        self.plain = "".join(_lower(character) for character in self.text)
        self._starts: list[int] = []
        position = 0
        for word in self.words:
            self._starts.append(position)
            position += len(word.text) + 1

    @property
    def by_agent(self) -> bool:
        return self.speaker == AGENT

    def quote(self, span: Span) -> Quote:
        """The words that a span touches; at least one."""
        first = max(0, bisect_right(self._starts, span.start) - 1)
        last = max(first, bisect_left(self._starts, span.end) - 1)
        start = self._starts[first]
        text = self.text[start : self._starts[last] + len(self.words[last].text)]
        return Quote(text, self.words[first].start, self.words[last].end)

    @cached_property
    def clauses(self) -> tuple[Span, ...]:
        """Stretches between sentence ends, contrasts and pauses of a second, of at most 30 words, without the spaces
        around them."""
        cuts = sorted({0, *self._sentence_ends(), *self._contrasts(), *self._pauses(), len(self.text)})
        spans = [_stripped(self.text, start, end) for start, end in pairwise(cuts)]
        return tuple(part for span in spans if span.end > span.start for part in self._short(span))

    def clause(self, position: int) -> Span:
        """The clause at or before a character."""
        at = bisect_right(self.clauses, position, key=lambda span: span.start)
        return self.clauses[max(0, at - 1)]

    def _sentence_ends(self) -> list[int]:
        return [m.end() for m in _ENDS.finditer(self.plain) if not _ABBREVIATION.search(self.plain[: m.end()][-6:])]

    def _contrasts(self) -> list[int]:
        return [match.start() for match in _CONTRAST.finditer(self.plain)]

    def _pauses(self) -> list[int]:
        pairs = zip(self.words, self.words[1:], self._starts[1:], strict=False)
        return [start for before, after, start in pairs if after.start - before.end >= _PAUSE_SECONDS]

    def _short(self, span: Span) -> list[Span]:
        first = bisect_left(self._starts, span.start)
        inside = self._starts[first : bisect_left(self._starts, span.end)]
        cuts = [span.start, *inside[_CLAUSE_WORDS::_CLAUSE_WORDS], span.end]
        return [_stripped(self.text, start, end) for start, end in pairwise(cuts)]


def _readable(words: Sequence[Word]) -> tuple[Word, ...]:
    length, kept = 0, []
    for word in words:
        length += len(word.text) + 1
        if length > LONGEST + 1:
            break
        kept.append(word)
    return tuple(kept)


def _lower(character: str) -> str:
    lower = "'" if character == "’" else character.lower()
    return lower if len(lower) == 1 else character


def _stripped(text: str, start: int, end: int) -> Span:
    while start < end and text[start] in " ,":
        start += 1
    while end > start and text[end - 1] == " ":
        end -= 1
    return Span(start, end)
