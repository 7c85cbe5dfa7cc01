"""The scorer against a grid of milliseconds and every matching of speakers."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintel.voice.speakers.error_rate import Errors, diarization_errors
from lintel.voice.speakers.stretch import Stretch

CELLS = 64
"""Each an eighth of a second, so that times are exact in binary."""

stretches_strategy = st.lists(
    st.builds(
        lambda start, length, speaker: Stretch(start / 8, (start + length) / 8, speaker),
        st.integers(0, 40),
        st.integers(1, 20),
        st.sampled_from("abc"),
    ),
    max_size=7,
)


def heard(stretches: list[Stretch], speaker: str, cell: int) -> bool:
    return any(one.start <= cell / 8 < one.end for one in stretches if one.speaker == speaker)


def naive(reference: list[Stretch], found: list[Stretch], collar: float, overlap: bool) -> Errors:
    names, guesses = sorted({one.speaker for one in reference}), sorted({one.speaker for one in found})
    padded = guesses + ["nobody"] * len(names)
    missed = false = speech = 0
    rights = dict.fromkeys(permutations(padded, len(names)), 0)
    for cell in range(CELLS):
        true = {name for name in names if heard(reference, name, cell)}
        told = {name for name in guesses if heard(found, name, cell)}
        near = any(
            edge - collar <= cell / 8 < edge + collar for one in reference for edge in (one.start, one.end) if collar
        )
        if near or (not overlap and len(true) > 1):
            continue
        speech += len(true)
        missed += max(0, len(true) - len(told))
        false += max(0, len(told) - len(true))
        for matching in rights:
            pairs = zip(names, matching, strict=True)
            rights[matching] += min(len(true), len(told)) - sum(a in true and b in told for a, b in pairs)
    return Errors(missed / 8, false / 8, min(rights.values()) / 8, speech / 8)


@given(
    reference=stretches_strategy,
    found=stretches_strategy,
    collar=st.sampled_from([0.0, 0.125, 0.25]),
    overlap=st.booleans(),
)
def test_errors_are_those_of_the_grid_at_the_best_matching(
    reference: list[Stretch], found: list[Stretch], collar: float, overlap: bool
) -> None:
    got = diarization_errors(reference, found, collar_s=collar, overlap=overlap)
    wanted = naive(reference, found, collar, overlap)
    assert (got.missed, got.false_alarm, got.speech) == (wanted.missed, wanted.false_alarm, wanted.speech)
    assert got.confused == pytest.approx(wanted.confused, abs=1e-9)


@given(reference=stretches_strategy, names=st.permutations(["x", "y", "z"]))
def test_names_do_not_matter(reference: list[Stretch], names: list[str]) -> None:
    renamed = [Stretch(one.start, one.end, dict(zip("abc", names, strict=True))[one.speaker]) for one in reference]
    assert diarization_errors(reference, renamed).rate == pytest.approx(0.0)


@given(reference=stretches_strategy)
def test_saying_nothing_misses_all(reference: list[Stretch]) -> None:
    assume(reference)
    assert diarization_errors(reference, []).rate == 1.0


def test_a_rate_by_hand() -> None:
    reference = [Stretch(0, 4, "ann"), Stretch(4, 10, "bob")]
    found = [Stretch(0, 5, "speaker-1"), Stretch(5, 8, "speaker-2"), Stretch(11, 12, "speaker-2")]
    assert diarization_errors(reference, found) == Errors(missed=2, false_alarm=1, confused=1, speech=10)
    assert diarization_errors(reference, found).rate == 0.4
    assert diarization_errors(reference, found, collar_s=0.25).confused == 0.75


def test_two_files_add_up() -> None:
    assert Errors(1, 2, 3, 10) + Errors(0, 1, 0, 4) == Errors(1, 3, 3, 14)


def test_silence_in_silence_is_no_error() -> None:
    assert diarization_errors([], []).rate == 0.0
    assert diarization_errors([], [Stretch(0, 1, "speaker-1")]).rate == np.inf
