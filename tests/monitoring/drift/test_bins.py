"""Cuts at quantiles, ties in bins of their own, and codes as a naive rule gives them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lintel.monitoring.drift.bins import MISSING, QUANTILE_BINS, Bins, quantile_bins

VALUES = st.floats(-50, 50, width=32) | st.just(np.nan) | st.sampled_from([0.0, 1.0])
COLUMNS = arrays(np.float32, st.integers(1, 60), elements=VALUES)


def test_a_column_without_ties_is_spread_evenly() -> None:
    values = np.random.default_rng(1).normal(size=10_000).astype(np.float32)
    bins = quantile_bins(["x"], [values])
    share = np.bincount(bins.codes(0, values), minlength=bins.width) / len(values)
    assert share[1:] == pytest.approx(np.full(QUANTILE_BINS, 0.1), abs=0.001)
    assert share[MISSING] == 0


def test_weights_move_the_cuts() -> None:
    values = np.arange(100, dtype=np.float32)
    heavy_end = quantile_bins(["x"], [values], np.where(values < 50, 1.0, 9.0))
    assert np.sum(heavy_end.cuts[0] >= 49) == 9


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_value_of_its_own_mass_has_its_own_bin(value: float) -> None:
    random = np.random.default_rng(2)
    values = np.where(random.random(5_000) < 0.6, value, random.exponential(3.0, 5_000)).astype(np.float32)
    bins = quantile_bins(["x"], [values])
    codes = bins.codes(0, values)
    assert set(codes[values == value]).isdisjoint(codes[values != value])
    assert len(np.unique(codes)) >= 5  # the rest is not one bin


@given(COLUMNS, COLUMNS)
def test_codes_are_those_of_a_naive_rule(reference: np.ndarray, values: np.ndarray) -> None:
    bins = quantile_bins(["x"], [reference])
    expected = [MISSING if np.isnan(one) else 1 + sum(one >= cut for cut in bins.cuts[0]) for one in values]
    assert bins.codes(0, values).tolist() == expected
    assert max(expected) < bins.width


@given(COLUMNS)
def test_no_bin_of_values_is_empty_in_the_reference_but_the_last(reference: np.ndarray) -> None:
    bins = quantile_bins(["x"], [reference])
    share = np.bincount(bins.codes(0, reference), minlength=len(bins.cuts[0]) + 2)
    between = np.diff(bins.cuts[0]) > np.spacing(np.abs(bins.cuts[0][:-1]))  # nothing lies between a value and the next
    assert np.all(np.diff(bins.cuts[0]) > 0)
    if len(bins.cuts[0]):
        assert share[1] > 0
        assert between.sum() <= QUANTILE_BINS * 2


def test_a_column_that_is_always_missing_has_one_bin() -> None:
    bins = quantile_bins(["x"], [np.full(5, np.nan, np.float32)])
    assert bins.codes(0, np.array([np.nan, 3.0], np.float32)).tolist() == [MISSING, 1]


def test_the_width_is_that_of_the_widest() -> None:
    assert Bins(("a", "b"), (np.zeros(0, np.float32), np.array([1, 2], np.float32))).width == 4
