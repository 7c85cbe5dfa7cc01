"""From the pieces that a tokenizer and an alignment give to words: punctuation joined to its word, times made sane."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from lintel.voice.transcript import Word

OPENING = "\"'“¿([{-"
"""Belongs to the word after it, if a space stands before."""
CLOSING = "\"'.。,，!！?？:：”)]}、;…%"
"""Belongs to the word before it, if no space stands between."""

LONGEST_WORD_SECONDS = 1.4
"""Twice the longest median that a voice has: the alignment lets a word beside a pause last as long as the pause."""


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
    longest = _longest(joined)
    found: list[Word] = []
    earliest = 0.0
    for piece in joined:
        end = min(max(piece.end, earliest), seconds)
        start = min(max(piece.start, earliest, end - longest), end)
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


def _longest(pieces: Sequence[Piece]) -> float:
    """Twice the median length of the window's words (Whisper's own rule), at most `LONGEST_WORD_SECONDS`."""
    lengths = [piece.end - piece.start for piece in pieces if piece.end > piece.start]
    return min(2 * median(lengths), LONGEST_WORD_SECONDS) if len(lengths) > 2 else LONGEST_WORD_SECONDS
