import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.streaming.timeline import JITTER_S, SILENCE_MOST_S, Timeline


def tone(length_s: float) -> Samples:
    return np.full(round(length_s * SAMPLE_RATE), 0.5, np.float32)


def test_the_first_samples_set_the_clock() -> None:
    timeline = Timeline()
    placed = timeline.place(tone(0.5), 3.0)
    assert (placed.start, placed.gap, len(placed.silence)) == (3.0, 0.0, 0)
    assert timeline.end == 3.5


def test_a_short_gap_is_filled_with_as_much_silence() -> None:
    timeline = Timeline()
    timeline.place(tone(1.0), 0.0)
    placed = timeline.place(tone(1.0), 1.5)
    assert (placed.gap, placed.start, placed.anew) == (0.5, 1.5, False)
    assert len(placed.silence) == 8_000
    assert not placed.silence.any()


def test_a_long_gap_ends_speech_and_begins_anew_without_an_hour_of_zeros() -> None:
    timeline = Timeline()
    timeline.place(tone(1.0), 0.0)
    placed = timeline.place(tone(1.0), 3_601.0)
    assert (placed.gap, placed.anew, placed.start) == (3_600.0, True, 3_601.0)
    assert len(placed.silence) == SILENCE_MOST_S * SAMPLE_RATE
    assert timeline.end == 3_602.0


def test_what_comes_twice_is_cut() -> None:
    timeline = Timeline()
    timeline.place(tone(1.0), 0.0)
    placed = timeline.place(tone(1.0), 0.75)
    assert (placed.cut, placed.start, len(placed.samples)) == (0.25, 1.0, 12_000)
    again = timeline.place(tone(0.5), 0.0)
    assert (again.cut, len(again.samples)) == (0.5, 0)
    assert timeline.end == 1.75


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 20)), min_size=1, max_size=20))
def test_every_moment_is_listened_to_once_and_in_order(pieces: list[tuple[int, int]]) -> None:
    """Pieces in units of 20 ms; time goes on by what is placed, lost or skipped, and never back."""
    timeline, end = Timeline(), None
    for at, length in pieces:
        placed = timeline.place(tone(length / 50), at / 50)
        begin = at / 50 if end is None else max(at / 50, end)
        assert placed.gap == pytest.approx(0.0 if end is None else max(0.0, at / 50 - end), abs=JITTER_S)
        assert placed.start == pytest.approx(begin, abs=2 * JITTER_S)
        assert len(placed.samples) + round(placed.cut * SAMPLE_RATE) == length * 320
        end = placed.start + len(placed.samples) / SAMPLE_RATE
        assert timeline.end == pytest.approx(end)
