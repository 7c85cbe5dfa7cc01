"""Where leads stand: the words for outcomes, several at once, what was known, and leads that come back."""

from lintel.events.columns import NULL
from lintel.labels.definition import load_label_set
from lintel.scoring.standing import OutcomeKinds, Standing, Standings, standings
from tests.labels.oracle import DAY, Event, columns_of

KINDS = OutcomeKinds.of(load_label_set("bpic2012"))
A, B = 101, -202


def _at(day: float, *events: Event) -> Standings:
    return standings(columns_of(list(events)), 1, int(day * DAY), KINDS)


def test_of_several_ends_in_one_instant_the_decision_is_told() -> None:
    both = Event(0, 5 * DAY, "deal.activated"), Event(0, 5 * DAY, "deal.won")
    found = _at(6, Event(0, DAY, "form.submitted"), *both)
    assert (found.standing, found.outcome, found.closed_at.tolist()) == ((Standing.CLOSED,), ("won",), [5 * DAY])


def test_an_end_that_is_no_decision_is_told_by_its_kind() -> None:
    assert _at(6, Event(0, DAY, "form.submitted"), Event(0, 5 * DAY, "deal.registered")).outcome == ("deal.registered",)


def test_an_outcome_not_known_yet_is_not_told() -> None:
    events = [Event(0, DAY, "form.submitted"), Event(0, 5 * DAY, "deal.lost"), Event(0, 5 * DAY, "deal.won", late=DAY)]
    assert _at(5.5, *events).outcome == ("lost",)
    assert _at(6, *events).outcome == ("won",)
    alone = [Event(0, DAY, "form.submitted"), Event(0, 5 * DAY, "deal.lost", late=2 * DAY)]
    assert _at(6, *alone).standing == (Standing.OPEN,)
    assert _at(7, *alone).standing == (Standing.CLOSED,)


def test_a_lead_that_comes_back_is_open_again_and_then_has_its_last_outcome() -> None:
    first = [Event(0, DAY, "form.submitted", A), Event(0, 3 * DAY, "deal.lost", A)]
    second = [Event(0, 9 * DAY, "form.submitted", B), Event(0, 12 * DAY, "deal.won", B)]
    assert _at(8, *first, *second).outcome == ("lost",)
    again = _at(10, *first, *second)
    assert (again.standing, again.outcome, again.closed_at.tolist()) == ((Standing.OPEN,), (None,), [NULL])
    assert _at(13, *first, *second).outcome == ("won",)


def test_nothing_known_yet() -> None:
    assert _at(0.5, Event(0, DAY, "form.submitted")).standing == (Standing.UNKNOWN,)


def test_a_deleted_contact_is_closed_for_good_from_when_that_was_known() -> None:
    events = [Event(0, DAY, "form.submitted", A), Event(0, 4 * DAY, "lead.deleted", late=DAY)]
    assert _at(4.5, *events).standing == (Standing.OPEN,)
    gone = _at(6, *events, Event(0, 5 * DAY, "form.submitted", B))
    assert (gone.standing, gone.outcome, gone.closed_at.tolist()) == ((Standing.CLOSED,), ("deleted",), [4 * DAY])
