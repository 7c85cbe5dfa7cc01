from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lintel.voice.speakers.clustering import MOST_COMPARED, most_similar_path, speakers_among, turns


def voices(speakers: list[int], seed: int, *, spread: float = 0.3) -> NDArray[np.float32]:
    """Unit vectors around as many random directions as there are speakers; two of one speaker have a cosine of .9."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(speakers) + 1, 64))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[speakers] + spread * random.standard_normal((len(speakers), 64)) / 8
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=40)
@given(
    runs=st.lists(st.tuples(st.integers(0, 3), st.integers(6, 15)), min_size=1, max_size=8),
    seed=st.integers(0, 50),
)
def test_finds_the_speakers_and_their_turns(runs: list[tuple[int, int]], seed: int) -> None:
    said = [speaker for speaker, length in runs for _ in range(length)]
    order = list(dict.fromkeys(said))
    vectors = voices(said, seed)
    assert speakers_among(vectors) == len(order)
    assert turns(vectors, len(order)).tolist() == [order.index(speaker) for speaker in said]


def test_a_cough_is_no_speaker() -> None:
    assert speakers_among(voices([0] * 60 + [1] * 2 + [2] * 60, 1)) == 2


def test_one_odd_window_does_not_change_the_speaker() -> None:
    vectors = voices([0] * 20 + [1] * 20, 2)
    vectors[10] = 0.45 * vectors[10] + 0.55 * vectors[30]
    vectors[10] /= np.linalg.norm(vectors[10])
    assert turns(vectors, 2).tolist() == [0] * 20 + [1] * 20


def test_hours_of_speech_are_told_apart_by_a_part_of_it() -> None:
    said = ([0] * 30 + [1] * 30) * (MOST_COMPARED // 30)
    vectors = voices(said, 3)
    assert speakers_among(vectors) == 2
    assert turns(vectors, 2).tolist() == said


def test_fewer_windows_than_speakers() -> None:
    assert turns(voices([0, 1], 4), 5).tolist() == [0, 1]
    assert turns(voices([0], 4), 2).tolist() == [0]
    assert speakers_among(voices([0], 4)) == 1


similarities_strategy = arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 3)), elements=st.floats(-1, 1))


@given(similarities=similarities_strategy, cost=st.sampled_from([0.0, 0.25, 1.0, 5.0]))
def test_no_path_is_better(similarities: NDArray[np.float64], cost: float) -> None:
    def worth(path: tuple[int, ...]) -> float:
        changes = sum(one != other for one, other in pairwise(path))
        return sum(similarities[moment, speaker] for moment, speaker in enumerate(path)) - cost * changes

    best = max(worth(path) for path in product(range(similarities.shape[1]), repeat=len(similarities)))
    assert worth(tuple(most_similar_path(similarities, cost))) == pytest.approx(best, abs=1e-9)
