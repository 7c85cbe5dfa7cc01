"""Trends: against the doubt, by one model, whatever nights are missing."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.scoring.trend import LEAST_CHANGE, LEAST_DAYS, LEAST_SCORES, NO_PAST, WINDOW_DAYS, PastScores, Trend, trend

NOW = 1_700_000_000_000_000
CHANCES = st.floats(0.001, 0.999)
PAST = st.lists(st.tuples(st.floats(0, 30), CHANCES), max_size=20)
OPPOSITE = {Trend.IMPROVING: Trend.DECLINING, Trend.DECLINING: Trend.IMPROVING}


def past(scored: list[tuple[float, float]]) -> PastScores:
    """From (days ago, probability)."""
    days, probability = np.array(scored).reshape(-1, 2).T
    return PastScores(np.rint(NOW - days * MICROSECONDS_PER_DAY).astype(np.int64), probability)


def expit(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def now(scored: list[tuple[float, float]], probability: float, doubt: float = 0.0) -> Trend:
    """The trend where `doubt` is half the interval's width in log-odds."""
    interval = expit(logit(probability) - doubt), expit(logit(probability) + doubt)
    return trend(past(scored), NOW, probability, interval)


NIGHTS = [(float(day), 0.3) for day in range(1, 15)]


@pytest.mark.parametrize(
    ("probability", "found"),
    [(0.30, Trend.STEADY), (0.33, Trend.STEADY), (0.45, Trend.IMPROVING), (0.2, Trend.DECLINING)],
)
def test_a_step_shows_at_once(probability: float, found: Trend) -> None:
    assert now(NIGHTS, probability) is found


def test_a_change_within_the_doubt_is_steady() -> None:
    assert now(NIGHTS, 0.45, doubt=0.5) is Trend.IMPROVING
    assert now(NIGHTS, 0.45, doubt=0.7) is Trend.STEADY


def test_a_slow_decline_is_one() -> None:
    assert now([(float(day), 0.2 + 0.02 * day) for day in range(1, 15)], 0.2) is Trend.DECLINING


def test_too_little_history() -> None:
    assert trend(NO_PAST, NOW, 0.5, (0.4, 0.6)) is Trend.UNKNOWN
    assert now([(1.0, 0.1), (5.0, 0.1)], 0.9) is Trend.UNKNOWN
    assert now([(0.1, 0.1), (0.2, 0.1), (LEAST_DAYS - 0.1, 0.1)], 0.9) is Trend.UNKNOWN
    assert now([(0.1, 0.1), (0.2, 0.1), (LEAST_DAYS + 0.1, 0.1)], 0.9) is Trend.IMPROVING


def test_gaps_and_a_single_odd_night_do_not_matter() -> None:
    assert now([(13.0, 0.3), (12.0, 0.3), (2.0, 0.3)], 0.3) is Trend.STEADY
    assert now([*NIGHTS[1:], (0.5, 0.99)], 0.3) is Trend.STEADY


@given(PAST, CHANCES, st.floats(0, 3))
def test_is_what_the_naive_rule_says(scored: list[tuple[float, float]], probability: float, doubt: float) -> None:
    seen = sorted((days, logit(one)) for days, one in scored if 0 < days <= WINDOW_DAYS)
    assume(not any(0 < abs(days - border) < 1e-6 for days, _ in scored for border in (0, LEAST_DAYS, WINDOW_DAYS)))
    found = now(scored, probability, doubt)
    if len(seen) < LEAST_SCORES or seen[-1][0] < LEAST_DAYS:
        assert found is Trend.UNKNOWN
        return
    change = logit(probability) - sorted(one for _, one in seen)[len(seen) // 2] if len(seen) % 2 else None
    if change is not None and abs(abs(change) - max(doubt, LEAST_CHANGE)) > 1e-6:
        moved = abs(change) > max(doubt, LEAST_CHANGE)
        assert found is ((Trend.IMPROVING if change > 0 else Trend.DECLINING) if moved else Trend.STEADY)


@given(PAST, CHANCES, st.floats(0, 3))
def test_the_mirror_image_has_the_opposite_trend(
    scored: list[tuple[float, float]], probability: float, doubt: float
) -> None:
    found = now(scored, probability, doubt)
    mirrored = now([(days, 1 - one) for days, one in scored], 1 - probability, doubt)
    if found is not Trend.STEADY and mirrored is not Trend.STEADY:
        assert mirrored is OPPOSITE.get(found, found)


@given(PAST, CHANCES, CHANCES, st.floats(0, 3))
def test_a_higher_score_never_turns_the_trend_down(
    scored: list[tuple[float, float]], one: float, other: float, doubt: float
) -> None:
    order = [Trend.DECLINING, Trend.STEADY, Trend.IMPROVING]
    low, high = now(scored, min(one, other), doubt), now(scored, max(one, other), doubt)
    if Trend.UNKNOWN not in (low, high) and abs(one - other) > 1e-9:
        assert order.index(low) <= order.index(high)
