from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.automation.policy import Cause
from lintel.automation.refusals import MOST, refusals
from lintel.automation.triggers import State, Trigger

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def trigger(number: int, cause: Cause, state: State, hours: float) -> Trigger:
    why = f"reason {number}" if state is State.SUPPRESSED else None
    return Trigger(
        str(number), "acme", cause, str(number), state, "asked", {}, NOW - timedelta(hours=hours), None, why, 0
    )


wishes = st.lists(st.tuples(st.sampled_from(Cause), st.sampled_from(State), st.floats(0.0, 48.0)), max_size=12)


@given(wishes)
def test_refused_wishes_of_a_day_are_counted_as_one_would_by_hand(rows: list[tuple[Cause, State, float]]) -> None:
    told = refusals([trigger(number, *row) for number, row in enumerate(rows)], NOW)
    refused = [row for row in rows if row[0] is not Cause.SCHEDULE and row[1] is State.SUPPRESSED and row[2] <= 24]
    count = len(refused)
    assert (told is not None) == (count > MOST)
    assert told is None or told.startswith(f"{count} trainings were asked for")


@pytest.mark.parametrize(("order"), [(0, 1, 2), (2, 0, 1)])
def test_the_newest_reason_is_told(order: tuple[int, ...]) -> None:
    found = refusals([trigger(number, Cause.DRIFT, State.SUPPRESSED, hours=number + 1) for number in order], NOW)
    assert found == "3 trainings were asked for in 24 hours and refused (drift). The newest: reason 0."
