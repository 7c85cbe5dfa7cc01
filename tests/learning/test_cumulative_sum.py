from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.learning.cumulative_sum import CumulativeSum, cumulative_sum, surprises

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]


def naive(test: CumulativeSum, outcome: list[bool], probability: list[float]) -> int | None:
    """Row by row, each side's sum set back to 0 whenever it would fall below."""
    above = below = variance = 0.0
    for row, (happened, p) in enumerate(zip(outcome, probability, strict=True)):
        promise = -p * log(p) - (1 - p) * log(1 - p)
        loss = -log(p) if happened else -log(1 - p)
        variance += p * (1 - p) * log(p / (1 - p)) ** 2
        step = (loss - promise) / sqrt(max(variance / (row + 1), 1e-12))
        above, below = max(0.0, above + step - test.tolerance), max(0.0, below - step - test.tolerance)
        if max(above, below) > test.threshold:
            return row
    return None


def drawn(seed: int, rows: int) -> tuple[Float64, NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return random.uniform(0.02, 0.7, rows), random.random(rows)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.01, 0.99)), max_size=60),
    st.floats(0.5, 5.0),
    st.floats(0.0, 0.5),
)
def test_alarms_are_those_of_the_test_row_by_row(
    rows: list[tuple[bool, float]], threshold: float, tolerance: float
) -> None:
    test = CumulativeSum(threshold, tolerance)
    outcome, probability = [row[0] for row in rows], [row[1] for row in rows]
    assert test.alarm(np.array(outcome, bool), np.array(probability)) == naive(test, outcome, probability)


def test_calibrated_forecasts_keep_their_promise() -> None:
    probability, uniform = drawn(1, 100_000)
    found = surprises(uniform < probability, probability)
    assert found.mean() == pytest.approx(0.0, abs=0.01)
    assert found.std() == pytest.approx(1.0, abs=0.02)


def test_false_alarms_are_as_rare_as_asked_for() -> None:
    """About 40 would come in 40 x 2,000 rows; skewed losses give a few more."""
    test = cumulative_sum(run_length=2_000)
    alarms, seen = 0, 0
    for seed in range(40):
        probability, uniform = drawn(seed, 6_000)
        at = test.alarm(uniform < probability, probability)
        alarms += at is not None
        seen += 6_000 if at is None else at + 1
    assert 1_000 <= seen / alarms <= 4_000


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_a_shift_of_the_rate_is_found_soon_whichever_way(shift: float) -> None:
    random = np.random.default_rng(3)
    probability = random.uniform(0.2, 0.4, 3_000)
    true = np.where(np.arange(3_000) < 2_000, probability, probability + shift)
    at = cumulative_sum().alarm(random.random(3_000) < true, probability)
    assert at is not None
    assert 2_000 <= at < 2_400


def test_lost_skill_is_found_though_the_rate_stays() -> None:
    random = np.random.default_rng(4)
    probability = np.where(random.random(4_000) < 0.5, 0.1, 0.7)
    true = np.where(np.arange(4_000) < 2_000, probability, 0.4)
    at = cumulative_sum().alarm(random.random(4_000) < true, probability)
    assert at is not None
    assert 2_000 <= at < 2_400


def test_nothing_is_no_alarm() -> None:
    assert cumulative_sum().alarm(np.zeros(0, bool), np.zeros(0)) is None


def test_rarer_false_alarms_need_a_higher_threshold() -> None:
    often, rarely = (cumulative_sum(run_length=length).threshold for length in (1_000, 100_000))
    assert 0 < often < rarely
