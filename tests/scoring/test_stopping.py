"""Slices that find the number of trees, and what is checked before any are grown."""

import numpy as np

from lintel.scoring.stopping import mean_one, number_of_trees, stopping_slices


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


def test_the_number_of_trees_lies_between_what_was_found_and_what_is_typical() -> None:
    kept = [number_of_trees(found, grown=400, learning_rate=0.05) for found in (1, 24, 150, 300)]
    assert kept == [12, 60, 150, 212]  # typical are 150
    assert number_of_trees(75, grown=400, learning_rate=0.1) == 75


def test_no_more_trees_are_kept_than_were_grown_and_one_at_least() -> None:
    assert number_of_trees(60, grown=90, learning_rate=0.05) == 90
    assert number_of_trees(1, grown=41, learning_rate=30.0) == 1
