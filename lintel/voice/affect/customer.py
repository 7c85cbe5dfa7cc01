"""How the customer of a recorded call sounded: measured where the sound is, told where the turns are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lintel.errors import NotFoundError
from lintel.settings import Settings
from lintel.voice.affect.arousal import Arousal, Direction, Piece, arousal, pieces
from lintel.voice.affect.emotion import Emotion, EmotionModel, emotions
from lintel.voice.affect.encoder import SpeechEncoder
from lintel.voice.audio.samples import Samples
from lintel.voice.transcript import LEAD, Turn

ABOUT = (
    "How the customer's voice changed against its own first minute. It is no emotion, no mood, and says nothing of "
    "anybody's health."
)
_CHANGES = 3


@dataclass(frozen=True, slots=True)
class Felt:
    """What the emotion model says of a stretch, in seconds of the call."""

    start: float
    end: float
    emotion: Emotion


@dataclass(frozen=True, slots=True)
class CustomerVoice:
    """Measures of the lead's own channel; no sound. `felt` is empty without a trained model."""

    pieces: tuple[Piece, ...]
    felt: tuple[Felt, ...] = ()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "CustomerVoice":
        """Of what `dataclasses.asdict` made."""
        felt = (Felt(one["start"], one["end"], Emotion(**one["emotion"])) for one in plain["felt"])
        return cls(tuple(Piece(**one) for one in plain["pieces"]), tuple(felt))


@dataclass(frozen=True, slots=True)
class TurnAffect:
    """Of one turn of the lead. `emotion` is None without a trained model."""

    arousal: Arousal
    emotion: Emotion | None

    def to_json(self) -> dict[str, Any]:
        plain = {"arousal": self.arousal.to_json()}
        return plain | {"emotion": asdict(self.emotion)} if self.emotion else plain


def customer_voice(samples: Samples, stretches: Sequence[tuple[float, float]], settings: Settings) -> CustomerVoice:
    """Of the stretches (start, end in seconds) in which the lead spoke on the lead's own channel."""
    measured = tuple(pieces(samples, stretches, speaker=LEAD))
    try:
        model = EmotionModel.load(settings.voice_readers / "emotion")
    except NotFoundError:
        return CustomerVoice(measured)
    told = emotions(model, SpeechEncoder.load(settings), samples, stretches, speaker=LEAD)
    felt = (Felt(start, end, one) for (start, end), one in zip(stretches, told, strict=True))
    return CustomerVoice(measured, tuple(felt))


def by_turn(voice: CustomerVoice, turns: Sequence[Turn]) -> tuple[TurnAffect | None, ...]:
    """One entry a turn, None for those of others."""
    mine = [turn for turn in turns if turn.speaker == LEAD]
    changes = iter(arousal([list(_within(voice.pieces, turn)) for turn in mine]))
    return tuple(TurnAffect(next(changes), _emotion(voice, turn)) if turn.speaker == LEAD else None for turn in turns)


def changes(turns: Sequence[Turn], affect: Sequence[TurnAffect | None]) -> list[dict[str, Any]]:
    """The turns in which the voice changed most, in their order."""
    changed = [
        (turn, one.arousal)
        for turn, one in zip(turns, affect, strict=True)
        if one and one.arousal.direction in (Direction.RAISED, Direction.LOWERED)
    ]
    most = sorted(changed, key=lambda pair: -abs(pair[1].change or 0.0))[:_CHANGES]
    return [
        {"start": turn.start, "end": turn.end, "quote": turn.text, **one.to_json()}
        for turn, one in sorted(most, key=lambda pair: pair[0].start)
    ]


def _within(measured: Iterable[Piece], turn: Turn) -> Iterable[Piece]:
    return (piece for piece in measured if turn.start <= (piece.start + piece.end) / 2 <= turn.end)


def _emotion(voice: CustomerVoice, turn: Turn) -> Emotion | None:
    """Of the longest stretch that began in the turn."""
    inside = [one for one in voice.felt if turn.start <= (one.start + one.end) / 2 <= turn.end]
    return max(inside, key=lambda one: one.end - one.start).emotion if inside else None
