"""Words with their times, and the turns of a conversation. Times are seconds on the call's audio clock, from 0."""

from collections.abc import Iterable
from dataclasses import dataclass

AGENT = "agent"
LEAD = "lead"


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, with the punctuation that belongs to it; `probability` is the engine's, 0..1."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch that an engine gave as one, on one channel (0 is the first)."""

    channel: int
    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def text(self) -> str:
        return joined(self.words)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said until somebody else began or a long pause came. `speaker` is `agent`, `lead`, or
    `speaker-1`, `speaker-2`, ... where only voices are told apart."""

    speaker: str
    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def text(self) -> str:
        return joined(self.words)


def joined(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)
