"""Shares and their covariance against sums over leads, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.monitoring.drift import binned as binned_module
from lintel.monitoring.drift.binned import BinnedSample, Clusters, binned, joined
from lintel.monitoring.drift.bins import Bins

BINS = Bins(("x", "y"), (np.array([0, 1], np.float32), np.array([0.5], np.float32)))


def naive(
    codes: NDArray[np.intp], lead: NDArray[np.intp], weight: NDArray[np.float64], width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each lead's deviation from the shares, as a vector; their outer products, summed."""
    share = np.array([weight[codes == one].sum() for one in range(width)]) / weight.sum()
    covariance, leads = np.zeros((width, width)), np.unique(lead)
    for one in leads:
        deviation = np.zeros(width)
        for row in np.flatnonzero(lead == one):
            deviation += weight[row] * ((np.arange(width) == codes[row]) - share)
        covariance += np.outer(deviation, deviation)
    return share, covariance / weight.sum() ** 2 * len(leads) / (len(leads) - 1)


@given(st.integers(0, 10_000), st.integers(4, 40), st.integers(2, 40), st.booleans())
def test_shares_and_covariance_are_those_of_a_naive_sum(seed: int, rows: int, leads: int, weighted: bool) -> None:
    random = np.random.default_rng(seed)
    lead = random.integers(0, leads, rows)
    lead[:2] = (0, 1)
    codes = random.integers(0, 4, rows)
    weight = random.uniform(0.1, 9.0, rows) if weighted else np.ones(rows)
    share, covariance = Clusters(lead, weight).shares(codes, 4)
    expected = naive(codes, lead, weight, 4)
    assert share == pytest.approx(expected[0])
    assert covariance == pytest.approx(expected[1], abs=1e-12)


def test_blocks_of_leads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    lead, codes = np.repeat(np.arange(50), 3), random.integers(0, 4, 150)
    whole = Clusters(lead).shares(codes, 4)[1]
    monkeypatch.setattr(binned_module, "LEADS_AT_A_TIME", 7)
    assert Clusters(lead).shares(codes, 4)[1] == pytest.approx(whole)


def test_independent_rows_have_the_multinomial_covariance() -> None:
    codes = np.random.default_rng(6).integers(0, 3, 400)
    share, covariance = Clusters(np.arange(400)).shares(codes, 3)
    assert covariance == pytest.approx((np.diag(share) - np.outer(share, share)) / 399)


def test_copies_of_rows_tell_nothing_new() -> None:
    codes = np.random.default_rng(7).integers(0, 3, 300)
    once = Clusters(np.arange(300)).shares(codes, 3)
    five = Clusters(np.repeat(np.arange(300), 5)).shares(np.repeat(codes, 5), 3)
    assert five[0] == pytest.approx(once[0])
    assert five[1] == pytest.approx(once[1])


def test_support_counts_leads_of_equal_weight() -> None:
    assert Clusters(np.array([0, 0, 1])).support == pytest.approx(9 / 5)
    assert Clusters(np.arange(3), np.array([1.0, 1.0, 1e9])).support == pytest.approx(1.0, abs=1e-6)


def test_columns_may_be_streamed_and_are_counted() -> None:
    values = np.random.default_rng(8).normal(size=(2, 20)).astype(np.float32)
    sample = binned(BINS, iter(values), np.arange(20))
    assert sample.share.shape == (2, 4)
    assert sample.share.sum(axis=1) == pytest.approx([1.0, 1.0])
    with pytest.raises(InputError, match="1 columns were given for 2 names"):
        binned(BINS, iter(values[:1]), np.arange(20))


@pytest.mark.parametrize(
    ("lead", "weight"), [(np.zeros(3, int), None), (np.arange(2), np.array([1.0, 0.0])), (np.zeros(0, int), None)]
)
def test_what_cannot_be_compared_is_refused(lead: NDArray[np.intp], weight: NDArray[np.float64] | None) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        Clusters(lead, weight)


def test_samples_of_other_rows_and_widths_are_joined() -> None:
    narrow = binned(Bins(("x",), (np.zeros(0, np.float32),)), [np.ones(4, np.float32)], np.arange(4))
    wide = binned(BINS, np.zeros((2, 6), np.float32), np.arange(6))
    both = joined([narrow, wide])
    assert both.share.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert both.leads.tolist() == [4, 6, 6]
    assert both.covariance.shape == (3, 4, 4)
    assert both.take([2]).share.tolist() == [[0, 1, 0, 0]]
    assert isinstance(joined([]), BinnedSample)
    assert len(joined([])) == 0
