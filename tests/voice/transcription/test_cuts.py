"""Windows over the stretches of speech of a channel."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcription.cuts import LONGEST_PAUSE_S, Cut, cuts, halves
from lintel.voice.transcription.engine import LONGEST_SECONDS


def middle(start: float, end: float) -> float:
    return (start + end) / 2


def test_stretches_share_a_window_while_there_is_room() -> None:
    assert cuts([(1, 5), (6, 20), (21, 30), (31, 33)], middle) == [Cut(1, 30), Cut(31, 33)]


def test_a_long_pause_begins_a_window() -> None:
    assert cuts([(0, 2), (2 + LONGEST_PAUSE_S, 6), (10, 11)], middle) == [Cut(0, 6), Cut(10, 11)]


def test_a_stretch_without_a_pause_is_cut_where_it_is_quietest() -> None:
    asked = []

    def quietest(start: float, end: float) -> float:
        asked.append((start, end))
        return end - 1

    assert cuts([(10, 75)], quietest) == [Cut(10, 39), Cut(39, 68), Cut(68, 75)]
    assert asked == [(pytest.approx(30), 40), (pytest.approx(59), 69)]


def test_nobody_speaks() -> None:
    assert cuts([], middle) == []


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[float, float]]:
    at, found = 0.0, []
    for pause, length in draw(st.lists(st.tuples(st.floats(0.01, 8), st.floats(0.05, 100)), max_size=8)):
        found.append((at + pause, at + pause + length))
        at += pause + length
    return found


@given(stretches(), st.floats(0, 1))
def test_windows_hold_all_speech_once(found: list[tuple[float, float]], where: float) -> None:
    windows = cuts(found, lambda start, end: start + where * (end - start))
    assert all(0 < one.seconds <= LONGEST_SECONDS + 1e-9 for one in windows)
    assert all(one.end <= other.start for one, other in pairwise(windows))
    for start, end in found:
        held = sum(max(0.0, min(end, one.end) - max(start, one.start)) for one in windows)
        assert held == pytest.approx(end - start)


@given(st.floats(0, 100), st.floats(1, 30), st.floats(0, 1))
def test_halves_are_the_whole(start: float, length: float, where: float) -> None:
    cut = Cut(start, start + length)
    first, second = halves(cut, lambda begin, end: begin + where * (end - begin))
    assert (first.start, second.end) == (cut.start, cut.end)
    assert first.end == second.start
    assert min(first.seconds, second.seconds) >= length / 3 - 1e-9
