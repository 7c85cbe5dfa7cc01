"""Freshness: quiet nights and weekends are not stale, an import that stopped is."""

from datetime import UTC, datetime

import numpy as np
import pytest

from lintel.events.moments import to_microseconds
from lintel.monitoring.freshness import freshness

HOUR = 3_600_000_000
START = to_microseconds(datetime(2026, 1, 5, tzinfo=UTC))  # a Monday
DAY, WEEK = 24 * HOUR, 168 * HOUR


def office_hours(random: np.random.Generator, weeks: int, an_hour: float) -> np.ndarray:
    """Events at random in the hours 8 to 18 of working days."""
    hours = np.arange(weeks * 168)
    open_ = (hours % 24 >= 8) & (hours % 24 < 18) & (hours // 24 % 7 < 5)
    each = random.poisson(an_hour * open_)
    times = START + np.repeat(hours, each) * HOUR + random.integers(0, HOUR, each.sum())
    return np.sort(times)


@pytest.fixture
def known() -> np.ndarray:
    return office_hours(np.random.default_rng(1), 14, 12.0)


@pytest.mark.parametrize(("what", "hours"), [("Sunday night", 6 * 24 + 23), ("Monday at seven", 7 * 24 + 7)])
def test_a_quiet_weekend_is_not_stale(known: np.ndarray, what: str, hours: int) -> None:
    now = START + 12 * WEEK + hours * HOUR
    judged = freshness(known[known < now], known[known < now], now)
    assert judged is not None
    assert judged.hours > 24, what
    assert not judged.stale


def test_half_a_working_day_without_events_is_stale(known: np.ndarray) -> None:
    now = START + 12 * WEEK + DAY + 14 * HOUR  # a Tuesday at two
    seen = known[known < now - 4 * HOUR]
    judged = freshness(seen, seen, now)
    assert judged is not None
    assert judged.stale


def test_an_import_once_a_week_is_as_fresh_as_it_always_was(known: np.ndarray) -> None:
    ingested = (known // WEEK + 1) * WEEK  # all at once, at the end of each week of the epoch
    now = START + 13 * WEEK + 2 * DAY
    came = ingested <= now
    judged = freshness(known[came], ingested[came], now)
    assert judged is not None
    assert not judged.stale
    late = ingested <= now - 3 * WEEK
    assert freshness(known[late], ingested[late], now).stale  # type: ignore[union-attr]


def test_a_young_log_is_not_judged(known: np.ndarray) -> None:
    young = known[known < START + 2 * WEEK]
    assert freshness(young, young, START + 2 * WEEK) is None
    assert freshness(np.zeros(0, np.int64), np.zeros(0, np.int64), START) is None


def test_false_alarms_are_as_rare_as_stated() -> None:
    random, stated, alarms, nights = np.random.default_rng(2), 0.02, 0, 0
    for _ in range(8):
        known = office_hours(random, 24, 3.0)
        for night in range(13 * 7, 24 * 7, 2):
            now = START + night * DAY + 14 * HOUR
            seen = known[known < now]
            judged = freshness(seen, seen, now, stated)
            alarms += judged is not None and judged.stale
            nights += 1
    assert alarms / nights <= stated + 3 * np.sqrt(stated / nights)
