"""What is offered in an overload, and when a service has recovered from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_lab.overload import offer, quantile, recovery_seconds
from benchmarks.load_lab.plan import Sample


def samples(*took: tuple[float, float], status: int = 200) -> list[Sample]:
    return [Sample(due, seconds, status) for due, seconds in took]


@given(st.floats(1, 1e5), st.floats(100, 1e5))
def test_four_times_the_rows_a_tenth_interactive_and_never_more_than_half_the_ceiling(rows: float, most: float) -> None:
    offered = offer(rows, most)
    assert offered.interactive == pytest.approx(0.1 * offered.requests)
    assert offered.requests <= 0.5 * most * (1 + 1e-9)
    assert offered.bulk * 125 == pytest.approx(4 * rows) or offered.requests == pytest.approx(0.5 * most)


def test_recovered_with_the_first_second_that_is_as_before() -> None:
    slow = samples((10.0, 0.9), (10.4, 0.5))
    fast = samples((11.2, 0.012), (11.9, 0.014), (12.3, 0.010))
    assert recovery_seconds(slow + fast, 10.0, calm_p99=0.010) == pytest.approx(1.2)
    assert recovery_seconds(fast, 11.2, calm_p99=0.010) == 0.0


def test_one_slow_or_refused_answer_in_the_second_is_no_recovery() -> None:
    mixed = samples((10.0, 0.010), (10.5, 0.9), (11.0, 0.010))
    assert recovery_seconds(mixed, 10.0, calm_p99=0.010) == pytest.approx(1.0)
    refused = samples((10.0, 0.001)) + samples((10.1, 0.001), status=503) + samples((11.5, 0.010))
    assert recovery_seconds(refused, 10.0, calm_p99=0.010) == pytest.approx(1.5)


def test_never_recovered() -> None:
    assert recovery_seconds(samples((10.0, 0.9), (11.0, 0.8)), 10.0, calm_p99=0.010) is None
    assert recovery_seconds([], 10.0, calm_p99=0.010) is None


@given(st.lists(st.floats(0, 10), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_smallest_that_so_many_do_not_exceed(took: list[float], share: float) -> None:
    found = quantile([Sample(0.0, one, 200) for one in took], share)
    assert found is not None
    assert sum(one <= found for one in took) >= share * len(took) - 1e-9
    assert sum(one < found for one in took) < share * len(took)


def test_refusals_have_no_latency_of_an_answer() -> None:
    assert quantile(samples((0.0, 0.1), status=429), 0.5) is None
