import asyncio
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.voice.coaching.card import Card, StepDone
from lintel.voice.coaching.listening import Noticed
from lintel.voice.streaming.agreement import spoken
from lintel.voice.streaming.pressure import Pressure, PressureSettings, ladder
from lintel.voice.transcript import Turn
from lintel.voice.understanding.talk import TalkMeasures
from serving.voice.session import CallStart
from tests.voice_sessions.playing import ReadingEngine, Stage, pause, said

LOUD = np.full(16_000, 0.8, np.float32)


def test_words_are_committed_while_they_are_spoken_and_their_times_are_the_calls() -> None:
    stage = Stage()
    stage.play(np.concatenate([pause(1.0), said("one two three four five six seven eight"), pause(1.0)]))
    assert stage.text() == "one two three four five six seven eight"
    first = stage.events("committed")[0]
    assert first.at < 3.0, "the first words while the last ones were still to come"
    word = first.data["words"][0]
    assert (word["text"], word["start"]) == ("one", pytest.approx(1.0, abs=0.01))
    assert first.data["speaker"] == "agent"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["one", "two", "three", "yes.", "no."]), min_size=1, max_size=30),
            st.floats(0.1, 2.0),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_word_is_lost_doubled_or_taken_back(speech: list[tuple[list[str], float]]) -> None:
    stage = Stage(start=CallStart("acme", speakers=("agent",)))
    stage.play(np.concatenate([part for words, rest in speech for part in (said(" ".join(words)), pause(rest))]))
    stage.session.end("hung_up")
    stage.decode()
    assert stage.text() == " ".join(spoken(word) for words, _ in speech for word in words)
    numbers = [event.number for event in stage.session.history.since(0)]
    assert numbers == sorted(numbers)


def test_both_sides_become_turns_in_the_order_of_the_talk() -> None:
    stage = Stage()
    agent = np.concatenate([said("one two three"), pause(3.0), said("six seven"), pause(4.0)])
    lead = np.concatenate([pause(1.5), said("four five"), pause(5.5)])
    stage.play(agent, lead)
    turns = [(event.data["speaker"], event.data["text"]) for event in stage.events("turn")]
    assert turns == [("agent", "one two three"), ("lead", "four five"), ("agent", "six seven")]
    assert [segment.text for segment in stage.session.transcript()] == [text for _, text in turns]
    assert [segment.channel for segment in stage.session.transcript()] == [0, 1, 0]


def test_not_a_frame_is_looked_at_before_consent() -> None:
    stage = Stage(agreed=False)
    stage.play(LOUD, LOUD)
    stage.session.set_consent("agent", "granted", 1.0)
    stage.play(LOUD, LOUD, at=1.0)
    assert stage.engine.batches == []
    assert [detector.heard for detector in stage.detectors] == [0.0, 0.0]
    assert stage.session.unheard_s == pytest.approx(4.0)
    stage.session.set_consent("lead", "granted", 2.5)
    late = np.concatenate([LOUD[:8_000], said("one two three"), pause(1.0)])
    stage.play(late, at=2.0)
    assert stage.detectors[0].heard < 0.8, "what was said before consent came stays unheard even if it comes later"
    assert stage.engine.loudest < 0.8
    assert stage.text() == "one two three"


def test_consent_is_told_with_who_is_missing() -> None:
    stage = Stage(agreed=False)
    stage.session.disclose(0.5)
    stage.session.set_consent("agent", "granted", 1.0)
    stage.session.set_consent("agent", "granted", 1.1)
    stage.session.set_consent("lead", "granted", 2.0)
    assert [
        (event.data["state"], event.data["disclosed"], event.data["missing"]) for event in stage.events("consent")
    ] == [
        ("unknown", False, ["agent", "lead"]),
        ("unknown", True, ["agent", "lead"]),
        ("unknown", True, ["lead"]),
        ("granted", True, []),
    ]


def test_a_withdrawal_stops_at_once_and_nothing_that_waited_is_heard() -> None:
    stage = Stage()
    stage.play(said("one two three four five six"))
    before = stage.text()
    stage.play(LOUD, at=1.8, decode=False)
    stage.session.set_consent("lead", "withdrawn", 2.8)
    assert (stage.session.ended, stage.decoder.pending) == ("consent_withdrawn", 0)
    stage.play(said("seven eight"), at=2.8)
    assert stage.text() == before
    assert stage.engine.loudest < 0.8
    assert [channel.waiting_s for channel in stage.channels] == [0, 0]
    assert stage.events("tentative")[-1].data["words"] == []
    assert stage.events("ended")[0].data == {"reason": "consent_withdrawn"}


def test_words_that_the_decoder_brings_after_a_withdrawal_are_not_taken() -> None:
    stage = Stage()
    stage.engine._during = lambda: stage.session.set_consent("lead", "withdrawn", 1.0)
    stage.play(said("one two three four"))
    assert stage.text() == ""


def test_a_lost_network_is_told_and_the_words_around_it_keep_their_times() -> None:
    stage = Stage()
    stage.play(said("one two three"))
    stage.clock.now = 3.0
    stage.session.tick()
    stage.decode()
    assert stage.text() == "one two three", "what was said is settled while the network is away"
    stage.play(np.concatenate([said("four five"), pause(1.0)]), at=5.9)
    assert [(event.data["channel"], event.data["seconds"]) for event in stage.events("gap")] == [(0, 5.0)]
    assert stage.text() == "one two three four five"
    assert stage.session.transcript()[-1].start == pytest.approx(5.9, abs=0.01)


def test_what_arrives_twice_is_said_once() -> None:
    stage = Stage()
    audio = said("one two three")
    stage.play(audio)
    stage.play(audio[4_800:], at=0.3)
    stage.play(pause(1.0), at=0.9)
    assert stage.text() == "one two three"


def test_a_call_that_hangs_up_still_gets_its_last_words() -> None:
    stage = Stage()
    stage.play(said("one two"), decode=False)
    stage.session.end("hung_up")
    stage.session.end("vanished")
    assert stage.session.ended is None
    stage.decode()
    assert stage.text() == "one two"
    assert stage.session.ended == "hung_up"
    assert [event.kind for event in stage.session.history.since(0)][-4:] == ["turn", "lag", "meter", "ended"]


def test_a_decoder_that_never_answers_does_not_keep_a_call_open() -> None:
    stage = Stage()
    stage.play(said("one two"), decode=False)
    stage.session.end("hung_up")
    stage.clock.now += 11.0
    stage.session.tick()
    assert stage.session.ended == "hung_up"


def test_an_engine_that_fails_on_one_call_leaves_the_others_their_words() -> None:
    stage = Stage()
    poison = np.full(32_000, 0.95, np.float32)
    stage.play(np.concatenate([said("one two three"), pause(1.0)]), np.concatenate([poison, pause(1.0)]))
    assert (stage.text(0), stage.text(1)) == ("one two three", "")


def test_a_decoder_that_goes_round_in_circles_takes_back_nothing() -> None:
    stage = Stage(engine=ReadingEngine(loops_after=5))
    stage.play(np.concatenate([said("one two three four five six"), pause(1.0)]))
    assert stage.text() == "one two three"


def test_nothing_said_commits_nothing() -> None:
    stage = Stage()
    stage.play(pause(10.0), pause(10.0))
    assert (stage.engine.batches, stage.events("committed"), stage.session.transcript()) == ([], [], [])


def test_lag_is_told_also_while_the_decoder_is_silent() -> None:
    stage = Stage(pressure=Pressure(ladder(1), PressureSettings(patience=1)))
    stage.play(said("one two three four five six seven eight nine ten"), decode=False)
    assert stage.session.lag_ms()[0] > 2_000
    stage.clock.now = 5.0
    stage.session.tick()
    assert stage.events("lag")[-1].data["lag_ms"]["0"] > 4_000
    stage.decode()
    assert stage.decoder.rung == ladder(1)[1]
    stage.clock.now = 8.0
    stage.session.tick()
    assert stage.events("lag")[-1].data["chunk_seconds"] == ladder(1)[1].chunk_seconds


def test_a_channel_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="no channel 2"):
        Stage().session.push(2, LOUD, 0.0)


class EchoingCoach:
    """One card for each turn that has a "no." in it, one step for "yes."."""

    def __init__(self) -> None:
        self.noticed: list[Noticed] = []

    def hear(self, turn: Turn, noticed: Iterable[Noticed], at: float) -> list[Card | StepDone]:
        self.noticed += noticed
        if "no." in turn.text:
            return [Card("c.1", "c", "info", "rapport", "No?", "Ask why.", "no.", turn.start, turn.end, at)]
        return [StepDone("book", "s", "Said yes", "yes.", at)] if "yes." in turn.text else []

    def measure(self, measures: TalkMeasures, at: float) -> list[Card]:
        return []

    def judge(self, card_id: str, verdict: Literal["dismissed", "useful"]) -> Card | None:
        return None if card_id != "c.1" else Card("c.1", "c", "info", "rapport", "", "", "", 0.0, 0.0, 0.0)


def test_the_coach_hears_committed_words_before_the_turn_is_over() -> None:
    stage = Stage(coach=EchoingCoach())
    stage.play(pause(5.0), np.concatenate([said("one no. two three four five six seven eight"), pause(2.0)]))
    card = stage.events("card")[0]
    assert card.at < 2.7
    assert card.data["card"]["suggestion"] == "Ask why."
    stage.session.judge("c.1", "useful")
    stage.session.judge("c.9", "useful")
    assert stage.events("card")[-1].data == {"card_id": "c.1", "state": "useful"}


def test_steps_and_measures_are_told() -> None:
    stage = Stage(coach=EchoingCoach())
    stage.play(np.concatenate([said("one yes."), pause(6.0)]), pause(6.6))
    assert stage.events("step")[0].data["step"] == "s"
    assert stage.events("step")[0].data["done"] is True
    assert stage.events("meter")[-1].data["talk_share"] == {"agent": 1.0}


def test_a_watcher_who_comes_back_misses_nothing() -> None:
    async def watch() -> list[int]:
        stage = Stage()
        stage.play(said("one two three four five"))
        seen = [event.number for event in stage.session.history.since(0)][:4]
        watching = stage.session.watch(after=seen[-1])
        stage.session.end("hung_up")
        stage.decode()
        return seen + [event.number async for event in watching]

    numbers = asyncio.run(watch())
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == max(numbers)
