from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.events.moments import from_microseconds, time_text, to_microseconds


@given(st.datetimes(timezones=st.just(UTC)))
def test_there_and_back(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment
    assert datetime.fromisoformat(time_text(to_microseconds(moment))) == moment


def test_an_offset_is_honoured() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-7)))
    assert time_text(to_microseconds(noon)) == "2026-03-01T19:00:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="2026-03-01T12:00:00 has no time zone"):
        to_microseconds(datetime(2026, 3, 1, 12))
