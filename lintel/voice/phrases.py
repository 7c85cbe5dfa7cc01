"""Phrases as people write them, found in spoken words, with the words that matched.

Plain words; `(a|b c)` one of several; `[a]` may be left out; `*` up to two
words of any kind. Case and punctuation do not matter; a phrase never reaches over the end of a sentence.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lintel.voice.transcript import Word

_TOKEN = re.compile(r"[()|\[\]*]|[^\s()|\[\]*]+")
_MARKS = {"(": "(?:", ")": ")", "|": "|", "[": "(?:", "]": ")?", "*": r"(?:[^\s.]+ ){0,2}"}
_EDGES = re.compile(r"^[^\w$]+|[^\w%]+$")
_CLOSING = {"(": ")", "[": "]"}
_ENDS = (".", "?", "!")
_TITLES = frozenset({"mr.", "mrs.", "ms.", "dr."})
"""Their full stop ends no sentence."""
LONGEST = 2_000
"""Characters of one phrase, its word lists written out."""
_WILDCARDS = 3
"""More `*` than this in one phrase would match almost anything, and slowly."""


class PhraseError(ValueError):
    """A phrase that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Match:
    """Words from `first` up to and without `last`."""

    first: int
    last: int


@dataclass(frozen=True)
class Spoken:
    """Words as they are matched: "We can't, really." reads "we can't really . "."""

    words: tuple[Word, ...]
    text: str
    starts: tuple[int, ...]
    """Where each word begins in `text`."""

    @classmethod
    def of(cls, words: Sequence[Word]) -> "Spoken":
        parts: list[str] = []
        starts: list[int] = []
        position = 0
        for word in words:
            starts.append(position)
            part = _spelled(word.text) + (" . " if _ends(word.text) else " ")
            parts.append(part)
            position += len(part)
        return cls(tuple(words), "".join(parts), tuple(starts))

    def quote(self, match: Match) -> str:
        return " ".join(word.text for word in self.words[match.first : match.last])

    def sentence(self, match: Match) -> Match:
        """The sentence around a match."""
        begin = self.text.rfind(". ", 0, self.starts[match.first]) + 1
        end = self.text.find(". ", max(self._end(match) - 2, 0))
        return self._between(begin, len(self.text) if end < 0 else end)

    def sentences(self) -> Iterator[Match]:
        """Sentences that are complete: those after which a full stop, a question or exclamation mark came."""
        first = 0
        for i, word in enumerate(self.words):
            if _ends(word.text):
                yield Match(first, i + 1)
                first = i + 1

    def _end(self, match: Match) -> int:
        return self.starts[match.last] if match.last < len(self.starts) else len(self.text)

    def _between(self, begin: int, end: int) -> Match:
        inside = [i for i, start in enumerate(self.starts) if begin <= start < end]
        return Match(inside[0], inside[-1] + 1)


@dataclass(frozen=True)
class Phrase:
    """A phrase ready to be looked for."""

    source: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, source: str) -> "Phrase":
        """Raises PhraseError."""
        tokens = _TOKEN.findall(source)
        _check(source, tokens)
        pieces = [_MARKS.get(token) or _word(token) for token in tokens]
        return cls(source, re.compile(r"(?<!\S)(?:" + "".join(pieces) + ")"))

    def find(self, spoken: Spoken) -> Iterator[Match]:
        """Where it is said, in order, without overlap."""
        at = {start: i for i, start in enumerate(spoken.starts)}
        for found in self.pattern.finditer(spoken.text):
            first = at.get(found.start())
            if first is not None:
                last = sum(start < found.end() for start in spoken.starts)
                yield Match(first, last)


def plain(word: str) -> str:
    """A word without case and outer punctuation, with straight apostrophes."""
    return _EDGES.sub("", word.replace("’", "'").replace("‘", "'")).casefold()


def _ends(word: str) -> bool:
    """Whether a sentence ends with a word."""
    return word.rstrip("\"')”’").endswith(_ENDS) and word.casefold() not in _TITLES


def _spelled(word: str) -> str:
    """A word as it is matched; "area's" reads "area 's", so that a phrase may say `area ('s|is)`."""
    if word == "'s":
        return word
    stem = plain(word)
    return f"{stem[:-2]} 's" if stem.endswith("'s") else stem


def _word(token: str) -> str:
    return re.escape(_spelled(token)) + " "


def _check(source: str, tokens: Sequence[str]) -> None:
    if len(source) > LONGEST:
        raise PhraseError(f"is longer than {LONGEST} characters")
    if tokens.count("*") > _WILDCARDS:
        raise PhraseError(f"has more than {_WILDCARDS} `*`")
    words = [piece for piece in tokens if piece not in _MARKS]
    if not words or any(not plain(word) for word in words):
        raise PhraseError("has no word to look for")
    _check_brackets(tokens)
    if not _matches_something(tokens):
        raise PhraseError("may be left out as a whole, so it would match everywhere")


def _matches_something(tokens: Sequence[str]) -> bool:
    """Whether a word stands outside all square brackets."""
    depth = 0
    for piece in tokens:
        depth += (piece == "[") - (piece == "]")
        if not depth and piece not in _MARKS:
            return True
    return False


def _check_brackets(tokens: Sequence[str]) -> None:
    opened: list[str] = []
    for piece in tokens:
        if piece in _CLOSING:
            opened.append(_CLOSING[piece])
        elif piece in _CLOSING.values() and (not opened or opened.pop() != piece):
            raise PhraseError(f"has a `{piece}` that closes nothing")
        elif piece == "|" and not opened:
            raise PhraseError("has a `|` outside brackets")
    if opened:
        raise PhraseError(f"lacks a `{opened[-1]}`")
