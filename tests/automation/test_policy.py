from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.automation.policy import Cause, Limits, obstacle
from lintel.automation.retries import Failure, retry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(a_day=3, cool_down=timedelta(hours=6))
LIMITED = sorted(set(Cause) - {Cause.SCHEDULE, Cause.MANUAL, Cause.FAILED_RUN})


def ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=hour) for hour in hours]


@pytest.mark.parametrize("cause", LIMITED)
@pytest.mark.parametrize(
    ("granted", "said"),
    [
        (ago(), None),
        (ago(6), None),
        (ago(5.5), "5.5 hours ago"),
        (ago(0.5), "30 minutes ago"),
        (ago(7, 12, 23), "3 trainings"),
        (ago(7, 12, 24), None),
    ],
)
def test_limits(cause: Cause, granted: list[datetime], said: str | None) -> None:
    found = obstacle(cause, granted, NOW, LIMITS)
    assert (found is None) if said is None else said in str(found)


def test_a_night_is_held_back_by_one_of_the_same_night_alone() -> None:
    assert obstacle(Cause.SCHEDULE, ago(3.1, 4, 5, 6), NOW, LIMITS) is None
    assert "2.9 hours ago" in str(obstacle(Cause.SCHEDULE, ago(2.9), NOW, LIMITS))


@pytest.mark.parametrize("cause", [Cause.MANUAL, Cause.FAILED_RUN])
def test_people_and_retries_are_always_granted(cause: Cause) -> None:
    assert obstacle(cause, ago(0, 0.1, 0.2, 1), NOW, LIMITS) is None


@given(st.lists(st.floats(0, 100), max_size=60), st.integers(1, 5), st.floats(0, 12))
def test_never_more_a_day_than_the_limit_nor_closer_than_the_cool_down(
    gaps: list[float], a_day: int, cool_down: float
) -> None:
    limits, granted, moment = Limits(a_day, timedelta(hours=cool_down)), list[datetime](), NOW
    for gap in gaps:
        moment += timedelta(hours=gap)
        if obstacle(Cause.DRIFT, granted, moment, limits) is None:
            granted.append(moment)
    for first in granted:
        assert sum(first <= one < first + timedelta(days=1) for one in granted) <= a_day
    assert all(later - one >= limits.cool_down for one, later in pairwise(granted))


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 10), (1, 30), (2, 90), (3, None)])
def test_retries_come_later_and_later_and_end(attempts: int, minutes: int | None) -> None:
    found = retry(Failure(attempts, NOW, is_final=False), most=3)
    assert found.at == (None if minutes is None else NOW + timedelta(minutes=minutes))
    assert found.reason.endswith(".")


def test_what_a_gate_stopped_is_not_tried_again() -> None:
    assert retry(Failure(0, NOW, is_final=True), most=3).at is None


def test_no_retries_at_all_may_be_asked_for() -> None:
    assert retry(Failure(0, NOW, is_final=False), most=0).reason == "Runs are not tried again."


@pytest.mark.parametrize(("a_day", "hours"), [(0, 1), (1, -1)])
def test_limits_that_mean_nothing_are_refused(a_day: int, hours: int) -> None:
    with pytest.raises(ValueError, match="a day"):
        Limits(a_day, timedelta(hours=hours))
