"""Words that are wrong, counted."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcription.word_error_rate import normalised, word_error_rate, word_errors

texts = st.lists(st.sampled_from("abc"), max_size=8)


def naive(reference: list[str], heard: list[str]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = reference[i - 1] == heard[j - 1]
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (not same))

    return distance(len(reference), len(heard))


@given(texts, texts)
def test_errors_are_the_least_edits(reference: list[str], heard: list[str]) -> None:
    assert word_errors(reference, heard) == naive(reference, heard)


def test_the_rate_is_of_all_words_and_its_interval_of_speakers() -> None:
    speakers = ["a"] * 10 + ["b"] * 10
    errors, words = [0] * 10 + [4] * 10, [10] * 20
    rate = word_error_rate(errors, words, speakers, np.random.default_rng(1))
    assert (rate.rate, rate.errors, rate.words) == (0.2, 40, 200)
    assert (rate.low, rate.high) == (0.0, 0.4)  # half of the draws hold one speaker twice


def test_speakers_alike_leave_no_doubt() -> None:
    rate = word_error_rate([1, 1, 1], [10, 10, 10], ["a", "b", "c"], np.random.default_rng(1))
    assert rate.low == rate.high == rate.rate == pytest.approx(0.1)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's, of its list of spellings
def test_spellings_and_numbers_are_one_form() -> None:
    pytest.importorskip("whisper", reason="the normaliser ships in openai-whisper")
    assert normalised("It's twenty-five dollars, Mr. Hale; colour me GREY.") == normalised(
        "it is $25 mister hale color me gray"
    )
