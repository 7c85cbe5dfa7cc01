"""From the pieces that a tokenizer and an alignment give to words: punctuation joined to its word, times made sane."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from lintel.voice.transcript import Word

OPENING = "\"'“¿([{-"
"""Belongs to the word after it, if a space stands before."""
CLOSING = "\"'.。,，!！?？:：”)]}、;…%"
"""Belongs to the word before it, if no space stands between."""

LONGEST_MEDIAN_SECONDS = 0.7
"""The alignment lets a word beside a pause last as long as the pause. As in Whisper, none may last longer than twice
the window's median word, and that median is no longer than this."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One word or mark as the tokenizer splits a text, its leading space kept; seconds from the window's beginning."""

    text: str
    start: float
    end: float
    probability: float


def words(pieces: Iterable[Piece], *, seconds: float) -> tuple[Word, ...]:
    """The words of a window of `seconds`: times ascend, lie within the window, and no word ends before it starts."""
    joined = _joined([piece for piece in pieces if piece.text.strip()])
    usual = _usual(joined)
    found: list[Word] = []
    earliest = 0.0
    for piece in joined:
        end = min(max(piece.end, earliest), seconds)
        # a mark may have taken the time of the word beside it, which then has none
        start = piece.start if piece.end > piece.start else end - usual
        start = min(max(start, earliest, end - 2 * usual), end)
        found.append(Word(piece.text.strip(), start, end, min(max(piece.probability, 0.0), 1.0)))
        earliest = end
    return tuple(found)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Marks joined to their words; a mark lends its word neither time nor probability."""
    found: list[Piece] = []
    waiting = ""
    for piece in pieces:
        if found and not waiting and _only(piece.text, CLOSING):
            found[-1] = _renamed(found[-1], found[-1].text + piece.text)
        elif piece.text.startswith(" ") and _only(piece.text.strip(), OPENING):
            waiting += piece.text.strip()
        else:
            found.append(_renamed(piece, waiting + piece.text.strip()))
            waiting = ""
    return found


def _only(text: str, marks: str) -> bool:
    return bool(text) and all(character in marks for character in text)


def _renamed(piece: Piece, text: str) -> Piece:
    return Piece(text, piece.start, piece.end, piece.probability)


def _usual(pieces: Sequence[Piece]) -> float:
    """The median length of the window's words, at most `LONGEST_MEDIAN_SECONDS`."""
    lengths = [piece.end - piece.start for piece in pieces if piece.end > piece.start]
    return min(median(lengths), LONGEST_MEDIAN_SECONDS) if len(lengths) > 2 else LONGEST_MEDIAN_SECONDS
