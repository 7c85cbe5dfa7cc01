"""Changes of a customer's voice against its own first minute; never an agent's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.errors import RefusedError
from lintel.voice.affect.arousal import Direction, Piece, arousal, pieces
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcript import AGENT, LEAD


def usual(seconds: float = 60.0, seed: int = 0) -> list[Piece]:
    """A voice that varies a little, in pieces of two seconds of which 1.5 are voiced."""
    rng = np.random.default_rng(seed)
    return [
        Piece(
            2.0 * at, 2.0 * at + 2, 1.5, *(np.array([5.0, -25.0, 6.0, 4.0]) + rng.normal(size=4) * [0.5, 1.5, 1, 0.5])
        )
        for at in range(round(seconds / 2))
    ]


def later(**moved: float) -> list[Piece]:
    """Four seconds after the first minute, its middle moved."""
    one = Piece(200.0, 202.0, 1.5, 5.0, -25.0, 6.0, 4.0)
    changed = replace(one, **{name: getattr(one, name) + by for name, by in moved.items()})
    return [changed, replace(changed, start=202.0, end=204.0)]


def after_a_minute(**moved: float) -> tuple[Direction, float | None]:
    first, told = arousal([usual(), later(**moved)])
    assert first.direction is Direction.UNKNOWN
    return told.direction, told.change


def test_higher_and_louder_is_raised_and_the_reverse_lowered() -> None:
    assert after_a_minute(pitch=4.0, loudness=8.0)[0] is Direction.RAISED
    assert after_a_minute(pitch=-4.0, loudness=-8.0)[0] is Direction.LOWERED
    assert after_a_minute()[0] is Direction.AS_BEFORE


def test_it_says_what_moved_by_how_much() -> None:
    _, told = arousal([usual(), later(pitch=4.0, loudness=8.0)])
    assert [one.split()[0] for one in told.why] in (["loudness", "pitch"], ["pitch", "loudness"])
    assert any("semitones" in one and "+" in one for one in told.why)
    assert told.confidence == pytest.approx(1.0, abs=0.2)


def test_measures_that_disagree_are_unknown() -> None:
    """Much higher and livelier, but much slower and a little softer: no one direction."""
    _, told = arousal([usual(), later(pitch=9.0, liveliness=9.0, loudness=-3.0, syllables=-9.0)])
    assert told.direction in (Direction.UNKNOWN, Direction.AS_BEFORE)


def test_too_short_a_turn_is_unknown() -> None:
    short = [replace(later(pitch=4.0, loudness=8.0)[0], voiced_s=0.4)]
    assert arousal([usual(), short])[1].direction is Direction.UNKNOWN
    assert arousal([usual(), []])[1].why == ("too little voice",)


def test_too_short_a_call_is_unknown_throughout() -> None:
    told = arousal([usual(50.0), later(pitch=9.0)])
    assert {one.direction for one in told} == {Direction.UNKNOWN}
    assert arousal([]) == []


def test_what_comes_later_changes_nothing_before() -> None:
    turns = [usual(), later(pitch=2.0), [replace(piece, start=300.0) for piece in later(pitch=9.0)]]
    assert arousal(turns[:2]) == arousal(turns)[:2]


@settings(max_examples=50)
@given(st.floats(-20, 20), st.floats(-40, 40), st.floats(-10, 10), st.floats(-4, 4), st.floats(-24, 24))
def test_only_changes_count(pitch: float, loudness: float, liveliness: float, syllables: float, shift: float) -> None:
    """A voice that is higher from the start, or a louder line, is told the same; confidence stays within 0..1."""
    moved = {"pitch": pitch, "loudness": loudness, "liveliness": liveliness, "syllables": syllables}
    turns = [usual(), later(**moved)]
    shifted = [[replace(one, pitch=one.pitch + shift, loudness=one.loudness - shift) for one in turn] for turn in turns]
    for here, there in zip(arousal(turns), arousal(shifted), strict=True):
        assert 0 <= here.confidence <= 1
        assert here.change == pytest.approx(there.change, abs=1e-6) if here.change is not None else True
        assert (here.change is None) == (here.direction is Direction.UNKNOWN)


@settings(max_examples=50)
@given(st.floats(0.0, 8.0), st.floats(0.0, 4.0))
def test_more_is_never_told_as_less(pitch: float, more: float) -> None:
    _, less = after_a_minute(pitch=pitch, loudness=pitch)
    _, greater = after_a_minute(pitch=pitch + more, loudness=pitch + more)
    if less is not None and greater is not None:
        assert greater >= less - 1e-9


def tone(hertz: float, seconds: float, loudness: float) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wobble = hertz * (1 + 0.02 * np.sin(2 * np.pi * 0.3 * time))
    phase = 2 * np.pi * np.cumsum(wobble) / SAMPLE_RATE
    beats = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    return np.asarray(loudness * beats * (np.sin(phase) + 0.5 * np.sin(2 * phase)), np.float32)


def test_from_sound_to_what_is_told() -> None:
    samples = np.concatenate([tone(120, 30, 0.1), tone(120, 6, 0.1), tone(190, 6, 0.4)])
    stretches = ([(0.0, 30.0)], [(30.0, 36.0)], [(36.0, 42.0)])
    told = arousal([list(pieces(samples, stretch, speaker=LEAD)) for stretch in stretches])
    assert {one.direction for one in told} == {Direction.UNKNOWN}  # all within the first minute
    samples = np.concatenate([tone(120, 66, 0.1), tone(120, 6, 0.1), tone(190, 6, 0.4)])
    stretches = ([(0.0, 66.0)], [(66.0, 72.0)], [(72.0, 78.0)])
    told = arousal([list(pieces(samples, stretch, speaker=LEAD)) for stretch in stretches])
    assert [one.direction for one in told] == [Direction.UNKNOWN, Direction.AS_BEFORE, Direction.RAISED]


@pytest.mark.parametrize("speaker", [AGENT, "speaker-1", "ann", ""])
def test_nobody_but_the_lead_is_measured(speaker: str) -> None:
    with pytest.raises(RefusedError, match="only a customer's"):
        list(pieces(tone(120, 2, 0.1), [(0.0, 2.0)], speaker=speaker))
