"""Words that a decoder says twice and a speaker once: after speech has ended it may begin its sentence again."""

from collections.abc import Sequence
from itertools import takewhile

from lintel.voice.streaming.agreement import spoken
from lintel.voice.transcript import Word

FEWEST_WORDS = 2
"""A single word is said twice in one breath: "very, very nice"."""
HURRIED = 0.25
"""The alignment finds no audio for an echo: in 100 clips it had at most .08 of the time of the words that it repeats,
what speakers had said twice .44 and more."""


def without_echo(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a hypothesis without a tail that repeats what stands before it, once or more often, in far less time
    than that took."""
    said = tuple(words)
    while length := _echo(said):
        said = said[:-length]
    return said


def _echo(words: Sequence[Word]) -> int:
    """How many of the last words are one."""
    texts = [spoken(word.text) for word in words]
    for period in range(len(words) // 2, FEWEST_WORDS - 1, -1):
        length = _repeated(texts, period)
        if length >= period and _hurries(words[-length - period : -length], words[-length:]):
            return length
    return 0


def _repeated(texts: Sequence[str], period: int) -> int:
    """How many of the last texts are the same as the one `period` before."""
    again = (later == earlier for later, earlier in zip(reversed(texts), reversed(texts[:-period]), strict=False))
    return sum(1 for _ in takewhile(bool, again))


def _hurries(original: Sequence[Word], repeated: Sequence[Word]) -> bool:
    return _seconds(repeated) / len(repeated) < HURRIED * _seconds(original) / len(original)


def _seconds(words: Sequence[Word]) -> float:
    return words[-1].end - words[0].start
