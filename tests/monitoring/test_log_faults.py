"""Each fault has a log that has it and one that just does not; references agree with a naive reading of the log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.schema import STORED_SCHEMA
from lintel.monitoring.log_faults import faults

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Row = dict[str, Any]


def event(number: int, kind: str = "email.sent", **changes: Any) -> Row:
    occurred = changes.get("occurred_at", THEN + number * MINUTE)
    row = {
        "tenant": "acme",
        "event_id": f"e{number}",
        "lead_id": "lead1",
        "occurred_at": occurred,
        "known_at": occurred,
        "kind": kind,
        "actor": "lead",
        "seq": number,
        "ingested_at": changes.get("known_at", occurred),
    }
    return row | changes


def log(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([pa.field(f.name, f.type) for f in STORED_SCHEMA]))


def found(name: str, *rows: Row) -> list[int]:
    """The numbers of the events with a fault."""
    fault = faults(log(*rows), NOW)[name]
    return [row["seq"] for row, wrong in zip(rows, fault.mask.tolist(), strict=True) if wrong]


def booked(**changes: Any) -> Row:
    return event(1, "appointment.booked", **{"object_id": "a", "due_at": THEN + DAY, **changes})


LATEST = NOW + DAY
CASES: list[tuple[str, tuple[Row, ...], tuple[Row, ...], int]] = [
    (
        "before_1990",
        (event(1, occurred_at=datetime(1989, 12, 31, 23, 59, tzinfo=UTC)),),
        (event(1, occurred_at=datetime(1990, 1, 1, tzinfo=UTC)),),
        1,
    ),
    ("before_1990", (booked(due_at=datetime(1970, 1, 1, tzinfo=UTC)),), (booked(),), 1),
    (
        "known_long_before_it_came",
        (event(1, ingested_at=THEN - 2 * DAY),),
        (event(1, occurred_at=THEN, ingested_at=THEN - DAY),),
        1,
    ),
    ("known_in_the_future", (event(1, known_at=LATEST + MINUTE),), (event(1, known_at=LATEST),), 1),
    (
        "known_before_it_came",
        (event(1, occurred_at=THEN, ingested_at=THEN - 16 * MINUTE),),
        (event(1, occurred_at=THEN, ingested_at=THEN - 15 * MINUTE),),
        1,
    ),
    (
        "came_in_the_future",
        (event(1, ingested_at=NOW + 16 * MINUTE),),
        (event(1, ingested_at=NOW + 15 * MINUTE),),
        1,
    ),
    (
        "came_out_of_order",
        (event(1, ingested_at=NOW), event(2, ingested_at=NOW - MINUTE)),
        (event(1, ingested_at=NOW), event(2, ingested_at=NOW)),
        2,
    ),
    ("plan_without_due", (booked(due_at=None),), (booked(),), 1),
    (
        "due_before_it_was_planned",
        (booked(occurred_at=THEN, due_at=THEN - DAY - MINUTE),),
        (booked(occurred_at=THEN, due_at=THEN - DAY),),
        1,
    ),
    ("due_too_far_ahead", (booked(due_at=THEN + 2000 * DAY),), (booked(due_at=THEN + 1800 * DAY),), 1),
    (
        "offer_unresolved",
        (event(1, "offer.sent", object_id="o1"), event(2, "offer.accepted", object_id="o2")),
        (event(1, "offer.sent", object_id="o1"), event(2, "offer.accepted", object_id="o1")),
        2,
    ),
    (
        "offer_unresolved",
        (event(2, "offer.sent", object_id="o"), event(1, "offer.accepted", object_id="o")),
        (event(2, "offer.sent", object_id="o"), event(3, "offer.accepted", object_id="o")),
        1,
    ),
    (
        "offer_unresolved",
        (event(1, "offer.sent", lead_id="lead2"), event(2, "offer.accepted")),
        (event(1, "offer.sent"), event(2, "offer.accepted")),
        2,
    ),
    ("appointment_unresolved", (event(2, "appointment.showed"),), (booked(), event(2, "appointment.showed")), 2),
    ("deal_unresolved", (event(2, "deal.registered"),), (event(1, "deal.won"), event(2, "deal.registered")), 2),
    (
        "correction_unresolved",
        (event(1), event(2, "event.corrected", object_id="e9")),
        (event(1), event(2, "event.corrected", object_id="e1")),
        2,
    ),
    (
        "correction_unresolved",
        (event(1, lead_id="lead2"), event(2, "event.corrected", object_id="e1")),
        (event(1), event(2, "event.corrected", object_id="e1")),
        2,
    ),
    (
        "correction_before_its_event",
        (event(1, known_at=NOW), event(2, "event.corrected", object_id="e1", known_at=NOW - MINUTE)),
        (event(1, known_at=NOW), event(2, "event.corrected", object_id="e1", known_at=NOW)),
        2,
    ),
    (
        "merge_into_itself",
        (event(1), event(2, "lead.merged", object_id="lead1")),
        (event(1, lead_id="lead2"), event(2, "lead.merged", object_id="lead2")),
        2,
    ),
    (
        "merge_unresolved",
        (event(1), event(2, "lead.merged", object_id="lead3")),
        (event(1, lead_id="lead3"), event(2, "lead.merged", object_id="lead3")),
        2,
    ),
    (
        "episode_of_several_leads",
        (event(1, episode_id="p"), event(2, episode_id="p", lead_id="lead2")),
        (event(1, episode_id="p"), event(2, episode_id="p")),
        2,
    ),
]


@pytest.mark.parametrize(("name", "broken", "sound", "number"), CASES, ids=[case[0] for case in CASES])
def test_each_fault_is_found_and_what_just_passes_is_not(
    name: str, broken: tuple[Row, ...], sound: tuple[Row, ...], number: int
) -> None:
    assert number in found(name, *broken)
    assert found(name, *sound) == []


def test_every_fault_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(faults(log(), NOW))


def test_what_two_merged_contacts_did_is_one_leads() -> None:
    rows = (
        event(1, "offer.sent", lead_id="lead2"),
        event(2, "lead.merged", object_id="lead2"),
        event(3, "offer.accepted", episode_id="p"),
        event(4, lead_id="lead2", episode_id="p"),
    )
    assert found("offer_unresolved", *rows) == []
    assert found("episode_of_several_leads", *rows) == []


def test_an_event_that_could_not_have_a_fault_is_not_asked() -> None:
    column = faults(log(event(1), event(2, "offer.accepted")), NOW)["offer_unresolved"].column()
    assert column.to_pylist() == [None, True]


OFFERS = {
    "offer.sent": True,
    "offer.created": True,
    "offer.accepted": False,
    "offer.declined": False,
    "web.visit": None,
}


@st.composite
def offer_logs(draw: st.DrawFn) -> list[Row]:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(OFFERS)),
                st.sampled_from(["lead1", "lead2"]),
                st.sampled_from(["o1", "o2", None]),
                st.integers(0, 4),
            ),
            max_size=12,
        )
    )
    return [
        event(number, kind, lead_id=lead, object_id=thing, occurred_at=THEN + minutes * MINUTE)
        for number, (kind, lead, thing, minutes) in enumerate(rows, start=1)
    ]


def unresolved(rows: list[Row]) -> list[int]:
    """The rule as it is said: an outcome needs an offer of its object and lead, or without an object of its lead."""

    def opens(offer: Row, outcome: Row) -> bool:
        same = outcome["object_id"] is None or offer["object_id"] == outcome["object_id"]
        before = offer["occurred_at"] <= outcome["occurred_at"]
        return bool(OFFERS[offer["kind"]]) and offer["lead_id"] == outcome["lead_id"] and same and before

    outcomes = [row for row in rows if OFFERS[row["kind"]] is False]
    return [row["seq"] for row in outcomes if not any(opens(offer, row) for offer in rows)]


@settings(max_examples=150, deadline=None)
@given(offer_logs())
def test_offers_resolve_as_a_naive_reading_says(rows: list[Row]) -> None:
    assert found("offer_unresolved", *rows) == unresolved(rows)


@settings(max_examples=50, deadline=None)
@given(offer_logs(), st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[Row], random: Any) -> None:
    shuffle: Callable[[list[Row]], None] = random.shuffle
    other = list(rows)
    shuffle(other)
    for name in faults(log(), NOW):
        assert sorted(found(name, *rows)) == sorted(found(name, *other))
