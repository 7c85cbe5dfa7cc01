"""Words of several speakers, known in any order between them, to turns in the order of the conversation."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lintel.voice.transcript import Turn, Word

PAUSE_S = 2.0
"""A longer pause of one's own ends a turn."""
YIELD_S = 0.5
"""A pause at least so long ends a turn if another speaker begins in it; a word slipped in between two ends nothing."""


class Turns:
    """Collects the committed words of a call and gives each turn once, when nothing can join it any more.

    A turn ends before a pause of more than PAUSE_S, and before one of YIELD_S or more in which another began to speak.
    Which turns come does not depend on the order in which the words of different speakers become known.
    """

    def __init__(self, speakers: Sequence[str]) -> None:
        self._words: dict[str, list[Word]] = {speaker: [] for speaker in speakers}
        self._begun: dict[str, list[float]] = {speaker: [] for speaker in speakers}

    def add(self, speaker: str, words: Sequence[Word]) -> None:
        """Words of one speaker, in order."""
        self._words[speaker].extend(words)
        self._begun[speaker].extend(word.start for word in words)

    def open(self, speaker: str) -> Turn | None:
        """The turn that a speaker is in, as far as is known now; it may still grow."""
        words = self._words[speaker]
        if not words:
            return None
        breaks = [place for place, pair in enumerate(pairwise(words), 1) if self._broken(speaker, *pair)]
        return Turn(speaker, tuple(words[breaks[-1] if breaks else 0 :]))

    def close(self, known: Mapping[str, float]) -> list[Turn]:
        """The turns that are complete. `known`: up to when each speaker's words are all there, seconds of the call."""
        horizon = min(known.values())
        closed = [turn for speaker in self._words for turn in self._complete(speaker, horizon)]
        self._forget(horizon)
        return sorted(closed, key=lambda turn: (turn.start, turn.speaker))

    def close_all(self) -> list[Turn]:
        """Every turn that is left, at the end of the call."""
        return self.close(dict.fromkeys(self._words, float("inf")))

    def _complete(self, speaker: str, horizon: float) -> Iterator[Turn]:
        words = self._words[speaker]
        first = 0
        for place, word in enumerate(words, start=1):
            following = words[place].start if place < len(words) else horizon
            if following > horizon or not self._apart(speaker, word.end, following):
                continue
            yield Turn(speaker, tuple(words[first:place]))
            first = place
        self._words[speaker] = words[first:]

    def _broken(self, speaker: str, one: Word, other: Word) -> bool:
        return self._apart(speaker, one.end, other.start)

    def _apart(self, speaker: str, end: float, start: float) -> bool:
        pause = start - end
        return pause > PAUSE_S or (pause >= YIELD_S and self._another_began(speaker, end, start))

    def _another_began(self, speaker: str, after: float, before: float) -> bool:
        return any(
            after <= begun < before for other, times in self._begun.items() if other != speaker for begun in times
        )

    def _forget(self, horizon: float) -> None:
        """Beginnings that lie before every word which is still open decide nothing any more."""
        ends = [words[0].end for words in self._words.values() if words]
        oldest = min([horizon, *ends])
        self._begun = {
            speaker: [time for time in times if time >= oldest - PAUSE_S] for speaker, times in self._begun.items()
        }
