from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.events.timezones import utc_offsets

ZONES = [
    *(
        "UTC",
        "America/Denver",
        "America/Phoenix",
        "America/New_York",
        "Europe/Amsterdam",
        "Europe/London",
        "Asia/Kolkata",
    ),
    *("Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Caracas", "Asia/Kathmandu", "Asia/Gaza"),
]
_EPOCH = datetime(1970, 1, 1)


def _wall_clock(zone: str, moment: datetime) -> int:
    naive = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (naive - _EPOCH) // timedelta(microseconds=1)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2059, 12, 31), timezones=st.just(UTC)),
)
@example("America/Denver", datetime(2024, 3, 10, 8, 59, 59, 999_999, tzinfo=UTC))
@example("America/Denver", datetime(2024, 3, 10, 9, tzinfo=UTC))
@example("America/Denver", datetime(2024, 11, 3, 8, tzinfo=UTC))
@example("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC))
@example("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC))
def test_agrees_with_zoneinfo(zone: str, moment: datetime) -> None:
    local = utc_offsets(zone).local(np.array([_microseconds(moment)]))
    assert local.tolist() == [_wall_clock(zone, moment)]


@pytest.mark.parametrize("zone", ZONES)
def test_transitions_are_exact_to_the_second(zone: str) -> None:
    offsets = utc_offsets(zone)
    for start, before, after in zip(offsets.start[1:], offsets.offset, offsets.offset[1:], strict=False):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(start))
        assert before != after
        assert _wall_clock(zone, moment) == int(start + after)
        assert _wall_clock(zone, moment - timedelta(seconds=1)) == int(start + before) - 1_000_000


def test_any_shape() -> None:
    instants = np.arange(6, dtype=np.int64).reshape(2, 3) * 10**15
    local = utc_offsets("America/Denver").local(instants)
    assert local.shape == (2, 3)
    assert local.dtype == np.int64


def test_outside_the_table_the_nearest_offset_holds() -> None:
    offsets = utc_offsets("America/Phoenix")
    assert offsets.local(np.array([0])).tolist() == [-7 * 3_600_000_000]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "America", "../etc/passwd", "a\0b", "x" * 300, "America/Denver/"])
def test_what_is_no_zone_is_told_so(name: str) -> None:
    with pytest.raises(InputError, match="is not a time zone"):
        utc_offsets(name)
