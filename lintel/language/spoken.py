"""Numbers said in words, as digits: a view of a text in which they can be found, and the way back.

"five five five, twelve thirty four" becomes "5 5 5, 12 34", and every character of the view knows which characters of
the text it stands for. Prices ("four hundred fifty thousand") stay words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lintel.language.vocabulary import words

_UNITS = {
    word: str(digit)
    for digit, words in enumerate(
        ("zero nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine niner")
    )
    for word in words.split()
}
_TEENS = {
    word: str(10 + i)
    for i, word in enumerate(
        ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
    )
}
_TENS = {
    word: str(10 * i)
    for i, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2)
}
_PLAIN = {**_UNITS, **_TEENS, **_TENS}
_LETTER_ZERO = frozenset({"oh", "o"})
_REPEATED = {"double": 2, "triple": 3}
_FILLERS = frozenset({"uh", "um", "er", "erm"})
_SIGNS = {"dash": "-", "hyphen": "-", "plus": "+"}
_ALONE = {**_PLAIN, **_SIGNS, **dict.fromkeys(_LETTER_ZERO, "0"), **dict.fromkeys(_FILLERS, "")}
"""What a word of a run becomes by itself."""
_MAGNITUDES = words("thousand million billion grand k dollars bucks percent")
_WORDS = frozenset({*_PLAIN, *_LETTER_ZERO, *_REPEATED, *_FILLERS, *_SIGNS, *_MAGNITUDES, "hundred"})

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_SPOKEN = re.compile(r"\b(?:" + "|".join([*_PLAIN, "hundred"]) + r")\b", re.IGNORECASE)
_RUN_GAP = re.compile(r"[ \t,.\-]{1,4}")
_CHARACTERS = {ord(c): "-" for c in "‐‑‒–—−"} | {ord(c): " " for c in "\u00a0\u2007\u2009\u202f\u200b\ufeff"}


@dataclass(frozen=True, slots=True)
class View:
    """A text with digits for number words. Character i stands for `original[starts[i]:ends[i]]`.

    `spoken` holds the positions in the view at which a group of spoken digits begins.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    spoken: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class _Edit:
    """text[start:end] reads `digits`."""

    start: int
    end: int
    digits: str


def digits_view(text: str) -> View:
    """The view of a text, in time linear in its length."""
    plain = _plain_characters(text)
    if not _SPOKEN.search(plain):
        return View(plain, range(len(plain)), range(1, len(plain) + 1), frozenset())
    return _applied(plain, [edit for run in _runs(plain) for edit in _run_edits(run)])


def _plain_characters(text: str) -> str:
    """Other scripts' digits, dashes and spaces as ASCII, one character for one."""
    if text.isascii():
        return text
    text = text.translate(_CHARACTERS)
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _runs(text: str) -> Iterator[list[_Token]]:
    """Stretches of number words and digits with nothing but spaces, commas, dots and dashes between."""
    run: list[_Token] = []
    for match in _TOKEN.finditer(text):
        token = _Token(match.start(), match.end(), match.group().lower())
        if run and not _RUN_GAP.fullmatch(text, run[-1].end, token.start):
            yield run
            run = []
        if token.word in _WORDS or token.word.isdigit():
            run.append(token)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _run_edits(run: list[_Token]) -> list[_Edit]:
    edits: list[_Edit] = []
    i = 0
    while i < len(run):
        taken = _group(run, i)
        if run[i].word in _MAGNITUDES:
            _take_magnitude(run, i, edits)
        elif taken:
            edits.append(taken)
            while i + 1 < len(run) and run[i + 1].end <= taken.end:
                i += 1
        i += 1
    return edits


def _group(run: list[_Token], i: int) -> _Edit | None:
    """The edit of the number word, or pair of words, at position i of a run; None for what stays."""
    token = run[i]
    word, following = token.word, run[i + 1] if i + 1 < len(run) else None
    if word in _TENS and following and _UNITS.get(following.word, "0") != "0":
        return _Edit(token.start, following.end, _TENS[word][0] + _UNITS[following.word])
    if word in _REPEATED and following:
        digit = _digit(following.word)
        return _Edit(token.start, following.end, digit * _REPEATED[word]) if digit else None
    if word == "hundred":
        return _Edit(token.start, token.end, "00") if i and run[i - 1].word in _UNITS else None
    digits = _PLAIN.get(word) if len(run) == 1 else _ALONE.get(word)
    return None if digits is None else _Edit(token.start, token.end, digits)


def _digit(word: str) -> str | None:
    return "0" if word in _LETTER_ZERO else word if word.isdigit() and len(word) == 1 else _UNITS.get(word)


def _take_magnitude(run: list[_Token], i: int, edits: list[_Edit]) -> None:
    """ "five five five two thousand" ends a telephone number; any other number before a magnitude is an amount."""
    token = run[i]
    before = [t.word in _UNITS or t.word in _LETTER_ZERO for t in run[max(0, i - 4) : i]]
    if token.word == "thousand" and len(before) == 4 and all(before):
        edits.append(_Edit(token.start, token.end, "000"))
        return
    first = run[max(0, i - 4)].start
    while edits and edits[-1].start >= first:
        edits.pop()


def _applied(text: str, edits: Iterable[_Edit]) -> View:
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    spoken: set[int] = set()
    position = 0
    for edit in edits:
        parts += [text[position : edit.start], edit.digits]
        starts += [*range(position, edit.start), *([edit.start] * len(edit.digits))]
        ends += [*range(position + 1, edit.start + 1), *([edit.end] * len(edit.digits))]
        if edit.digits.isdigit():
            spoken.add(len(starts) - len(edit.digits))
        position = edit.end
    parts.append(text[position:])
    starts += range(position, len(text))
    ends += range(position + 1, len(text) + 1)
    return View("".join(parts), starts, ends, frozenset(spoken))
