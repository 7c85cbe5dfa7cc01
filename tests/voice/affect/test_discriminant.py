"""The discriminant against scikit-learn's, and its temperature against every other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lintel.voice.affect.discriminant import fits, temperature

SHRINKAGES = (0.1, 0.5, 0.9)


def drawn(seed: int, rows: int, columns: int, kinds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """As many rows of each kind."""
    rng = np.random.default_rng(seed)
    classes = np.arange(rows * kinds) % kinds
    centres = rng.normal(size=(kinds, columns))
    return centres[classes] + rng.normal(size=(len(classes), columns)) * rng.uniform(0.5, 3, columns), classes


@given(st.integers(0, 1_000), st.sampled_from([(8, 5), (10, 40), (30, 2)]))
def test_as_scikit_learn_has_it(seed: int, size: tuple[int, int]) -> None:
    vectors, classes = drawn(seed, *size)
    for shrinkage, found in zip(SHRINKAGES, fits(vectors, classes, 3, SHRINKAGES), strict=True):
        rows = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
        # scikit-learn shrinks each class to its own sphere and averages: the same by linearity, on one scale
        oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=np.ones(3) / 3)
        ours, theirs = found.logits(vectors), oracle.fit(rows, classes).decision_function(rows)
        assert ours - ours[:, :1] == pytest.approx(theirs - theirs[:, :1], rel=1e-6, abs=1e-6)


def test_more_rows_of_a_kind_do_not_make_it_likelier() -> None:
    vectors, classes = drawn(0, 20, 4)
    again = np.concatenate([np.arange(60), *[np.flatnonzero(classes == 0)] * 5])
    (found,) = fits(vectors[again], classes[again], 3, [0.2])
    middle = np.array([vectors[classes == kind].mean(axis=0) for kind in range(3)])
    assert found.logits(middle).argmax(axis=1).tolist() == [0, 1, 2]
    between = (middle[0] + middle[1])[None] / 2
    assert found.logits(between)[0, 0] == pytest.approx(found.logits(between)[0, 1])


def test_a_kind_that_training_lacks_is_never_said_and_a_still_column_harms_nothing() -> None:
    vectors, classes = drawn(1, 20, 4)
    vectors[:, 2] = 7.0
    kept = classes != 1
    (found,) = fits(vectors[kept], classes[kept], 3, [0.0])
    logits = found.logits(vectors)
    assert np.all(logits[:, 1] == -np.inf)
    assert np.all(np.isfinite(logits[:, [0, 2]]))
    assert np.isfinite(temperature(logits, classes))


@given(st.floats(1.0, 20.0), st.integers(0, 100))
def test_what_is_too_sure_by_a_factor_is_divided_by_it(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4_000, 3)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = (rng.uniform(size=(4_000, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(max=2)
    assert temperature(logits * factor, classes) == pytest.approx(factor, rel=0.2)
