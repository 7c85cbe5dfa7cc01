"""Slices that find the number of trees, and what is checked before any are grown."""

import numpy as np

from lintel.scoring.stopping import mean_one, stopping_slices


def test_no_lead_is_on_both_sides_and_time_goes_forward() -> None:
    random = np.random.default_rng(2)
    lead = np.sort(random.integers(0, 50, 400)).astype(np.int32)
    as_of = random.integers(0, 1000, 50)[lead] + random.integers(0, 300, 400)
    slices = stopping_slices(lead, as_of)
    assert slices.earlier.any()
    assert slices.later.any()
    assert not set(lead[slices.earlier]) & set(lead[slices.later])
    assert as_of[slices.earlier].max() < as_of[slices.later].min()


def test_no_rows_no_slices() -> None:
    slices = stopping_slices(np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert len(slices.earlier) == len(slices.later) == 0


def test_weights_are_in_units_of_a_row() -> None:
    np.testing.assert_allclose(mean_one(np.array([1.0, 2.0, 3.0], np.float32)), [0.5, 1.0, 1.5])
