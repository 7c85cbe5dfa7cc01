"""A recording to its analysis: the engine, what understands, the playbook and the language model, put together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lintel.errors import InputError, NotFoundError
from lintel.language.claude import Claude
from lintel.language.embeddings import Embedder
from lintel.settings import Settings
from lintel.voice.activity.endpointing import detector
from lintel.voice.affect.customer import CustomerVoice, customer_voice
from lintel.voice.analysis import CallAnalysis, analyse
from lintel.voice.audio.files import Recording
from lintel.voice.audio.samples import seconds
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.coaching.usefulness import Usefulness, muted
from lintel.voice.speakers.diarization import diarize
from lintel.voice.speakers.encoder import SpeakerEncoder
from lintel.voice.speakers.stretch import Stretch
from lintel.voice.summary.abstractive import Ask
from lintel.voice.transcript import LEAD, Segment
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.offline import Progress, transcribe
from lintel.voice.understanding.models import Models
from lintel.voice.understanding.understanding import Understanding

TWO = 2
"""People on a call whose legs were mixed into one channel."""


@dataclass(frozen=True)
class Tools:
    """What calls are read with. `ask` is None where no key of a language model is set."""

    understanding: Understanding
    playbook: Playbook
    embedder: Embedder | None
    ask: Ask | None
    model: str

    @classmethod
    def load(cls, settings: Settings) -> "Tools":
        """With sentence embeddings and trained readers where they are installed.

        Raises NotFoundError, InputError for a wrong playbook, IncompatibleError for a wrong reader.
        """
        embedder = _embedder(settings)
        key = settings.claude_key
        claude = Claude(key.get_secret_value(), settings.claude_model, settings.claude_url) if key else None
        return cls(
            understanding=Understanding(embedder, Models.load(settings.voice_readers)),
            playbook=Playbook.load(settings.voice_playbook),
            embedder=embedder,
            ask=claude.ask if claude else None,
            model=settings.claude_model,
        )

    def coach(self, records: Iterable[Usefulness] = ()) -> Coach:
        """A coach for one call, without the cards that their record mutes."""
        return Coach(self.playbook, embedder=self.embedder, muted=muted(records))


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording written down: segments by channel, whose each channel is, and what has to be said of it. `voice` is
    the customer's, None where affect is off or nobody knows which voice that is."""

    segments: tuple[Segment, ...]
    speakers: tuple[str, ...]
    seconds: float
    warnings: tuple[str, ...]
    voice: CustomerVoice | None = None


def heard(
    recording: Recording,
    engine: Engine,
    settings: Settings,
    *,
    speakers: Sequence[str],
    language: str = "en",
    progress: Progress = lambda _seconds: None,
) -> Heard:
    """Write a recording down. `speakers` are by channel.

    One channel that holds two people is parted by voice: they are `speaker-1` and `speaker-2`, for who is the agent
    cannot be heard. Raises InputError for a language that the model lacks, or several channels that are not as many as
    the speakers.
    """
    if 1 < len(recording.channels) != len(speakers) or not speakers:
        raise InputError(
            f"The recording has {len(recording.channels)} channels and {len(speakers)} speakers are named.",
            mend="Name a speaker for each channel, in order.",
        )
    warnings = list(recording.warnings)
    segments = transcribe(recording, engine, language=language, progress=progress)
    names: Sequence[str] = speakers[: len(recording.channels)]
    if len(recording.channels) < len(speakers):
        segments, names = _parted(recording, segments, settings, warnings)
    lasted = max(map(seconds, recording.channels))
    voice = _voice(recording, segments, names, settings, warnings) if settings.voice_affect else None
    return Heard(tuple(segments), tuple(names), lasted, tuple(warnings), voice)


def analysed(told: Heard, tools: Tools, records: Iterable[Usefulness] = ()) -> CallAnalysis:
    """What a call came to that was written down."""
    return analyse(
        told.segments,
        told.speakers,
        told.seconds,
        understanding=tools.understanding,
        coach=tools.coach(records),
        ask=tools.ask,
        model=tools.model,
        voice=told.voice,
    )


def _voice(
    recording: Recording, segments: Sequence[Segment], names: Sequence[str], settings: Settings, warnings: list[str]
) -> CustomerVoice | None:
    if LEAD not in names:
        warnings.append("Nobody's voice was measured: it is not known which is the customer's.")
        return None
    channel = names.index(LEAD)
    spoken = [(segment.start, segment.end) for segment in segments if segment.channel == channel]
    return customer_voice(recording.channels[channel], spoken, settings)


def _parted(
    recording: Recording, segments: list[Segment], settings: Settings, warnings: list[str]
) -> tuple[list[Segment], list[str]]:
    """The words of one channel by voice, a channel a voice."""
    try:
        encoder = SpeakerEncoder(_voice_encoder(settings))
    except NotFoundError as error:
        warnings.append(f"The voices were not told apart. {error}")
        return segments, ["speaker-1"]
    stretches = diarize(recording.channels[0], encoder, detector(), speakers=TWO)
    names = sorted({stretch.speaker for stretch in stretches}) or ["speaker-1"]
    warnings.append("One channel held all speakers; they are told apart by voice, which errs more than two channels.")
    return [part for segment in segments for part in _by_voice(segment, stretches, names)], names


def _by_voice(segment: Segment, stretches: Sequence[Stretch], names: Sequence[str]) -> Iterable[Segment]:
    if not stretches:
        return [segment]
    parts: list[Segment] = []
    for word in segment.words:
        middle = (word.start + word.end) / 2
        nearest = min(stretches, key=lambda one: max(one.start - middle, middle - one.end, 0.0))
        channel = names.index(nearest.speaker)
        if parts and parts[-1].channel == channel:
            parts[-1] = replace(parts[-1], words=(*parts[-1].words, word))
        else:
            parts.append(Segment(channel, (word,)))
    return parts


def _voice_encoder(settings: Settings) -> Path | None:
    """Installed weights; None for those of an installed package."""
    path = settings.weights_folder / "voice-encoder" / "pretrained.pt"
    return path if path.is_file() else None


def _embedder(settings: Settings) -> Embedder | None:
    try:
        return Embedder.load(settings.weights_folder)
    except NotFoundError:
        return None


def usefulness(records: Iterable[Any]) -> list[Usefulness]:
    """Of the records that `CallStore.card_records` keeps."""
    return [Usefulness(one.rule, one.useful, one.useful + one.dismissed) for one in records]
