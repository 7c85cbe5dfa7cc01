"""All trees at once against a walk down each tree, and against the libraries that grew them: to the bit."""

import math
from functools import partial

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lintel.scoring.booster_trees import lightgbm_forest, xgboost_forest
from lintel.scoring.forest import MOST_LEAVES, Forest, Split, Tree, forest

Float32 = NDArray[np.float32]

FEATURES = 3
NAN, INFINITY = float("nan"), float("inf")
numbers = st.integers(-3, 3).map(float) | st.floats(-(2.0**99), 2.0**99, width=32)
rows = arrays(np.float32, st.tuples(st.integers(1, 5), st.just(FEATURES)), elements=numbers | st.just(NAN))
splits = partial(st.builds, Split, st.integers(0, FEATURES), numbers, st.sampled_from([-INFINITY, 0.0, INFINITY]))
trees = st.recursive(st.floats(-1.0, 1.0, width=32), lambda inner: splits(inner, inner), max_leaves=MOST_LEAVES)


def walked(tree: Tree, row: list[float]) -> float:
    """The leaf that a row ends in."""
    while isinstance(tree, Split):
        value = tree.missing if math.isnan(row[tree.feature]) else row[tree.feature]
        tree = tree.right if value >= tree.threshold else tree.left
    return tree


@settings(max_examples=200, deadline=None, derandomize=True)
@given(grown=st.lists(trees, min_size=2, max_size=6), features=rows, bins=st.integers(1, 4), outputs=st.integers(1, 2))
def test_a_forest_sums_the_leaves_that_a_walk_finds(
    grown: list[Tree], features: Float32, bins: int, outputs: int
) -> None:
    grown = grown[: len(grown) // outputs * outputs]
    start = np.arange(outputs, dtype=np.float64)
    found = forest(grown, start, bins=bins, bin_feature=FEATURES)
    assert found is not None
    margins = found.margins(features)
    assert margins.shape == (outputs, bins, len(features))
    for output, bin_, row in np.ndindex(*margins.shape):
        expected = float(output)
        for tree in grown[output::outputs]:
            expected += walked(tree, [*features[row].tolist(), float(bin_)])
        assert margins[output, bin_, row] == expected


def test_trees_with_too_many_leaves_are_left_to_their_library() -> None:
    tree: Tree = 0.0
    for threshold in range(MOST_LEAVES):
        tree = Split(0, float(threshold), 0.0, 1.0, tree)
    assert forest([tree], np.zeros(1)) is None


def _learnt(seed: int, count: int = 400) -> tuple[Float32, NDArray[np.bool_]]:
    """Features of which two miss now and then, one never, and one is few whole numbers."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 4)).astype(np.float32)
    features[:, 3] = random.integers(0, 5, count)
    features[random.random((count, 4)) < [0.3, 0.1, 0.0, 0.0]] = np.nan
    return features, random.random(count) < 1 / (1 + np.exp(-np.nan_to_num(features).sum(axis=1)))


def _asked(seed: int, count: int = 300) -> Float32:
    """Other rows, which miss all features at times, and lie on values that were learnt from."""
    random, learnt = np.random.default_rng(seed + 100), _learnt(seed)[0]
    features = np.where(random.random((count, 4)) < 0.5, learnt[:count], random.normal(size=(count, 4)) * 3)
    return np.where(random.random((count, 4)) < 0.2, np.nan, features).astype(np.float32)


def _alone(found: Forest, features: Float32) -> NDArray[np.floating]:
    return np.concatenate([found.margins(row[None]) for row in features], axis=2)


@pytest.mark.parametrize("seed", range(6))
def test_an_xgboost_booster_answers_the_same_bits(seed: int) -> None:
    features, outcome = _learnt(seed)
    parameters = {"objective": "binary:logistic", "max_depth": 3, "learning_rate": 0.3, "seed": seed, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(features, label=outcome), 60)
    found, asked = xgboost_forest(booster), _asked(seed)
    assert found is not None
    expected = booster.inplace_predict(asked, predict_type="margin")
    np.testing.assert_array_equal(found.margins(asked)[0, 0], expected)
    np.testing.assert_array_equal(_alone(found, asked)[0, 0], expected)


@pytest.mark.parametrize("seed", range(6))
def test_a_lightgbm_booster_answers_the_same_bits(seed: int) -> None:
    features, outcome = _learnt(seed)
    parameters = {"objective": "binary", "num_leaves": 8, "seed": seed, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(features, outcome), 60)
    found, asked = lightgbm_forest(booster), _asked(seed)
    assert found is not None
    expected = booster.predict(asked, raw_score=True)
    np.testing.assert_array_equal(found.margins(asked)[0, 0], expected)
    np.testing.assert_array_equal(_alone(found, asked)[0, 0], expected)


@pytest.mark.parametrize("seed", range(3))
def test_classes_and_bins_answer_the_same_bits(seed: int) -> None:
    features, _ = _learnt(seed)
    label = np.random.default_rng(seed).integers(0, 3, len(features))
    parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "seed": seed, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(features, label=label), 30)
    found, asked, bins = xgboost_forest(booster, bins=5, bin_feature=3), _asked(seed)[:, :3], 5
    assert found is not None
    binned = np.concatenate((np.repeat(asked, bins, axis=0), np.tile(np.arange(bins), len(asked))[:, None]), axis=1)
    expected = booster.inplace_predict(binned.astype(np.float32), predict_type="margin")
    np.testing.assert_array_equal(found.margins(asked).transpose(2, 1, 0).reshape(expected.shape), expected)
    np.testing.assert_array_equal(_alone(found, asked), found.margins(asked))


def test_many_rows_answer_as_few_do() -> None:
    features, outcome = _learnt(0)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(features, outcome), 200)
    found, asked = xgboost_forest(booster), np.tile(_asked(0), (20, 1))
    assert found is not None
    np.testing.assert_array_equal(found.margins(asked)[0, 0], booster.inplace_predict(asked, predict_type="margin"))
