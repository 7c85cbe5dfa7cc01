"""The order of calling."""

import numpy as np
import pytest

from lintel.scoring.priority import priority


def test_is_the_product_of_its_factors() -> None:
    found = priority(np.array([0.5]), np.array([30_000.0]), 10_000.0, np.array([0.4]))
    assert found.value[0] == pytest.approx(0.5 * 0.75 * 0.4)
    assert found.formula == ("P(win) x amount / (amount + typical amount) x P(decided within 7 days)",)


def test_factors_not_defined_are_left_out_and_the_formula_says_so() -> None:
    found = priority(np.array([0.5, 0.5]), np.array([np.nan, 10_000.0]), 10_000.0, None)
    assert found.value.tolist() == [0.5, 0.25]
    assert found.formula == ("P(win)", "P(win) x amount / (amount + typical amount)")
    assert priority(np.array([0.5]), np.array([10_000.0]), None, None).formula == ("P(win)",)


def test_without_a_chance_of_winning_there_is_none() -> None:
    found = priority(None, np.array([1.0]), 1.0, np.array([0.9]))
    assert np.isnan(found.value).all()
    assert found.formula == (None,)
