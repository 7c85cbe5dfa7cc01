"""What a transcription engine is: windows of audio in, hypotheses out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lintel.voice.audio.samples import Samples
from lintel.voice.transcript import Word


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of one channel, with the text before it as the decoder's prompt ("" for none)."""

    samples: Samples
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an engine heard in a window. Word times are seconds from the window's beginning.

    `no_speech_probability` is in 0..1; `mean_log_probability` is natural, a token; `compression_ratio` is of the text's
    bytes by zlib (Whisper's measure of repetition). `language` is a two-letter code.
    """

    words: tuple[Word, ...]
    no_speech_probability: float
    mean_log_probability: float
    compression_ratio: float
    language: str


class Engine(Protocol):
    """A loaded model. Not safe for several threads at once: one loop a process calls it."""

    name: str
    """Of the weights: "tiny.en", "base"."""
    multilingual: bool
    window_seconds: float
    """The shortest stretch whose cost is paid whole: 30 for openai-whisper, less where short windows work."""

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        """One hypothesis a window, guards not applied. Windows of one call are decoded as a batch where the engine can.

        Raises InputError for a language that the model lacks or a window over 30 s.
        """
        ...
