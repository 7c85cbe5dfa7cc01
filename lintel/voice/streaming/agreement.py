"""LocalAgreement-2: a word is certain once two hypotheses in a row say it at the same place, or it is long past.

Macháček, Dabre & Bojar, "Turning Whisper into a real-time transcription system" (2023), after Liu, Spanakis & Niehues
(2020). Theirs tells by word times which words of a new hypothesis were committed before; times of short windows move by
some tenths of a second, so here the committed words are aligned with the hypothesis by their letters.

Agreement alone lets one word that changes with every look hold back all that is said after it, however often that was
heard alike. So a word counts as the newest hypothesis has it once it lies far enough behind the end of what was heard
(the "hold-n" of Liu et al., by time).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from math import inf

from lintel.voice.transcript import Word

REPEATED_WORDS = 5
"""The longest run of words looked for on both sides of a cut."""
REPEATED_S = 0.5
"""A repeated run begins at most so long after the last committed word."""


@dataclass(frozen=True, slots=True)
class Update:
    """Words that became certain, and those that may still change. Both are in the stream's order."""

    committed: tuple[Word, ...]
    tentative: tuple[Word, ...]


class Agreement:
    """Settles the words of one stretch of speech, which is heard again and again while it grows.

    What was committed is never taken back, and the times of all words ascend: a word begins no earlier than the one
    before it ends. `floor` is where the words before this stretch ended, in seconds of the stream.
    """

    def __init__(self, floor: float = 0.0) -> None:
        self._end = floor
        self._within: list[Word] = []  # committed, and still in the audio that is heard again
        self._last: list[Word] = []  # committed before that, as far as they can be repeated
        self._tentative: tuple[Word, ...] = ()

    @property
    def tentative(self) -> tuple[Word, ...]:
        """The newest hypothesis without its committed beginning."""
        return self._tentative

    @property
    def within(self) -> tuple[Word, ...]:
        """Committed words that lie in the audio from the last cut on."""
        return tuple(self._within)

    @property
    def end(self) -> float:
        """Where the last committed word ends, in seconds of the stream."""
        return self._end

    def begin_after(self, floor: float) -> None:
        """No word begins before `floor`, from now on."""
        self._end = max(self._end, floor)

    def hear(self, words: Sequence[Word], past: float = -inf) -> Update:
        """Take a hypothesis of all audio since the last cut; its times are the stream's.

        Words that end by `past` count whether the hypothesis before agrees or not; but it must have held some words,
        because one hypothesis alone may be invented.
        """
        new = list(words[self._known(words) :])
        agreed = _agreed(self._tentative, new, past)
        committed = self._commit(new[:agreed])
        self._tentative = _ascending(new[agreed:], self._end)
        return Update(committed, self._tentative)

    def hear_last(self, words: Sequence[Word]) -> Update:
        """Take the hypothesis of a stretch that is complete: nothing will be heard after it, so all of it counts."""
        self._tentative = _ascending(words[self._known(words) :], self._end)
        return self.settle()

    def settle(self) -> Update:
        """Commit what is tentative."""
        committed = self._commit(self._tentative)
        self._tentative = ()
        return Update(committed, ())

    def settle_before(self, time: float) -> Update:
        """Commit the tentative words that end by `time`, seconds of the stream."""
        count = sum(word.end <= time for word in self._tentative)
        committed = self._commit(self._tentative[:count])
        self._tentative = self._tentative[count:]
        return Update(committed, self._tentative)

    def cut(self, time: float) -> None:
        """The audio before `time` is not heard again; committed words that lie before it are done with."""
        gone = [word for word in self._within if (word.start + word.end) / 2 < time]
        self._last = [*self._last, *gone][-REPEATED_WORDS:]
        self._within = self._within[len(gone) :]

    def _commit(self, words: Sequence[Word]) -> tuple[Word, ...]:
        committed = _ascending(words, self._end)
        if committed:
            self._end = committed[-1].end
            self._within.extend(committed)
        return committed

    def _known(self, words: Sequence[Word]) -> int:
        """How many of the hypothesis' first words were committed before."""
        if self._within:
            return aligned([spoken(word.text) for word in self._within], [spoken(word.text) for word in words])
        return self._repeated(words)

    def _repeated(self, words: Sequence[Word]) -> int:
        """Words at the beginning that the cut left half of, and that were committed with the other half."""
        if not words or words[0].start > self._end + REPEATED_S:
            return 0
        last, head = [spoken(word.text) for word in self._last], [spoken(word.text) for word in words[:REPEATED_WORDS]]
        runs = range(min(len(last), len(head)), 0, -1)
        return next((run for run in runs if last[-run:] == head[:run] and words[run - 1].start < self._end), 0)


@lru_cache(maxsize=4096)
def spoken(text: str) -> str:
    """What two spellings of a spoken word share: letters and digits, without case."""
    plain = "".join(character for character in text.casefold() if unicodedata.category(character)[0] in "LNM")
    return plain or text


def aligned(committed: Sequence[str], heard: Sequence[str]) -> int:
    """The length of the prefix of `heard` that is nearest to `committed` by edit distance.

    Of equally near ones the one whose length is nearest to that of `committed`, then the shorter one.
    """
    row = list(range(len(heard) + 1))
    for said, word in enumerate(committed, start=1):
        before, row[0] = row[0], said
        for place, other in enumerate(heard, start=1):
            before, row[place] = row[place], min(before + (word != other), row[place] + 1, row[place - 1] + 1)
    return min(range(len(row)), key=lambda length: (row[length], abs(length - len(committed)), length))


def _agreed(before: Sequence[Word], new: Sequence[Word], past: float) -> int:
    """How many words of `new` count: those up to `past`, and behind them as many as `before` has too."""
    agreed = _common_prefix(before, new)
    over = sum(1 for _ in takewhile(lambda word: word.end <= past, new)) if before else 0
    if over <= agreed:
        return agreed
    known = aligned([spoken(word.text) for word in new[:over]], [spoken(word.text) for word in before])
    return over + _common_prefix(before[known:], new[over:])


def _common_prefix(one: Sequence[Word], other: Sequence[Word]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if spoken(left.text) != spoken(right.text):
            break
        count += 1
    return count


def _ascending(words: Sequence[Word], floor: float) -> tuple[Word, ...]:
    """The words with their times moved up where they would run into the one before."""
    ascending = []
    for word in words:
        start = max(word.start, floor)
        floor = max(word.end, start)
        ascending.append(replace(word, start=start, end=floor))
    return tuple(ascending)
