"""Personal data out of spoken words before they are kept, logged or sent anywhere; every other word keeps its time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from lintel.language.redaction import personal_spans
from lintel.language.spoken import digits_view
from lintel.language.vocabulary import words
from lintel.voice.transcript import Turn, Word, joined

_HEARD = words(
    "mhm mm hm hmm uh um huh oh ah yes yeah yep yup ok okay right sure alright all got it great perfect good thanks"
    " thank you go ahead on and then i see"
)
_LETTERS = re.compile(r"[^\W\d_]+")


def redacted_words(said: Sequence[Word]) -> tuple[Word, ...]:
    """The words with one "[phone]" for all the words of a telephone number, and so on for each category.

    It lasts as long as what it stands for; punctuation and letters that hung on it stay.
    """
    kept = list(said)
    _redact([kept])
    return tuple(kept)


def redacted_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns of a conversation, in order, redacted.

    What a speaker says is read as one while others only acknowledge it or repeat digits: numbers are said in pieces. A
    number that runs over several turns leaves its "[phone]" in each.
    """
    kept = [list(turn.words) for turn in turns]
    for statement in _statements(turns):
        _redact([kept[place] for place in statement])
    return tuple(Turn(turn.speaker, tuple(words)) for turn, words in zip(turns, kept, strict=True))


def _statements(turns: Sequence[Turn]) -> Iterator[list[int]]:
    """Places of the turns that belong together: one speaker's, between which nobody else says anything new."""
    going_on: dict[str, list[int]] = {}
    for place, turn in enumerate(turns):
        if not _acknowledges(turn):
            for other in [speaker for speaker in going_on if speaker != turn.speaker]:
                yield going_on.pop(other)
        going_on.setdefault(turn.speaker, []).append(place)
    yield from going_on.values()


def _acknowledges(turn: Turn) -> bool:
    """Whether a turn says nothing but "mhm", "okay", or digits."""
    return all(word.lower() in _HEARD for word in _LETTERS.findall(digits_view(turn.text).text))


def _redact(parts: Sequence[list[Word]]) -> None:
    """Replace personal data in words, which are read as one text; the pieces of a number each by its category."""
    while spans := personal_spans(" ".join(joined(part) for part in parts), addresses=True):
        ends = list(accumulate(len(joined(part)) + 1 for part in parts))
        for (start, end), category in reversed(spans):
            for part, begun, ended in zip(parts, [0, *ends], ends, strict=False):
                if start < ended - 1 and end > begun:
                    _replace(part, start - begun, end - begun, category)


def _replace(said: list[Word], start: int, end: int, category: str) -> None:
    """Put "[category]" for the characters [start, end) of the joined words; either may lie outside of them."""
    position, touched = 0, []
    for i, word in enumerate(said):
        if position < end and position + len(word.text) > start:
            touched.append((i, position))
        position += len(word.text) + 1
    (first, before), (last, behind) = touched[0], touched[-1]
    text = f"{said[first].text[: max(0, start - before)]}[{category}]{said[last].text[end - behind :]}"
    least = min(word.probability for word in said[first : last + 1])
    said[first : last + 1] = [replace(said[first], text=text, end=said[last].end, probability=least)]
