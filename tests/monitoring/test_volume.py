"""Day volumes: alarms come as rarely as stated on ordinary days, and come on days that are not."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.monitoring.volume import FEWEST_WEEKS, daily_counts, interval, judge_days

PROFILE = np.array([1.0, 1.0, 1.1, 1.0, 0.9, 0.4, 0.2])
MONDAY = date(2026, 1, 5)


def counts(random: np.random.Generator, mean: float, dispersion: float, weeks: int) -> np.ndarray:
    """Daily counts of whole weeks and one day more: Poisson, or negative binomial with this dispersion."""
    means = np.tile(PROFILE / PROFILE.mean() * mean, weeks + 1)[: weeks * 7 + 1]
    return random.poisson(means if dispersion == 0 else random.gamma(1 / dispersion, means * dispersion))


@pytest.mark.parametrize(("mean", "dispersion", "most"), [(20, 0, 1), (20, 0.1, 2), (300, 0, 1), (300, 0.02, 2)])
def test_the_rate_of_false_alarms_is_about_the_stated_one(mean: float, dispersion: float, most: float) -> None:
    random, stated, days = np.random.default_rng(11), 0.02, 500
    alarms = 0
    for _ in range(days):
        history = counts(random, mean, dispersion, 8)
        low, _, high = interval(history[:-1], stated)
        alarms += not low <= history[-1] <= high
    chance = 3 * np.sqrt(most * stated * (1 - stated) / days)
    assert alarms / days <= most * stated + chance


@pytest.mark.parametrize(("mean", "dispersion"), [(20, 0.0), (300, 0.02), (300, 0.1)])
def test_a_day_without_events_and_one_with_five_times_as_many_are_told(mean: float, dispersion: float) -> None:
    history = counts(np.random.default_rng(5), mean, dispersion, 12)
    for broken in (0, int(history[0] * 6) + 20):
        (judged,) = judge_days(MONDAY, [*history[:-1].tolist(), broken], days=1)
        assert not judged.ordinary


def test_single_outages_in_the_past_do_not_hide_one_today() -> None:
    history = counts(np.random.default_rng(6), 200, 0.01, 12)
    history[[30, 31, 52]] = 0
    (judged,) = judge_days(MONDAY, [*history[:-1].tolist(), 0], days=1)
    assert judged.at_least > 0


def test_each_day_is_held_against_its_own_weekday() -> None:
    weekend_off = [100, 100, 100, 100, 100, 0, 0] * 10
    judged = judge_days(MONDAY, weekend_off, days=7)
    assert [one.ordinary for one in judged] == [True] * 7
    assert [round(one.expected) for one in judged] == [100, 100, 100, 100, 100, 0, 0]
    busy_sunday = [*weekend_off[:-1], 100]
    assert not judge_days(MONDAY, busy_sunday, days=1)[0].ordinary


def test_a_young_log_is_not_judged() -> None:
    assert judge_days(MONDAY, [5] * (FEWEST_WEEKS * 7), days=3) == []
    assert len(judge_days(MONDAY, [5] * (FEWEST_WEEKS * 7 + 1), days=3)) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=28, max_size=90), st.sampled_from([0.05, 0.001]))
def test_bounds_are_ordered_and_a_smaller_rate_widens_them(history: list[int], rate: float) -> None:
    low, expected, high = interval(np.array(history), rate)
    wider = interval(np.array(history), rate / 10)
    assert 0 <= low <= high + 1
    assert expected >= 0
    assert wider[0] <= low
    assert wider[2] >= high


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40 * 24), min_size=1, max_size=60), st.integers(0, 45 * 24))
def test_daily_counts_are_those_of_a_naive_count(hours: list[int], now: int) -> None:
    start = to_microseconds(datetime(2026, 3, 1, tzinfo=UTC))
    hour = 3_600_000_000
    zone = utc_offsets("America/Denver")
    found = daily_counts(start + np.array(hours) * hour, zone, start + now * hour)
    local = lambda at: int(zone.local(np.array([start + at * hour]))[0]) // (24 * hour)  # noqa: E731
    past = [local(at) for at in hours if local(at) < local(now)]
    if not past:
        assert found is None
        return
    assert found is not None
    first, per_day = found
    assert first.toordinal() - date(1970, 1, 1).toordinal() == min(past)
    assert per_day == [past.count(day) for day in range(min(past), local(now))]
