"""Pieces of a text and their times become words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcript import joined
from lintel.voice.transcription.words import LONGEST_MEDIAN_SECONDS, Piece, words


def spoken(*texts: str, each: float = 0.3) -> list[Piece]:
    return [Piece(text, at * each, (at + 1) * each, 0.9) for at, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((" Hello", ",", " world", "."), ["Hello,", "world."]),
        ((" Mr", ".", " Hale", "...", "?"), ["Mr.", "Hale...?"]),
        ((" He", " said", ' "', "no", '"', "."), ["He", "said", '"no".']),
        ((" I'm", " 25", "%", " sure"), ["I'm", "25%", "sure"]),
        ((" (", "maybe", ")"), ["(maybe)"]),
        (("Hello", " there"), ["Hello", "there"]),
        ((" ", " well", ""), ["well"]),
        ((".", " so"), [".", "so"]),
        ((), []),
        ((" (",), []),
    ],
)
def test_marks_belong_to_their_words(pieces: tuple[str, ...], expected: list[str]) -> None:
    assert [word.text for word in words(spoken(*pieces), seconds=30)] == expected


def test_a_mark_lends_its_word_neither_time_nor_doubt() -> None:
    pieces = [Piece(" yes", 0.2, 0.5, 0.9), Piece(",", 0.5, 2.0, 0.1)]
    (word,) = words(pieces, seconds=5)
    assert (word.text, word.start, word.end, word.probability) == ("yes,", 0.2, 0.5, 0.9)


def test_a_word_beside_a_pause_is_not_as_long_as_the_pause() -> None:
    pieces = [*spoken(" one", " two", " three"), Piece(" four", 0.9, 6.0, 0.9)]
    last = words(pieces, seconds=10)[-1]
    assert last.end == 6.0
    assert last.end - last.start == pytest.approx(0.6)


def test_a_word_without_length_has_the_usual_one() -> None:
    pieces = [*spoken(" one", " two"), Piece(" Hale", 2.0, 2.0, 0.5), Piece(" as", 2.4, 2.7, 0.9)]
    hale = words(pieces, seconds=10)[2]
    assert (hale.start, hale.end) == (pytest.approx(1.7), 2.0)


times = st.floats(-1, 31, allow_nan=False)


@given(
    st.lists(st.builds(Piece, st.sampled_from([" a", " b", ".", ' "', "c"]), times, times, st.floats(-0.1, 1.1))),
    st.floats(0.1, 30),
)
def test_times_ascend_within_the_window(pieces: list[Piece], seconds: float) -> None:
    found = words(pieces, seconds=seconds)
    flat = [time for word in found for time in (word.start, word.end)]
    assert flat == sorted(flat)
    assert all(0 <= time <= seconds for time in flat)
    assert all(word.end - word.start <= 2 * LONGEST_MEDIAN_SECONDS + 1e-9 for word in found)
    assert all(0 <= word.probability <= 1 for word in found)
    kept = "".join(piece.text for piece in pieces).replace(" ", "").rstrip('"')
    assert joined(found).replace(" ", "").rstrip('"') == kept
