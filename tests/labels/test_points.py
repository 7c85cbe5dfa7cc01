from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.labels.definition import LabelSet, load_label_set
from lintel.labels.points import DecisionPoints, Origin, decision_points
from tests.labels.logs import log_ends, logs, steady
from tests.labels.oracle import DAY, Event, columns_of, points

CRM, BPIC = load_label_set("crm"), load_label_set("bpic2012")
KEYS = np.array([5_000_000_000_000_000_001, -7, 12])
AMSTERDAM = "Europe/Amsterdam"
SECOND = 1_000_000


def _points(
    events: list[Event], labels: LabelSet = CRM, *, log_end: int = 60 * DAY, most: int | None = None, seed: int = 1
) -> DecisionPoints:
    columns = columns_of(events)
    return decision_points(columns, labels, KEYS, log_end=log_end, time_zone="UTC", per_origin=most, seed=seed)


def _rows(found: DecisionPoints) -> list[tuple[int, int, int, int]]:
    columns = found.queries.lead, found.queries.as_of, found.origin, found.episode
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("labels", [CRM, BPIC], ids=lambda labels: labels.source)
@steady
@given(log=logs(), log_end=log_ends())
def test_points_are_those_of_the_oracle(labels: LabelSet, log: list[Event], log_end: int) -> None:
    found = decision_points(
        columns_of(log), labels, KEYS, log_end=log_end, time_zone=AMSTERDAM, per_origin=None, seed=0
    )
    assert _rows(found) == points(log, labels, log_end, AMSTERDAM)
    assert (found.weight == 1).all()


@steady
@given(log=logs(), log_end=log_ends(), most=st.integers(1, 5), seed=st.integers(0, 1_000))
def test_thinning_keeps_true_points_and_their_number(log: list[Event], log_end: int, most: int, seed: int) -> None:
    columns = columns_of(log)
    every, thin = (
        decision_points(columns, CRM, KEYS, log_end=log_end, time_zone=AMSTERDAM, per_origin=limit, seed=seed)
        for limit in (None, most)
    )
    assert set(_rows(thin)) <= set(_rows(every))
    assert len(set(_rows(thin))) == len(thin)
    for lead in range(3):
        for origin in Origin:
            all_of, some = ((part.queries.lead == lead) & (part.origin == origin) for part in (every, thin))
            assert some.sum() == min(all_of.sum(), most)
            assert thin.weight[some].sum() == pytest.approx(all_of.sum())


@steady
@given(log=logs(), log_end=log_ends())
def test_a_lead_gets_the_same_points_alone(log: list[Event], log_end: int) -> None:
    together = _points(log, log_end=log_end, most=2)
    for lead in range(3):
        alone = _points([event for event in log if event.lead == lead], log_end=log_end, most=2)
        mine = together.take(together.queries.lead == lead)
        assert _rows(mine) == _rows(alone)
        assert mine.weight.tolist() == alone.weight.tolist()


def test_points_begin_with_the_first_event_and_stop_before_the_outcome() -> None:
    events = [
        Event(0, 1 * DAY, "form.submitted", 1),
        Event(0, 3 * DAY, "deal.won", 1),
        Event(0, 4 * DAY, "web.visit", 1),
    ]
    nights = [1 * DAY + DAY // 12, 2 * DAY + DAY // 12]
    assert _points(events).queries.as_of.tolist() == [1 * DAY, *nights]


def test_a_transaction_is_asked_about_once_and_never_with_its_outcome() -> None:
    events = [
        Event(0, 1 * DAY, "offer.created", 1),
        Event(0, 1 * DAY + SECOND // 2, "offer.selected", 1),
        Event(0, 2 * DAY, "offer.cancelled", 1),
        Event(0, 2 * DAY + 1_000, "deal.abandoned", 1),
    ]
    found = _points(events, BPIC)
    assert found.queries.as_of[found.origin == Origin.EVENT].tolist() == [1 * DAY + SECOND // 2]
    unsettled = _points(events, replace(BPIC, settle=0))
    assert (unsettled.origin == Origin.EVENT).sum() == 3


def test_a_late_event_is_asked_about_when_it_becomes_known() -> None:
    found = _points([Event(0, 1 * DAY, "form.submitted"), Event(0, 2 * DAY, "email.inbound", late=3 * DAY)])
    assert found.queries.as_of[found.origin == Origin.EVENT].tolist() == [1 * DAY, 5 * DAY]


def test_nobody_asks_before_the_first_event_is_known() -> None:
    late = [Event(0, 1 * DAY, "form.submitted", late=10 * DAY), Event(0, 8 * DAY, "email.sent", late=3 * DAY)]
    asked = _points([*late, Event(0, 12 * DAY, "web.visit")], log_end=12 * DAY).queries.as_of
    assert asked.tolist() == [11 * DAY, 11 * DAY + DAY // 12, 12 * DAY]


def test_touch_points_lie_just_before_the_touch() -> None:
    events = [Event(0, 1 * DAY, "form.submitted"), Event(0, 2 * DAY, "email.sent"), Event(0, 2 * DAY, "sms.sent")]
    found = _points(events)
    assert found.queries.as_of[found.origin == Origin.TOUCH].tolist() == [2 * DAY - 1]


def test_a_touch_that_opens_the_episode_has_nothing_to_be_judged_by() -> None:
    assert (_points([Event(0, 1 * DAY, "email.sent")]).origin != Origin.TOUCH).all()


def test_each_moment_has_the_same_chance_and_seeds_differ() -> None:
    events = [Event(0, day * DAY, "web.visit") for day in range(1, 11)]
    chosen = [_points(events, log_end=10 * DAY, most=3, seed=seed) for seed in range(600)]
    times = np.concatenate([part.queries.as_of[part.origin == Origin.EVENT] for part in chosen])
    share = np.bincount(times // DAY, minlength=11)[1:] / 600
    assert np.abs(share - 0.3).max() < 0.08  # four standard deviations


def test_without_events_there_are_no_points() -> None:
    assert len(_points([])) == 0
