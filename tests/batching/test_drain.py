"""The drain rate beside sums over all batches, and what it tells refused callers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.drain import DrainRate
from serving.urgency import Urgency

INTERACTIVE, EVENT, BULK = Urgency
batches = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 16), st.tuples(*[st.integers(0, 9)] * 3)).filter(
        lambda one: sum(one[2])
    ),
    max_size=30,
)


@given(batches, st.integers(0, 40), st.sampled_from(Urgency))
def test_it_is_rows_over_busy_time_less_what_more_urgent_rows_take(seen: list, later: int, urgency: Urgency) -> None:
    drain, now, all_batches = DrainRate(10.0), 0.0, []
    for idle, sixteenths, rows in seen:
        seconds = sixteenths / 16
        now += idle + seconds
        drain.note(now, seconds, rows)
        all_batches.append((now, seconds, rows))
    now += later
    recent = [one for one in all_batches if one[0] > now - 10.0]
    if not recent:
        assert drain.rate(now, urgency) is None
        return
    busy = sum(seconds for _, seconds, _ in recent)
    urgent = sum(seconds * sum(rows[:urgency]) / sum(rows) for _, seconds, rows in recent)
    rate = drain.rate(now, urgency)
    assert rate is not None
    everything = sum(sum(rows) for _, _, rows in recent) / busy
    assert 0.05 * everything * 0.999 <= rate <= everything * 1.001
    if urgent == 0.0:
        assert rate == pytest.approx(everything)


def test_the_pace_is_that_of_work_not_of_a_quiet_minute() -> None:
    drain = DrainRate(10.0)
    drain.note(1.0, 0.1, (0, 0, 50))
    assert drain.rate(9.0) == pytest.approx(500.0)


def test_bulk_drains_in_what_interactive_rows_leave() -> None:
    drain = DrainRate(10.0)
    for second in range(1, 11):
        drain.note(float(second), 0.5, (50, 0, 0))
        drain.note(float(second), 0.5, (0, 0, 50))
    assert drain.rate(10.0, INTERACTIVE) == pytest.approx(100.0)
    assert drain.rate(10.0, BULK) == pytest.approx(50.0, rel=0.05)


@pytest.mark.parametrize(("ahead", "expected"), [(0, 1), (99, 1), (101, 2), (1_000, 10), (100_000, 60)])
def test_callers_come_back_when_the_queue_ahead_is_computed(ahead: int, expected: int) -> None:
    drain = DrainRate(10.0)
    assert drain.retry_after(ahead, 0.0, BULK) == 1  # nothing is known yet
    drain.note(1.0, 1.0, (0, 0, 100))
    assert drain.retry_after(ahead, 1.0, BULK) == expected
