import numpy as np
import pytest

from lintel.voice.audio.samples import SAMPLE_RATE
from lintel.voice.transcript import Word
from serving.voice.channel import Channel
from tests.voice_sessions.playing import ToldDetector, pause, read, said


def test_speech_is_wanted_with_what_came_just_before_it() -> None:
    channel = Channel(ToldDetector())
    channel.push(np.concatenate([pause(5.0), said("one two three")]), 0.0)
    stretch = channel.wanted(0.6)
    assert stretch is not None
    assert 4.3 < stretch.start < 4.9
    assert [word.text for word in read(stretch.samples)] == ["one", "two", "three"]
    assert not stretch.last


def test_silence_is_not_kept() -> None:
    channel = Channel(ToldDetector())
    for second in range(120):
        channel.push(pause(1.0), float(second))
    assert channel.wanted(0.0) is None
    assert channel.held_bytes < 1_000_000


def test_speech_of_every_pass_is_reported_for_the_meter() -> None:
    channel = Channel(ToldDetector())
    arrival = channel.push(np.concatenate([pause(1.0), said("one two"), pause(1.0)]), 0.0)
    assert min(start for start, _ in arrival.speech) == pytest.approx(1.0, abs=0.04)
    channel.push(said("three"), 2.6)
    assert channel.speaking


def test_a_prompt_is_what_was_committed_before_the_window_and_not_in_it() -> None:
    channel = Channel(ToldDetector())
    channel.push(np.concatenate([said("one two three"), pause(1.0)]), 0.0)
    first = channel.wanted(0.6)
    assert first is not None
    channel.hear(first, read(first.samples))
    assert channel.prompt() == "one two three"
    channel.push(said("four five six"), 1.9)
    for _ in range(2):
        second = channel.wanted(0.6)
        assert second is not None
        channel.hear(second, read(second.samples))
        channel.push(said("seven two one"), 2.8)
    assert channel.prompt() == "one two three", "four is committed, and still in the window"


def test_an_old_conversation_prompts_nothing() -> None:
    channel = Channel(ToldDetector())
    channel.push(np.concatenate([said("one two three"), pause(1.0)]), 0.0)
    stretch = channel.wanted(0.6)
    assert stretch is not None
    channel.hear(stretch, read(stretch.samples))
    channel.push(np.concatenate([pause(1.0), said("four")]), 100.0)
    assert channel.prompt() == ""


def test_too_much_that_waits_is_given_up_and_said() -> None:
    channel = Channel(ToldDetector(), backlog_s=10.0)
    given_up = 0.0
    for second in range(0, 60, 2):
        given_up += channel.push(np.concatenate([said("one two three four five"), pause(0.5)]), float(second)).given_up
    assert given_up > 20
    assert channel.waiting_s <= 10.0
    endless = Channel(ToldDetector(), backlog_s=10.0)
    given_up = sum(endless.push(np.full(SAMPLE_RATE, 0.5, np.float32), float(second)).given_up for second in range(60))
    assert given_up > 40
    assert endless.waiting_s <= 10.0


def test_words_of_a_stretch_that_was_given_up_are_not_taken() -> None:
    channel = Channel(ToldDetector(), backlog_s=5.0)
    channel.push(np.full(3 * SAMPLE_RATE, 0.5, np.float32), 0.0)
    stretch = channel.wanted(0.6)
    assert stretch is not None
    channel.push(np.full(20 * SAMPLE_RATE, 0.5, np.float32), 3.0)
    assert channel.hear(stretch, [Word("old", 0.0, 1.0, 1.0)]) is None
