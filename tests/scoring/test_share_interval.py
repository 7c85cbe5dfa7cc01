"""Wilson's interval: against SciPy's, and that it covers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from lintel.scoring.share_interval import wilson


@given(st.integers(1, 5_000).flatmap(lambda draws: st.tuples(st.integers(0, draws), st.just(draws))))
def test_it_is_the_interval_that_scipy_gives(drawn: tuple[int, int]) -> None:
    count, draws = drawn
    theirs = binomtest(count, draws).proportion_ci(0.95, method="wilson")
    assert wilson(count, draws) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


@pytest.mark.parametrize("truth", [0.02, 0.3, 0.6])
def test_it_holds_the_truth_about_as_often_as_it_says(truth: float) -> None:
    counts = np.arange(501)
    held = [low <= truth <= high for low, high in (wilson(int(one), 500) for one in counts)]
    assert binom.pmf(counts, 500, truth) @ np.array(held) == pytest.approx(0.95, abs=0.02)


def test_without_draws_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
