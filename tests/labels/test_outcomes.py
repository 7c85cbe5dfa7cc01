import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.events.columns import NEVER
from lintel.labels.definition import LabelSet, load_label_set
from lintel.labels.outcomes import Outcome, Status, outcomes
from lintel.labels.points import Origin
from tests.labels.logs import SPAN_DAYS, START, log_ends, logs, steady
from tests.labels.oracle import DAY, Event, columns_of, label, points, points_at

SETS = [load_label_set(name) for name in ("bpic2012", "crm", "simulator")]
BPIC, CRM, SIMULATOR = SETS
FAR = 1_000 * DAY
Point = tuple[int, int, int, int]


def _outcomes(events: list[Event], rows: list[Point], labels: LabelSet, log_end: int = FAR) -> dict[str, Outcome]:
    return outcomes(columns_of(events), points_at(rows), labels, log_end=log_end)


def _status(
    name: str, events: list[Event], *, at: int, labels: LabelSet = SIMULATOR, log_end: int = FAR, touch: bool = False
) -> int:
    """Label of lead 0, whose events all belong to episode 1, as of `at`."""
    row = (0, at, int(Origin.TOUCH if touch else Origin.EVENT), 1)
    return int(_outcomes(events, [row], labels, log_end)[name].status[0])


def _log(*events: tuple[float, str]) -> list[Event]:
    """A lead created on day 0 and its events as (day, kind)."""
    return [Event(0, 0, "lead.created", 1)] + [Event(0, round(day * DAY), kind, 1) for day, kind in events]


@st.composite
def _any_points(draw: st.DrawFn) -> list[Point]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.integers(0, SPAN_DAYS * 4).map(lambda quarter: START + quarter * DAY // 4 - quarter % 2),
                st.sampled_from([int(origin) for origin in Origin]),
                st.sampled_from((0, 11, -22)),
            ),
            max_size=12,
        )
    )
    return sorted(rows)


@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.source)
@steady
@given(log=logs(), log_end=log_ends(), anywhere=_any_points())
def test_labels_are_those_of_the_oracle(
    labels: LabelSet, log: list[Event], log_end: int, anywhere: list[Point]
) -> None:
    rows = sorted(points(log, labels, log_end, "UTC")[::7] + anywhere)
    found = _outcomes(log, rows, labels, log_end)
    assert set(found) == set(labels.defined)
    for name, outcome in found.items():
        expected = [label(log, labels.defined[name], labels, row, log_end) for row in rows]
        assert outcome.status.tolist() == [one.status for one in expected]
        assert outcome.known_from.tolist() == [one.known_from for one in expected]
        if outcome.days is not None and outcome.cause is not None:
            days = [np.nan if one.days is None else one.days for one in expected]
            np.testing.assert_array_equal(outcome.days, days)
            assert outcome.cause.tolist() == [one.cause for one in expected]
        elif outcome.amount is not None:
            _same_amounts(log, rows, outcome, [one.amount for one in expected])


def _same_amounts(log: list[Event], rows: list[Point], outcome: Outcome, expected: list[float | None]) -> None:
    """Equal, except where two kinds or versions share the first moment: then any of theirs."""
    assert outcome.amount is not None
    for row, found, wanted in zip(rows, outcome.amount, expected, strict=True):
        times = [event.time for event in log if event.lead == row[0]]
        if len(set(times)) == len(times):
            assert (np.isnan(found) and wanted is None) or found == wanted


@steady
@given(log=logs(), log_end=log_ends(), anywhere=_any_points())
def test_what_becomes_known_after_the_end_changes_nothing(
    log: list[Event], log_end: int, anywhere: list[Point]
) -> None:
    seen = [event for event in log if event.known <= log_end]
    for name, outcome in _outcomes(log, anywhere, CRM, log_end).items():
        assert outcome.status.tolist() == _outcomes(seen, anywhere, CRM, log_end)[name].status.tolist()


@steady
@given(log=logs(), log_end=log_ends(), anywhere=_any_points())
def test_a_mature_label_stays_when_the_log_goes_on(log: list[Event], log_end: int, anywhere: list[Point]) -> None:
    prompt = [event for event in log if event.late == 0 and event.superseded == NEVER]
    early, late = (_outcomes(prompt, anywhere, SIMULATOR, end) for end in (log_end, FAR + START))
    for name, outcome in early.items():
        mature = outcome.mature & (late[name].status != Status.NOT_ASKED)
        assert outcome.status[mature].tolist() == late[name].status[mature].tolist()


def test_events_at_the_point_do_not_count_and_those_at_the_horizon_do() -> None:
    log = _log((3, "appointment.booked"))
    assert _status("intent", log, at=3 * DAY) == Status.NO
    assert _status("intent", log, at=3 * DAY - 1) == Status.YES
    late = _log((20, "appointment.booked"))
    assert _status("intent", late, at=6 * DAY) == Status.YES
    assert _status("intent", late, at=6 * DAY - 1) == Status.NO


def test_a_row_younger_than_its_horizon_is_censored_even_if_already_yes() -> None:
    log = _log((3, "appointment.booked"))
    assert _status("intent", log, at=2 * DAY, log_end=16 * DAY) == Status.YES
    assert _status("intent", log, at=2 * DAY, log_end=16 * DAY - 1) == Status.CENSORED


def test_a_late_event_counts_once_it_is_known() -> None:
    log = [*_log(), Event(0, 5 * DAY, "appointment.booked", 1, late=20 * DAY)]
    assert _status("intent", log, at=2 * DAY, log_end=25 * DAY - 1) == Status.NO
    assert _status("intent", log, at=2 * DAY, log_end=25 * DAY) == Status.YES


def test_nothing_is_asked_outside_the_episode() -> None:
    log = _log((9, "deal.lost"))
    assert _status("conversion", log, at=9 * DAY - 1) == Status.NO
    assert _status("conversion", log, at=9 * DAY) == Status.NOT_ASKED
    assert _status("conversion", log, at=-1) == Status.NOT_ASKED


def test_another_episode_is_another_outcome() -> None:
    log = [
        *_log((5, "deal.lost")),
        Event(0, 8 * DAY, "form.submitted", 2),
        Event(0, 10 * DAY, "deal.won", 2),
    ]
    assert _status("conversion", log, at=1 * DAY) == Status.NO
    second = _outcomes(log, [(0, 9 * DAY, 0, 2)], SIMULATOR)["conversion"]
    assert second.status.tolist() == [Status.YES]


def test_bpic2012_intent_is_a_return_or_validation() -> None:
    for kind in ("offer.returned", "validation.scheduled"):
        assert _status("intent", _log((5, kind)), at=1 * DAY, labels=BPIC) == Status.YES
    assert _status("intent", _log((5, "call.completed")), at=1 * DAY, labels=BPIC) == Status.NO


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(10, "deal.abandoned")], Status.YES),
        ([], Status.YES),  # nothing from the client
        ([(10, "call.completed")], Status.YES),  # the bank's own work is not the client's
        ([(10, "offer.returned")], Status.NO),
        ([(15.5, "offer.returned")], Status.YES),  # after the window
        ([(10, "offer.returned"), (11, "deal.abandoned")], Status.YES),
        ([(10, "deal.lost")], Status.NO),  # the bank decided
        ([(10, "offer.accepted")], Status.NO),
        ([(15.5, "deal.lost")], Status.YES),
        ([(15, "deal.registered")], Status.NO),  # silent, but not open through the window
    ],
)
def test_bpic2012_churn(events: list[tuple[float, str]], expected: int) -> None:
    assert _status("churn", _log(*events), at=1 * DAY, labels=BPIC) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(10, "consent.withdrawn")], Status.YES),
        ([(10, "email.inbound")], Status.NO),
        ([(10, "email.sent")], Status.YES),
        ([(10, "email.inbound"), (20, "deal.lost")], Status.YES),
        ([(20, "deal.won")], Status.NO),
        ([(10, "consent.withdrawn"), (20, "deal.won")], Status.NO),
    ],
)
def test_simulator_churn(events: list[tuple[float, str]], expected: int) -> None:
    assert _status("churn", _log(*events), at=1 * DAY) == expected


def test_timing_tells_days_and_cause_even_within_the_horizon() -> None:
    log = _log((4, "deal.lost"))
    found = _outcomes(log, [(0, 1 * DAY, 0, 1)], SIMULATOR, log_end=6 * DAY)["timing"]
    assert found.status.tolist() == [Status.CENSORED]  # 14 days are not over
    assert found.days is not None
    assert found.cause is not None
    assert found.censored_after is not None
    assert (found.days[0], found.cause[0], found.censored_after[0]) == (3, 2, 5)
    assert found.within(5).tolist() == [Status.YES]
    assert found.within(2.5).tolist() == [Status.NO]
    assert found.within(5.5).tolist() == [Status.CENSORED]


def test_timing_of_an_open_deal_is_censored_at_the_end_of_the_log() -> None:
    found = _outcomes(_log(), [(0, 1 * DAY, 0, 1)], SIMULATOR, log_end=30 * DAY)["timing"]
    assert found.status.tolist() == [Status.NO]
    assert found.days is not None
    assert np.isnan(found.days).all()
    assert found.cause is not None
    assert found.cause.tolist() == [0]


def test_only_timing_has_days() -> None:
    found = _outcomes(_log(), [(0, 1 * DAY, 0, 1)], SIMULATOR)["intent"]
    with pytest.raises(TypeError, match="timing"):
        found.within(3)


def test_budget_is_asked_until_there_is_one_and_carries_the_corrected_amount() -> None:
    paid = Event(0, 5 * DAY, "financing.preapproved", 1, value=35_000_000, superseded=9 * DAY)
    corrected = Event(0, 5 * DAY, "financing.preapproved", 1, late=4 * DAY, value=36_000_000)
    log = [*_log(), paid, corrected]
    rows = [(0, 1 * DAY, 0, 1), (0, 5 * DAY, 0, 1)]
    found = _outcomes(log, rows, SIMULATOR)["budget"]
    assert found.status.tolist() == [Status.YES, Status.NOT_ASKED]
    assert found.amount is not None
    assert found.amount[0] == 360_000.0  # cents in the log
    assert np.isnan(found.amount[1])


def test_engagement_is_an_answer_within_its_hours_after_the_touch() -> None:
    touch = 5 * DAY
    for delay, expected in ((0, Status.NO), (1, Status.YES), (2 * DAY, Status.YES), (2 * DAY + 1, Status.NO)):
        log = [*_log((5, "email.sent")), Event(0, touch + delay, "sms.inbound", 1)]
        assert _status("engagement", log, at=touch - 1, touch=True) == expected
    assert _status("engagement", log, at=touch - 1) == Status.NOT_ASKED
    assert _status("engagement", log, at=touch - 2, touch=True) == Status.NOT_ASKED
    assert _status("intent", log, at=touch - 1, touch=True) == Status.NOT_ASKED


def test_the_label_is_known_at_the_end_of_its_window() -> None:
    log = _log((5, "email.sent"))
    found = _outcomes(log, [(0, 4 * DAY, 0, 1), (0, 5 * DAY - 1, 2, 1)], SIMULATOR)
    assert found["intent"].known_from[0] == 18 * DAY
    assert found["engagement"].known_from[1] == 7 * DAY


def test_without_events_nothing_is_asked() -> None:
    found = _outcomes([], [(0, DAY, 0, 1)], SIMULATOR)
    assert all(outcome.status.tolist() == [Status.NOT_ASKED] for outcome in found.values())
