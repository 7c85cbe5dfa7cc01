"""What keeps invented words out: Whisper writes sentences into silence, noise and music.

Each guard is a pure function of a hypothesis and says whether it must not be believed. The figures beside thresholds
were measured as `docs/transcription.md` says; `python -m benchmarks.transcription` prints what guards cost and stop.
"""

import re
from collections import Counter
from collections.abc import Sequence

from lintel.voice.transcript import Word, joined
from lintel.voice.transcription.engine import Hypothesis
from lintel.voice.transcription.short_window import most_tokens

NO_SPEECH_PROBABILITY = 0.6
NO_SPEECH_LOG_PROBABILITY = -0.8
"""Invented text had at least .77 with tiny.en and a log-probability below; cuts of 2 s out of speech had both in 2 %,
whole utterances never."""
SURELY_NO_SPEECH_PROBABILITY = 0.92
"""Over silence Whisper is sure of its "you" (-.4 to -.9), and of the silence too: .92 to .99. Speech had up to .89."""
LOG_PROBABILITY = -1.25
"""Sentences invented from music had -1.3 to -2.2 with base, whose P(no speech) was low there; a hundredth of real
utterances had less, and were heard wrong."""
COMPRESSION_RATIO = 2.4
"""Whisper's own bound. Speech had at most 1.7, loops 2.4 to 27."""
REPEATED_WORDS = 5
REPEATED_TIMES = 3
"""Loops too short for the compression to tell. Twice is what people do: "I would like to, I would like to see"."""

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
    """As many tokens as are ever written for `seconds`: the decoder had to be stopped. Read speech had at most 5.5
    tokens a second in windows of 2 s."""
    return hypothesis.tokens >= most_tokens(seconds)


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
