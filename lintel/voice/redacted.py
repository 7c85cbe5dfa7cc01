"""Personal data out of spoken words before they are kept, logged or sent anywhere; every other word keeps its time."""

from collections.abc import Sequence
from dataclasses import replace

from lintel.language.redaction import personal_spans
from lintel.voice.transcript import Turn, Word, joined


def redacted_words(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words with one "[phone]" for all the words of a telephone number, and so on for each category.

    It lasts as long as what it stands for; punctuation and letters that hung on it stay.
    """
    kept = list(words)
    while spans := personal_spans(joined(kept), addresses=True):
        for (start, end), category in reversed(spans):
            _replace(kept, start, end, category)
    return tuple(kept)


def redacted_turn(turn: Turn) -> Turn:
    return Turn(turn.speaker, redacted_words(turn.words))


def _replace(words: list[Word], start: int, end: int, category: str) -> None:
    """Put "[category]" for the characters [start, end) of the joined words."""
    position, touched = 0, []
    for i, word in enumerate(words):
        if position < end and position + len(word.text) > start:
            touched.append((i, position))
        position += len(word.text) + 1
    (first, before), (last, behind) = touched[0], touched[-1]
    text = f"{words[first].text[: max(0, start - before)]}[{category}]{words[last].text[end - behind :]}"
    least = min(word.probability for word in words[first : last + 1])
    words[first : last + 1] = [replace(words[first], text=text, end=words[last].end, probability=least)]
