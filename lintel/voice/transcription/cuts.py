"""Which stretches of a channel are decoded together: pure, in seconds of the channel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lintel.voice.transcription.engine import LONGEST_SECONDS

LONGEST_PAUSE_S = 3.0
"""A pause within a window costs its length, a window of its own costs a silent tail of twice as much; over longer
silence Whisper begins to invent."""
_SEARCHED = 1 / 3
"""Of the longest window: where, at its end, a cut through speech is looked for."""

Quietest = Callable[[float, float], float]
"""The quietest moment between two."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A window on the channel's clock."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def cuts(stretches: Sequence[tuple[float, float]], quietest: Quietest) -> list[Cut]:
    """Windows of at most 30 s that hold all of the stretches (ascending, disjoint), each as many as there is room for.

    A stretch that is longer is cut at its quietest moments.
    """
    found: list[Cut] = []
    for start, end in (piece for stretch in stretches for piece in _pieces(*stretch, quietest)):
        last = found[-1] if found else None
        if last and end - last.start <= LONGEST_SECONDS and start - last.end <= LONGEST_PAUSE_S:
            found[-1] = Cut(last.start, end)
        else:
            found.append(Cut(start, end))
    return found


def halves(cut: Cut, quietest: Quietest) -> tuple[Cut, Cut]:
    """A window cut at the quietest moment of its middle third."""
    third = cut.seconds / 3
    middle = quietest(cut.start + third, cut.end - third)
    return Cut(cut.start, middle), Cut(middle, cut.end)


def _pieces(start: float, end: float, quietest: Quietest) -> Iterator[tuple[float, float]]:
    while end - start > LONGEST_SECONDS:
        cut = quietest(start + LONGEST_SECONDS * (1 - _SEARCHED), start + LONGEST_SECONDS)
        yield start, cut
        start = cut
    yield start, end
