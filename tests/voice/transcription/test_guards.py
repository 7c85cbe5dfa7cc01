"""Each guard stops what it is there for, and lets speech through."""

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcript import Word
from lintel.voice.transcription import guards
from lintel.voice.transcription.engine import Hypothesis
from lintel.voice.transcription.faster_whisper import compression_ratio


def heard(
    text: str, *, no_speech: float = 0.05, log_probability: float = -0.2, tokens: int | None = None
) -> Hypothesis:
    words = tuple(Word(one, at * 0.3, at * 0.3 + 0.3, 0.9) for at, one in enumerate(text.split()))
    count = len(words) if tokens is None else tokens
    return Hypothesis(words, no_speech, log_probability, compression_ratio(text), "en", count)


SPEECH = heard("We would like to see the house on Saturday, if that works for you.")


def test_speech_is_believed() -> None:
    assert guards.refusal(SPEECH, seconds=5) is None
    assert guards.accepted(SPEECH, seconds=5) == SPEECH.words


@pytest.mark.parametrize(
    ("hypothesis", "guard"),
    [
        (heard(""), "no words"),
        (heard(". . ."), "no words"),
        (heard("I don't know", no_speech=0.7, log_probability=-0.9), "no speech"),
        (heard("you", no_speech=0.97, log_probability=-0.5), "no speech"),
        (heard("I'm going to the left.", log_probability=-1.5), "log-probability"),
        (heard("So we go back. " * 12, log_probability=-0.1), "compression"),
        (heard("and now we go back again for " + "one two three four five six " * 3), "repetition"),
        (heard("a b c", tokens=60), "tokens a second"),
        (heard("Thanks for watching!"), "boiler-plate"),
        (heard("♪ Music ♪"), "boiler-plate"),
        (heard("Thank you.", no_speech=0.5), "boiler-plate"),
        (heard("Thank you.", log_probability=-0.85), "boiler-plate"),
    ],
)
def test_what_nobody_said_is_refused(hypothesis: Hypothesis, guard: str) -> None:
    assert guards.refusal(hypothesis, seconds=5) == guard
    assert guards.accepted(hypothesis, seconds=5) == ()


@pytest.mark.parametrize(
    "hypothesis",
    [
        heard("home.", no_speech=0.75, log_probability=-0.7),
        heard("Thank you.", no_speech=0.1, log_probability=-0.3),
        heard("Yes, yes, yes, yes."),
        heard("No no no, I mean it, no no no, not again."),
        heard("Thanks for watching the house while we were away."),
        heard("quick talk", tokens=35),
    ],
)
def test_what_people_do_say_is_not(hypothesis: Hypothesis) -> None:
    assert guards.refusal(hypothesis, seconds=5) is None


@pytest.mark.parametrize(
    ("guard", "field", "bound", "direction"),
    [
        (guards.improbable, "mean_log_probability", guards.LOG_PROBABILITY, -1),
        (guards.compressible, "compression_ratio", guards.COMPRESSION_RATIO, 1),
        (guards.no_speech, "no_speech_probability", guards.SURELY_NO_SPEECH_PROBABILITY, 1),
    ],
)
def test_thresholds_are_where_they_are_said_to_be(guard, field: str, bound: float, direction: int) -> None:  # type: ignore[no-untyped-def]
    assert not guard(replace(SPEECH, **{field: bound}))
    assert guard(replace(SPEECH, **{field: bound + direction * 0.01}))


def naive_repeated(words: list[str]) -> bool:
    length, times = guards.REPEATED_WORDS, guards.REPEATED_TIMES
    runs = [" ".join(words[at : at + length]) for at in range(len(words) - length + 1)]
    return any(runs.count(run) >= times for run in runs)


@given(st.lists(st.sampled_from(["yes", "No,", "no"]), max_size=40))
def test_repetition_is_counted_as_one_would_by_hand(texts: list[str]) -> None:
    words = [Word(text, 0.0, 0.0, 1.0) for text in texts]
    assert guards.repeated(words) is naive_repeated([text.lower().strip(",") for text in texts])


@given(st.integers(0, 300), st.floats(0.1, 30))
def test_the_pace_is_judged_by_the_window(tokens: int, seconds: float) -> None:
    refused = guards.hurried(replace(SPEECH, tokens=tokens), seconds=seconds)
    assert refused is (tokens >= min(ceil(6 * seconds) + 6, 224))
