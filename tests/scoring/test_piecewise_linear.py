"""Pieces against their meaning, value by value."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lintel.scoring.piecewise_linear import PiecewiseLinear, fit_pieces

quick = settings(max_examples=150, deadline=None, derandomize=True)
values = st.one_of(st.just(float("nan")), st.integers(-3, 3).map(float), st.floats(-(2.0**99), 2.0**99, width=32))
columns = arrays(np.float32, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=values)


def naive(pieces: PiecewiseLinear, value: float, column: int) -> list[float]:
    """Each piece, and the indicator of a missing value."""
    if math.isnan(value):
        return [0.0] * pieces.pieces + [1.0]
    found = []
    for start, width in zip(pieces.start[column], pieces.width[column], strict=True):
        share = 0.0 if math.isinf(width) else (value - start) / width
        found.append(min(max(share, 0.0), 1.0))
    return [*found, 0.0]


@quick
@given(learnt=columns, pieces=st.integers(1, 5), asked=st.lists(values, max_size=6))
def test_pieces_equal_the_naive_oracle(learnt: np.ndarray, pieces: int, asked: list[float]) -> None:
    fitted = fit_pieces(learnt, pieces=pieces)
    new = np.repeat(np.array(asked, np.float32)[:, None], learnt.shape[1], axis=1)
    found = fitted.encode(new)
    assert found.shape == (pieces + 1, *new.shape)
    for row, column in np.ndindex(*new.shape):
        np.testing.assert_allclose(found[:, row, column], naive(fitted, float(new[row, column]), column), atol=1e-12)


@quick
@given(learnt=columns, pieces=st.integers(1, 5))
def test_pieces_lie_end_to_end_between_the_least_and_the_greatest_value(learnt: np.ndarray, pieces: int) -> None:
    fitted = fit_pieces(learnt, pieces=pieces)
    for column in range(learnt.shape[1]):
        known = learnt[~np.isnan(learnt[:, column]), column].astype(np.float64)
        used = np.isfinite(fitted.width[column])
        if len(np.unique(known)) < 2:
            assert not used.any()
            continue
        start, width = fitted.start[column, used], fitted.width[column, used]
        rounding = 1e-12 * np.abs(known).max()
        ends = start + width
        np.testing.assert_allclose(start, [known.min(), *ends[:-1]], atol=rounding)
        np.testing.assert_allclose(ends[-1], known.max(), atol=rounding)


def test_half_way_through_a_piece_is_a_half() -> None:
    fitted = fit_pieces(np.array([[0.0], [10.0], [20.0]], np.float32), pieces=2)
    found = fitted.encode(np.array([[-5.0], [5.0], [15.0], [99.0], [np.nan]], np.float32))
    assert found[:, :, 0].T.tolist() == [[0, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 0], [0, 0, 1]]


@quick
@given(learnt=columns, pieces=st.integers(1, 5), asked=st.lists(values, max_size=6))
def test_a_place_tells_all_pieces_to_the_bit(learnt: np.ndarray, pieces: int, asked: list[float]) -> None:
    """1 before the piece, the share in it, 0 after it; for a missing value nothing but its indicator."""
    fitted = fit_pieces(learnt, pieces=pieces)
    new = np.repeat(np.array(asked, np.float32)[:, None], learnt.shape[1], axis=1)
    piece, share = fitted.locate(new)
    every = np.arange(pieces + 1)[:, None, None]
    told = np.where(every < piece, 1.0, np.where(every == piece, share, 0.0))
    told[:-1, np.isnan(new)] = 0.0
    np.testing.assert_array_equal(told, fitted.encode(new))
