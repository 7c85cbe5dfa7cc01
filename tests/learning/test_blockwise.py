import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.learning.blockwise import areas, block_areas, gain, judged_blocks
from lintel.scoring.metrics import auc


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=25))
def test_areas_are_those_of_the_metric_with_ties_and_weights(rows: list[tuple[bool, int, int]]) -> None:
    outcome, scores, weight = (np.array(column) for column in zip(*rows, strict=True))
    probability, other = scores / 5.0, np.ones(len(rows))
    found = areas(outcome, probability, np.stack([weight, other]))
    expected = [auc(outcome, probability, weight.astype(float)), auc(outcome, probability, other)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_block_that_knows_only_the_rate_is_at_chance() -> None:
    """Pooled, the same forecasts look skilled."""
    positive = np.array([False] * 9 + [True] + [True] * 9 + [False])
    probability = np.repeat([0.1, 0.9], 10)
    blocks = [np.arange(10), np.arange(10, 20)]
    assert block_areas(positive, probability, blocks).tolist() == [0.5, 0.5]
    assert auc(positive, probability, np.ones(20)) == pytest.approx(0.9)


def test_small_blocks_are_not_judged() -> None:
    positive = np.array([True, False, True, False, True, True])
    blocks = [np.arange(4), np.arange(4, 6)]
    assert [rows.tolist() for rows in judged_blocks(positive, blocks, least=2)] == [[0, 1, 2, 3]]
    assert judged_blocks(positive, blocks, least=3) == []


def test_gain_is_told_from_noise() -> None:
    random = np.random.default_rng(1)
    skill = random.random(3_000)
    positive = random.random(3_000) < skill
    blocks = list(np.split(np.arange(3_000), 6))
    found = gain(positive, skill, random.random(3_000), blocks, seed=1)
    assert found.low < found.mean < found.high
    assert found.low > 0.2
    assert found.won == 6
    same = gain(positive, random.random(3_000), random.random(3_000), blocks, seed=1)
    assert same.low < 0 < same.high
    none = gain(positive, skill, skill, blocks, seed=1)
    assert (none.mean, none.low, none.high, none.won) == (0, 0, 0, 0)
