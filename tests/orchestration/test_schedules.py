from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestration.schedules import is_due

ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "America/Denver", "Asia/Kolkata", "Australia/Lord_Howe")


def hours(start: datetime, count: int) -> list[datetime]:
    return [start + timedelta(hours=hour) for hour in range(count)]


@pytest.mark.parametrize("zone", ZONES)
def test_each_local_date_of_a_year_has_exactly_one_nightly_hour(zone: str) -> None:
    info = ZoneInfo(zone)
    moments = hours(datetime(2026, 1, 1, tzinfo=UTC), 365 * 24)
    due = [moment.astimezone(info).date() for moment in moments if is_due(moment, info)]
    inner = [day for day in due if date(2026, 1, 3) <= day <= date(2026, 12, 29)]
    assert inner == [date(2026, 1, 3) + timedelta(days=day) for day in range(len(inner))]
    assert len(inner) == (date(2026, 12, 29) - date(2026, 1, 3)).days + 1


def test_the_night_without_two_o_clock_runs_at_three() -> None:
    info = ZoneInfo("America/New_York")
    night = hours(datetime(2026, 3, 8, 4, tzinfo=UTC), 8)
    (due,) = [moment.astimezone(info) for moment in night if is_due(moment, info)]
    assert (due.hour, due.utcoffset()) == (3, timedelta(hours=-4))


def test_the_night_with_two_o_clock_twice_runs_at_the_first() -> None:
    info = ZoneInfo("Europe/Amsterdam")
    night = hours(datetime(2026, 10, 24, 22, tzinfo=UTC), 8)
    (due,) = [moment.astimezone(info) for moment in night if is_due(moment, info)]
    assert (due.hour, due.utcoffset()) == (2, timedelta(hours=2))
