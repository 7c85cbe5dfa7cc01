"""What a transcription engine is: windows of audio in, hypotheses out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lintel.errors import InputError
from lintel.voice.audio.samples import Samples, seconds
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
    bytes by zlib (Whisper's measure of repetition). `language` is a two-letter code; `tokens` counts the text's tokens.
    """

    words: tuple[Word, ...]
    no_speech_probability: float
    mean_log_probability: float
    compression_ratio: float
    language: str
    tokens: int = 0


NOTHING = Hypothesis((), no_speech_probability=1.0, mean_log_probability=0.0, compression_ratio=0.0, language="en")
"""Of a window too short to hold a word."""

LONGEST_SECONDS = 30.0
"""What Whisper's encoder sees at once."""

SHORTEST_SECONDS = 0.1
"""A window below this is not decoded: no word is as short, and the decoder would invent one."""


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


def check(windows: Sequence[Window], *, language: str, known: Sequence[str], name: str) -> None:
    """Raises InputError for a language that the model `name` lacks or a window over 30 s."""
    if language not in known:
        spoken = ", ".join(known) if len(known) < 10 else f"{len(known)} languages, by their codes"
        raise InputError(
            f"The model {name!r} does not transcribe {language!r}.",
            mend=f"It knows {spoken}. A multilingual model, such as base, knows more.",
        )
    longest = max((seconds(window.samples) for window in windows), default=0.0)
    if longest > LONGEST_SECONDS:
        raise InputError(
            f"A window of {longest:.2f} s is longer than the {LONGEST_SECONDS:.0f} s that Whisper sees at once.",
            mend="Cut it at pauses: lintel.voice.transcription.offline does.",
        )
