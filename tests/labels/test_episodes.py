import numpy as np
from hypothesis import given

from lintel.events.columns import NEVER
from lintel.labels.definition import load_label_set
from lintel.labels.episodes import Episodes, find_episodes, first_after
from tests.labels.logs import log_ends, logs, steady
from tests.labels.oracle import DAY, Event, columns_of, spans

CRM = load_label_set("crm")
A, B = 101, -202


def _episodes(*events: Event, log_end: int = 1_000 * DAY) -> Episodes:
    return find_episodes(columns_of(list(events)), CRM.ends, log_end=log_end)


def _bounds(found: Episodes) -> list[tuple[int, int, int, int]]:
    columns = found.lead, found.id, found.opened_at, found.closed_at
    return list(zip(*(column.tolist() for column in columns), strict=True))


@steady
@given(logs(), log_ends())
def test_episodes_are_those_of_the_oracle(log: list[Event], log_end: int) -> None:
    found = find_episodes(columns_of(log), CRM.ends, log_end=log_end)
    expected = [
        (lead, span)
        for lead in sorted({event.lead for event in log})
        for span in spans([event for event in log if event.lead == lead], CRM, log_end)
    ]
    assert _bounds(found) == [(lead, span.id, span.opened, span.closed) for lead, span in expected]
    columns = columns_of(log)
    for number, (_, span) in enumerate(expected):
        rows = found.row[found.start[number] : found.start[number + 1]]
        assert columns.occurred_at[rows].tolist() == sorted(event.time for event in span.events)
    assert found.find(found.lead, found.id).tolist() == list(range(len(found)))


def test_the_first_episode_begins_with_the_lead_and_ends_with_its_outcome() -> None:
    found = _episodes(
        Event(0, 1 * DAY, "web.visit"),
        Event(0, 2 * DAY, "form.submitted", A),
        Event(0, 5 * DAY, "deal.lost", A),
        Event(0, 6 * DAY, "email.sent", A),
    )
    assert _bounds(found) == [(0, A, 1 * DAY, 5 * DAY)]
    assert found.start.tolist() == [0, 3]  # what follows the outcome belongs to no episode


def test_a_new_id_after_an_outcome_is_a_new_episode() -> None:
    found = _episodes(
        Event(0, 1 * DAY, "form.submitted", A),
        Event(0, 5 * DAY, "deal.lost", A),
        Event(0, 8 * DAY, "web.visit"),
        Event(0, 9 * DAY, "form.submitted", B),
    )
    assert _bounds(found) == [(0, A, 1 * DAY, 5 * DAY), (0, B, 9 * DAY, NEVER)]


def test_while_two_are_open_the_earlier_is_asked() -> None:
    found = _episodes(
        Event(0, 1 * DAY, "form.submitted", A),
        Event(0, 3 * DAY, "form.submitted", B),
        Event(0, 7 * DAY, "deal.lost", A),
    )
    assert found.asked_from.tolist() == [1 * DAY, 7 * DAY]


def test_an_outcome_without_an_id_closes_what_is_open() -> None:
    found = _episodes(
        Event(0, 1 * DAY, "form.submitted", A),
        Event(0, 4 * DAY, "deal.lost"),
        Event(0, 6 * DAY, "form.submitted", B),
    )
    assert _bounds(found) == [(0, A, 1 * DAY, 4 * DAY), (0, B, 6 * DAY, NEVER)]


def test_an_outcome_without_an_id_closes_what_opens_at_the_same_time() -> None:
    found = _episodes(
        Event(0, 1 * DAY, "web.visit"),
        Event(0, 2 * DAY, "form.submitted", A),
        Event(0, 2 * DAY, "deal.lost"),
        Event(0, 6 * DAY, "form.submitted", B),
        Event(0, 6 * DAY, "deal.lost"),
    )
    assert _bounds(found) == [(0, A, 1 * DAY, 2 * DAY), (0, B, 6 * DAY, 6 * DAY)]


def test_a_lead_without_ids_has_one_episode() -> None:
    found = _episodes(Event(1, 1 * DAY, "lead.created"), Event(1, 2 * DAY, "deal.won"), Event(1, 3 * DAY, "web.visit"))
    assert _bounds(found) == [(1, 0, 1 * DAY, 2 * DAY)]


def test_an_outcome_that_is_not_known_yet_leaves_the_episode_open() -> None:
    events = Event(0, 1 * DAY, "form.submitted", A), Event(0, 5 * DAY, "deal.lost", A, late=10 * DAY)
    assert _bounds(_episodes(*events, log_end=14 * DAY)) == [(0, A, 1 * DAY, NEVER)]
    assert _bounds(_episodes(*events, log_end=15 * DAY)) == [(0, A, 1 * DAY, 5 * DAY)]


def test_an_id_that_is_nobodys_is_not_found() -> None:
    found = _episodes(Event(0, 1 * DAY, "form.submitted", A), Event(2, 1 * DAY, "form.submitted", B))
    looked_for = np.array([0, 0, 1, 2, 3], np.int32), np.array([A, B, A, B, B])
    assert found.find(*looked_for).tolist() == [0, -1, -1, 1, -1]


def test_no_events_have_no_episodes() -> None:
    found = _episodes()
    assert len(found) == 0
    assert found.find(np.array([0], np.int32), np.array([A])).tolist() == [-1]


def test_first_after_bisects_each_range_alone() -> None:
    values = np.array([1, 3, 3, 9, 2, 4])
    begin, end = np.array([0, 0, 0, 4, 4, 2]), np.array([4, 4, 4, 6, 6, 2])
    assert first_after(values, begin, end, np.array([0, 3, 9, 3, 2, 0])).tolist() == [0, 3, 4, 5, 5, 2]
