"""What keeps invented words out: Whisper writes sentences into silence, noise and music.

Each guard is a pure function of a hypothesis and says whether it must not be believed. The thresholds' figures are in
`docs/transcription.md`; `python -m benchmarks.transcription` prints what they cost and what they stop.
"""

import re
from collections import Counter
from collections.abc import Sequence

from lintel.voice.transcript import Word, joined
from lintel.voice.transcription.engine import Hypothesis

NO_SPEECH_PROBABILITY = 0.6
NO_SPEECH_LOG_PROBABILITY = -0.8
SURELY_NO_SPEECH_PROBABILITY = 0.92
LOG_PROBABILITY = -1.25
COMPRESSION_RATIO = 2.4
REPEATED_WORDS = 5
REPEATED_TIMES = 3
TOKENS_A_SECOND = 8.0
SPARE_TOKENS = 8

BOILERPLATE = frozenset(
    {
        "thank you for watching",
        "thanks for watching",
        "thank you so much for watching",
        "thank you very much for watching",
        "thanks for listening",
        "thank you for listening",
        "please subscribe",
        "please subscribe to my channel",
        "like and subscribe",
        "dont forget to subscribe",
        "subtitles by the amaraorg community",
        "transcription by castingwords",
        "ill see you in the next video",
        "see you in the next video",
        "see you next time",
        "music",
        "applause",
        "silence",
        "blank audio",
    }
)
"""What the captions that Whisper learnt from say over music and silence, as `_plain` writes it."""

BACKGROUND = frozenset({"you", "thank you", "bye", "bye bye", "so", "okay", "oh", "the", "uh", "um", "hmm"})
"""Said in calls, and invented over silence: believed only where the engine is sure of both."""
BACKGROUND_NO_SPEECH_PROBABILITY = 0.3
BACKGROUND_LOG_PROBABILITY = -0.8


def no_speech(hypothesis: Hypothesis) -> bool:
    """Whisper's own sign of silence, with a text it is unsure of; or that sign alone where it is all but certain."""
    probability = hypothesis.no_speech_probability
    unsure = hypothesis.mean_log_probability < NO_SPEECH_LOG_PROBABILITY
    return probability > SURELY_NO_SPEECH_PROBABILITY or (probability > NO_SPEECH_PROBABILITY and unsure)


def improbable(hypothesis: Hypothesis) -> bool:
    return hypothesis.mean_log_probability < LOG_PROBABILITY


def compressible(hypothesis: Hypothesis) -> bool:
    return hypothesis.compression_ratio > COMPRESSION_RATIO


def repeated(words: Sequence[Word]) -> bool:
    """Whether some `REPEATED_WORDS` words in a row come `REPEATED_TIMES` times."""
    plain = [_plain(word.text) for word in words]
    runs = Counter(tuple(plain[at : at + REPEATED_WORDS]) for at in range(len(plain) - REPEATED_WORDS + 1))
    return max(runs.values(), default=0) >= REPEATED_TIMES


def hurried(hypothesis: Hypothesis, *, seconds: float) -> bool:
    """More tokens than anybody says in `seconds`."""
    return hypothesis.tokens > TOKENS_A_SECOND * seconds + SPARE_TOKENS


def boilerplate(hypothesis: Hypothesis) -> bool:
    """Nothing but what captions say where nobody speaks."""
    plain = _plain(joined(hypothesis.words))
    if plain in BACKGROUND:
        return (
            hypothesis.no_speech_probability > BACKGROUND_NO_SPEECH_PROBABILITY
            or hypothesis.mean_log_probability < BACKGROUND_LOG_PROBABILITY
        )
    return plain in BOILERPLATE


def refusal(hypothesis: Hypothesis, *, seconds: float) -> str | None:
    """The name of the first guard that speaks against a hypothesis about a window of `seconds`, or None."""
    refused = {
        "no words": not any(_plain(word.text) for word in hypothesis.words),
        "no speech": no_speech(hypothesis),
        "log-probability": improbable(hypothesis),
        "compression": compressible(hypothesis),
        "repetition": repeated(hypothesis.words),
        "tokens a second": hurried(hypothesis, seconds=seconds),
        "boiler-plate": boilerplate(hypothesis),
    }
    return next((guard for guard, speaks in refused.items() if speaks), None)


LOOPS = frozenset({"compression", "repetition", "tokens a second"})
"""Refusals of a decoder that goes round in circles: another window over the same speech may do better."""


def accepted(hypothesis: Hypothesis, *, seconds: float) -> tuple[Word, ...]:
    """The words of a hypothesis about a window of `seconds`; none if `refusal` names a guard."""
    return () if refusal(hypothesis, seconds=seconds) else hypothesis.words


def _plain(text: str) -> str:
    """Lower case, letters and digits of any script, single spaces."""
    return " ".join(re.sub(r"[^\w\s]|_", "", text.lower()).split())
