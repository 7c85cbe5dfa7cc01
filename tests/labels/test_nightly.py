from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lintel.errors import InputError
from lintel.labels.nightly import nightly_ticks

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _scanned(first: datetime, last: datetime, zone: str) -> list[datetime]:
    """First quarter of an hour of each local date at which the clock shows 02:00 or later."""
    found: dict[object, datetime] = {}
    moment = first - timedelta(days=2)
    while moment <= last:
        local = moment.astimezone(ZoneInfo(zone))
        if local.hour >= 2:
            found.setdefault(local.date(), moment)
        moment += timedelta(minutes=15)
    return [moment for moment in found.values() if moment >= first]


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/Denver", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_every_night_is_the_first_instant_that_shows_two(zone: str, month: int) -> None:
    first, last = datetime(2025, month, 1, 5, tzinfo=UTC), datetime(2025, month, 28, 5, tzinfo=UTC) + timedelta(days=9)
    assert nightly_ticks(_micros(first), _micros(last), zone).tolist() == [
        _micros(moment) for moment in _scanned(first, last, zone)
    ]


def test_both_days_of_clock_change_in_amsterdam() -> None:
    spring = nightly_ticks(
        _micros(datetime(2012, 3, 24, 12, tzinfo=UTC)),
        _micros(datetime(2012, 3, 25, 12, tzinfo=UTC)),
        "Europe/Amsterdam",
    )
    autumn = nightly_ticks(
        _micros(datetime(2011, 10, 29, 12, tzinfo=UTC)),
        _micros(datetime(2011, 10, 30, 12, tzinfo=UTC)),
        "Europe/Amsterdam",
    )
    assert spring.tolist() == [_micros(datetime(2012, 3, 25, 1, tzinfo=UTC))]  # 02:00 does not exist: 03:00 summer time
    assert autumn.tolist() == [_micros(datetime(2011, 10, 30, 0, tzinfo=UTC))]  # the first of two


def test_the_bounds_belong_to_the_range() -> None:
    night = _micros(datetime(2025, 1, 5, 2, tzinfo=UTC))
    assert nightly_ticks(night, night, "UTC").tolist() == [night]
    assert nightly_ticks(night + 1, night + 2, "UTC").tolist() == []


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InputError, match="Mars/Olympus"):
        nightly_ticks(0, 1, "Mars/Olympus")
