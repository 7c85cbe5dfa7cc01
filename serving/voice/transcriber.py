"""Short audio to words, one piece at a time, with an engine that live calls do not share."""

from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from anyio import CapacityLimiter, to_thread

from lintel.settings import Settings
from lintel.voice.audio.files import Recording, read
from lintel.voice.transcript import Segment
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.offline import transcribe
from serving.problems import RETRY_AFTER_SECONDS, RequestError

MOST_WAITING = 4


@dataclass
class Transcriber:
    """Loads its engine when it is first needed."""

    settings: Settings
    _turns: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    _engine: Engine | None = None

    def check(self) -> None:
        """Raises RequestError (503) if too many wait: to be asked before a body is read."""
        if self._turns.statistics().tasks_waiting >= MOST_WAITING:
            raise RequestError(
                503,
                "busy",
                "Other audio is being transcribed.",
                mend="Send it again.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )

    async def transcribe(self, audio: BinaryIO, *, language: str) -> tuple[Recording, list[Segment], str]:
        """What a file holds, what is said in it, and the model's name.

        Raises InputError for what is no audio, is too long, or in a language that the model lacks; NotFoundError where
        no weights are installed.
        """
        return await to_thread.run_sync(partial(self._transcribe, audio, language), limiter=self._turns)

    def _transcribe(self, audio: BinaryIO, language: str) -> tuple[Recording, list[Segment], str]:
        recording = read(audio, longest_seconds=self.settings.voice_short_seconds)
        if self._engine is None:
            self._engine = load(self.settings.transcription_model, self.settings)
        return recording, transcribe(recording, self._engine, language=language), self._engine.name
