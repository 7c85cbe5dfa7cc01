"""How a customer's voice changes against its own first minute: raised, lowered, as before, or unknown.

Higher, louder, livelier and faster speech goes with arousal in every language studied (Scherer 2003), whatever the
feeling behind it: joy raises a voice as anger does. This says that a voice has changed, by how much, and in what.
Customers only. Emotions of people at work are not to be inferred (EU AI Act, Article 5(1)(f)).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import RefusedError
from lintel.voice.affect.prosody import Prosody, prosody
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcript import LEAD

Floats = NDArray[np.float64]

PIECE_S = 2.0
"""Speech is measured in pieces of this length, so that how much a voice varies anyway is known."""
BASELINE_S = 60.0
"""Of one's own speech, that later speech is compared with."""
CHANGED = 1.0
"""Spreads of the speaker's own first minute."""
SURE = 0.5
_ENOUGH_VOICED_S = 2.0
_MOST = 4.0
"""Spreads; a single measure says no more than this."""


class Direction(StrEnum):
    RAISED = "raised"
    LOWERED = "lowered"
    AS_BEFORE = "as before"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Measure:
    """`share` of the whole; `floor` is the least spread that is believed, in the measure's unit."""

    name: str
    unit: str
    share: float
    floor: float


_MEASURES = (
    _Measure("pitch", "semitones", 0.35, 0.7),
    _Measure("loudness", "dB", 0.35, 2.0),
    _Measure("liveliness", "semitones", 0.15, 1.5),
    _Measure("syllables", "a second", 0.15, 0.7),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Up to two voiced seconds of one speaker, in seconds of the call; pitch in semitones above 100 Hz."""

    start: float
    end: float
    voiced_s: float
    pitch: float
    loudness: float
    liveliness: float
    syllables: float

    @classmethod
    def of(cls, start: float, end: float, found: Prosody) -> "Piece | None":
        """None where too little is voiced."""
        if found.pitch_hz is None or found.level_db is None:
            return None
        pitch, lively, syllables = found.pitch_hz, found.liveliness_semitones or 0.0, found.syllables_a_second or 0.0
        return cls(start, end, found.voiced_s, 12 * float(np.log2(pitch / 100)), found.level_db, lively, syllables)


@dataclass(frozen=True, slots=True)
class Arousal:
    """`change` is in spreads of the speaker's own first minute, None where the direction is unknown; `confidence` in
    0..1; `why` says which measure moved by how much, or what is missing."""

    direction: Direction
    change: float | None
    confidence: float
    why: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        change = None if self.change is None else round(self.change, 2)
        confidence = round(self.confidence, 2)
        return {"direction": self.direction, "change": change, "confidence": confidence, "why": list(self.why)}


def pieces(samples: Samples, stretches: Iterable[tuple[float, float]], *, speaker: str) -> Iterator[Piece]:
    """The voiced pieces of stretches (start, end in seconds) of a speaker's own channel.

    Raises RefusedError for anybody but the lead: an agent's voice, or one without a role, is never measured.
    """
    if speaker != LEAD:
        raise RefusedError(
            f"The voice of {speaker!r} is not measured: only a customer's may be.", mend="Measure the channel `lead`."
        )
    for start, end in stretches:
        for at in np.arange(start, end, PIECE_S).tolist():
            until = min(at + PIECE_S, end)
            found = prosody(samples[round(at * SAMPLE_RATE) : round(until * SAMPLE_RATE)])
            if piece := Piece.of(at, until, found):
                yield piece


def arousal(turns: Sequence[Sequence[Piece]]) -> list[Arousal]:
    """Of each turn of one speaker, in order; `turns` hold their pieces."""
    usual = _usual([piece for turn in turns for piece in turn])
    if usual is None:
        return [_unknown("less than a minute of this voice to compare with")] * len(turns)
    until, middle, spread = usual
    return [_turn(turn, until, middle, spread) for turn in turns]


def _usual(heard: Sequence[Piece]) -> tuple[float, Floats, Floats] | None:
    """When the first minute of speech was over, the median of each measure in it, and its spread."""
    spoken = np.cumsum([piece.end - piece.start for piece in heard])
    count = int(np.searchsorted(spoken, BASELINE_S)) + 1
    if count > len(heard):
        return None
    table = np.array([_measured(piece) for piece in heard[:count]])
    middle = np.median(table, axis=0)
    spread = 1.4826 * np.median(np.abs(table - middle), axis=0)
    return heard[count - 1].end, middle, np.maximum(spread, [one.floor for one in _MEASURES])


def _turn(turn: Sequence[Piece], until: float, middle: Floats, spread: Floats) -> Arousal:
    if not turn:
        return _unknown("too little voice")
    if turn[0].start < until:
        return _unknown("part of what is compared with")
    weights = [piece.voiced_s for piece in turn]
    difference = np.average([_measured(piece) for piece in turn], axis=0, weights=weights) - middle
    moved = np.clip(difference / spread, -_MOST, _MOST)
    shares = np.array([one.share for one in _MEASURES])
    change = float(shares @ moved)
    changed = abs(change) >= CHANGED
    agreement = abs(change) / float(shares @ np.abs(moved)) if changed else 1.0
    confidence = min(1.0, sum(weights) / _ENOUGH_VOICED_S) * agreement
    if confidence < SURE:
        return Arousal(Direction.UNKNOWN, None, confidence, ("too short, or its measures disagree",))
    rose = Direction.RAISED if change > 0 else Direction.LOWERED
    return Arousal(rose if changed else Direction.AS_BEFORE, change, confidence, _why(difference, moved))


def _why(difference: Floats, moved: Floats) -> tuple[str, ...]:
    """Measures that moved by a spread or more, the most moved first."""
    order = sorted(range(len(_MEASURES)), key=lambda at: -abs(moved[at]))
    return tuple(
        f"{_MEASURES[at].name} {difference[at]:+.1f} {_MEASURES[at].unit}" for at in order if abs(moved[at]) >= CHANGED
    )


def _measured(piece: Piece) -> list[float]:
    return [getattr(piece, one.name) for one in _MEASURES]


def _unknown(why: str) -> Arousal:
    return Arousal(Direction.UNKNOWN, None, 0.0, (why,))
