"""Waiting for company: only where it saves more than it costs."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.arrivals import Arrivals, company_until
from serving.batching.latency import LatencyModel

MODEL = LatencyModel(fixed=0.002, per_row=0.0001)


def mean_latency(rows: int, gap: float, model: LatencyModel, *, wait: bool) -> float:
    """Summed over n rows and one more that comes after the gap, as if computed by hand."""
    alone, together = model.fixed + rows * model.per_row, model.fixed + (rows + 1) * model.per_row
    if wait:
        return rows * (gap + together) + together
    return rows * alone + (alone - gap) + model.fixed + model.per_row


@given(st.integers(1, 30), st.floats(1e-6, 0.002))
def test_it_waits_exactly_when_all_together_are_answered_sooner(rows: int, gap: float) -> None:
    saved = mean_latency(rows, gap, MODEL, wait=False) - mean_latency(rows, gap, MODEL, wait=True)
    waits = company_until(rows, accepted_at=0.0, last=0.0, gap=gap, model=MODEL) > 0.0
    if abs(saved) > 1e-9:
        assert waits == (saved > 0)


@given(st.integers(1, 30), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(1e-6, 1.0))
def test_nobody_waits_longer_than_the_fixed_cost(rows: int, accepted_at: float, last: float, gap: float) -> None:
    assert company_until(rows, accepted_at, last, gap, MODEL) <= accepted_at + MODEL.fixed


def test_a_key_asked_for_the_first_time_is_not_expected_again_soon() -> None:
    arrivals = Arrivals()
    assert arrivals.gap("new", 5.0) == inf
    arrivals.note("new", 5.0)
    arrivals.note("new", 5.0)
    assert arrivals.gap("new", 5.0) > 0.5


def test_the_gap_is_learnt_and_grows_with_silence() -> None:
    arrivals = Arrivals()
    rng = np.random.default_rng(1)
    now = 0.0
    for _ in range(400):
        now += rng.exponential(0.001)
        arrivals.note("a", now)
    assert arrivals.gap("a", now) == pytest.approx(0.001, rel=0.8)
    assert arrivals.gap("a", now + 3.0) == 3.0
    assert arrivals.last("a") == now


def test_it_knows_a_bounded_number_of_keys_those_asked_last() -> None:
    arrivals = Arrivals()
    for number in range(3_000):
        arrivals.note(number, float(number))
        arrivals.note("often", float(number))
    assert len(arrivals._seen) == 1_024
    assert arrivals.last("often") == 2_999.0
    assert arrivals.last(0) == -inf
