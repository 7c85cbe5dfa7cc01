"""Schedules: as many requests as the rate says, in order, the same for the same seed."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_lab.arrivals import due_times, schedule
from benchmarks.load_lab.plan import Question, Stream

QUESTION = Question(b"GET / HTTP/1.1\r\n\r\n")


def stream(rate: float, begin: float, seconds: float, arrivals: str = "constant") -> Stream:
    return Stream(name="one", questions=[QUESTION], arrivals=arrivals, rate=rate, begin_s=begin, end_s=begin + seconds)  # type: ignore[arg-type]


@given(st.integers(1, 200), st.floats(0, 5), st.integers(1, 5))
def test_constant_arrivals_are_evenly_spaced_and_as_many_as_the_rate_says(
    rate: int, begin: float, seconds: int
) -> None:
    due = list(due_times(stream(rate, begin, seconds), random.Random(1)))
    assert abs(len(due) - rate * seconds) <= 1
    assert due[0] == begin
    assert all(abs(later - earlier - 1 / rate) < 1e-9 for earlier, later in pairwise(due))


def test_poisson_arrivals_have_the_mean_and_the_spread_of_exponential_gaps() -> None:
    due = list(due_times(stream(100, 0, 200, "poisson"), random.Random(1)))
    gaps = [later - earlier for earlier, later in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert abs(mean * 100 - 1) < 0.03
    assert abs(spread / mean - 1) < 0.03


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 5))
def test_a_schedule_is_all_streams_in_order_and_the_same_again(one: int, other: int, seed: int) -> None:
    streams = [stream(one, 0, 2, "poisson"), stream(other, 1, 2)]
    found = list(schedule(streams, seed))
    assert found == sorted(found) == list(schedule(streams, seed))
    assert sum(at == 1 for _, at in found) == len(list(due_times(streams[1], random.Random(0))))


def test_a_rate_of_nothing_is_no_request() -> None:
    assert list(schedule([stream(0, 0, 1)], 1)) == []
