"""Grades: sized to the team, fair to ties, never falling as a lead gets better."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.scoring.grading import MAX_KEPT, WORKING_DAYS, Grade, Ranking, ranking

LIKELY = 0.3
SHARES = st.floats(0, 1).map(lambda value: round(value, 6)) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0])
LEADS = st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=60)
CAPACITY = st.integers(0, 15)


def ranked(leads: list[tuple[float, float]], capacity: int) -> Ranking:
    priorities, chances = np.array(leads).T
    return ranking(priorities, chances, likely=LIKELY, capacity_per_day=capacity)


def grades(leads: list[tuple[float, float]], capacity: int) -> list[Grade]:
    found = ranked(leads, capacity)
    return [found.grade(priority, chance) for priority, chance in leads]


def ties(values: list[float]) -> int:
    """How many leads share the lowest of the values beyond the first of them."""
    return values.count(min(values)) - 1 if values else 0


@given(LEADS, CAPACITY)
def test_the_team_can_call_those_of_today_and_those_of_the_week(
    leads: list[tuple[float, float]], capacity: int
) -> None:
    found = grades(leads, capacity)
    today = [priority for (priority, _), grade in zip(leads, found, strict=True) if grade is Grade.A]
    week = [priority for (priority, _), grade in zip(leads, found, strict=True) if grade is Grade.B]
    assert len(today) <= capacity + ties(today)
    assert len(today) + len(week) <= WORKING_DAYS * capacity + ties(today) + ties(week)


@given(LEADS, CAPACITY)
def test_as_many_as_the_team_can_call_and_the_best_of_them(leads: list[tuple[float, float]], capacity: int) -> None:
    """The naive count: a likely lead is an A if and only if fewer likely leads than places are strictly above it."""
    for (priority, chance), grade in zip(leads, grades(leads, capacity), strict=True):
        above = sum(other > priority for other, its_chance in leads if its_chance >= LIKELY)
        assert (grade is Grade.A) == (chance >= LIKELY and above < capacity)
        if grade is Grade.D:
            assert priority < float(np.median([one for one, _ in leads]))


@given(LEADS, CAPACITY, st.tuples(SHARES, SHARES), st.tuples(SHARES, SHARES))
def test_a_better_lead_never_has_a_worse_grade(
    leads: list[tuple[float, float]], capacity: int, one: tuple[float, float], other: tuple[float, float]
) -> None:
    found = ranked(leads, capacity)
    low, high = np.minimum(one, other).tolist(), np.maximum(one, other).tolist()
    assert found.grade(*high) <= found.grade(*low)
    assert found.percentile(high[0]) >= found.percentile(low[0])


@given(LEADS, CAPACITY)
def test_comes_back_from_json(leads: list[tuple[float, float]], capacity: int) -> None:
    found = ranked(leads, capacity)
    again = Ranking.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert [again.grade(*lead) for lead in leads] == [found.grade(*lead) for lead in leads]


def test_an_idle_team_does_not_call_unlikely_leads_today() -> None:
    leads = [(0.9, 0.8), (0.8, 0.1), (0.2, 0.4), (0.1, 0.29)]
    assert grades(leads, 20) == [Grade.A, Grade.B, Grade.A, Grade.B]


def test_a_busy_team_leaves_the_tail_to_automation() -> None:
    leads = [(priority / 100, 0.5) for priority in range(100)]
    found = grades(leads, 4)
    assert [found.count(grade) for grade in Grade] == [4, 16, 30, 50]
    assert [grade.band for grade in Grade] == ["call today", "call this week", "nurture", "leave to automation"]
    assert grades(leads, 0).count(Grade.A) == grades(leads, 0).count(Grade.B) == 0


def test_equal_leads_have_equal_grades() -> None:
    assert set(grades([(0.5, 0.5)] * 30, 3)) == {Grade.A}


def test_percentiles_are_shares_of_the_leads_below() -> None:
    found = ranked([(0.1, 0.5), (0.2, 0.5), (0.2, 0.5), (0.4, 0.5)], 1)
    assert [found.percentile(value) for value in (0.0, 0.1, 0.2, 0.4, 0.9)] == [0.0, 0.0, 25.0, 75.0, 75.0]


@pytest.mark.parametrize("leads", [MAX_KEPT, 13_087])
def test_of_many_leads_a_percentile_is_right_to_a_tenth(leads: int) -> None:
    priorities = np.random.default_rng(3).beta(1, 30, leads).round(6)
    found = ranking(priorities, priorities, likely=LIKELY, capacity_per_day=20)
    assert (len(found.priorities), found.leads) == (MAX_KEPT, leads)
    for priority in priorities[:200].tolist():
        exact = 100 * float((priorities < priority).mean())
        assert found.percentile(priority) == pytest.approx(exact, abs=0.2)
