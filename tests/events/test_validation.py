import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.events.kinds import kinds
from lintel.events.schema import INCOMING_SCHEMA, MAX_ATTRIBUTES_LENGTH, MAX_ID_LENGTH, MAX_TEXT_LENGTH
from lintel.events.validation import FUTURE_TOLERANCE, Rejection, check, table_from_rows

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
_LONG = "x" * (MAX_ID_LENGTH + 1)

FAULTS = [
    ({"event_id": ""}, "event_id", "is empty"),
    ({"event_id": "   "}, "event_id", "is empty"),
    ({"lead_id": ""}, "lead_id", "is empty"),
    ({"event_id": None}, "event_id", "is missing"),
    ({"lead_id": None}, "lead_id", "is missing"),
    ({"occurred_at": None}, "occurred_at", "is missing"),
    ({"kind": None}, "kind", "is missing"),
    ({"tenant": "other"}, "tenant", "belongs to another tenant than 'acme'"),
    *(
        ({name: _LONG}, name, "is longer than 200 characters")
        for name in ("event_id", "lead_id", "episode_id", "object_id", "agent_id", "channel", "source")
    ),
    *(
        ({name: f"a{control}b"}, name, "holds a control character")
        for name in ("event_id", "lead_id", "episode_id", "object_id", "agent_id", "channel", "source")
        for control in ("\0", "\n", "\x1b[2J", "\x7f", "\x9b")
    ),
    *(
        ({"kind": kind, **changes}, "object_id", f"is missing: it names {named}")
        for kind, named in (
            ("event.corrected", "the event that is corrected"),
            ("lead.merged", "the contact that was merged"),
        )
        for changes in ({}, {"object_id": " "})
    ),
    ({"kind": "sms.telepathy"}, "kind", "is not a registered kind (docs/kinds.md)"),
    ({"actor": "bot"}, "actor", "is not lead, agent or system"),
    ({"occurred_at": "1989-12-31T23:59:59Z"}, "occurred_at", "lies before 1990-01-01T00:00:00Z"),
    ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at", "lies before 1990-01-01T00:00:00Z"),
    ({"occurred_at": "2024-06-02T12:00:01Z"}, "occurred_at", "lies in the future (milliseconds read as seconds?)"),
    ({"known_at": "2024-06-02T12:00:01Z"}, "known_at", "lies in the future (milliseconds read as seconds?)"),
    ({"known_at": "2024-05-01T09:59:59Z"}, "known_at", "lies before occurred_at"),
    ({"due_at": "1970-01-01T00:00:00Z"}, "due_at", "lies before 1990-01-01T00:00:00Z"),
    *(
        ({name: value}, name, "is not a finite number")
        for name in ("value", "attribute_1", "attribute_2", "attribute_3")
        for value in (float("nan"), float("inf"), float("-inf"))
    ),
    ({"value": 1.1e12}, "value", "is out of range (±1e12)"),
    ({"attribute_2": -1.1e12}, "attribute_2", "is out of range (±1e12)"),
    ({"text": "x" * (MAX_TEXT_LENGTH + 1)}, "text", "is longer than 100000 characters"),
    ({"attributes": {"a": "x" * MAX_ATTRIBUTES_LENGTH}}, "attributes", "are longer than 20000 characters"),
]


@pytest.mark.parametrize(("changes", "column", "reason"), FAULTS, ids=lambda v: str(v)[:40])
def test_each_fault_is_named_and_the_good_rows_survive(row, checked, changes, column, reason) -> None:
    got = checked(row(event_id="first"), row(**{"event_id": "bad", **changes}), row(event_id="last"))
    assert [(r.place, r.column, r.reason) for r in got.rejected] == [("row 2", column, reason)]
    assert got.events.column("event_id").to_pylist() == ["first", "last"]
    assert str(got.rejected[0]) == f"row 2, column {column}: {reason}"


EDGES = [
    {"occurred_at": "1990-01-01T00:00:00Z"},
    {"occurred_at": "2024-06-02T12:00:00Z"},
    {"known_at": "2024-05-01T10:00:00Z"},
    {"due_at": "2031-01-01T00:00:00Z"},
    {"event_id": "x" * MAX_ID_LENGTH},
    {"text": "x" * MAX_TEXT_LENGTH},
    {"value": 1e12, "attribute_1": -1e12, "attribute_3": 0},
    {"channel": "carrier pigeon"},
    {"lead_id": "日本 🏠"},
    {"kind": "lead.merged", "object_id": "lead-2"},
]


@pytest.mark.parametrize("changes", EDGES, ids=lambda v: str(v)[:40])
def test_what_lies_just_inside_is_taken(row, checked, changes) -> None:
    got = checked(row(**changes))
    assert got.rejected == ()
    assert len(got.events) == 1


def test_only_the_first_fault_of_a_row_is_told(row, checked) -> None:
    got = checked(row(kind="no.such", actor="bot", value=float("nan")), row(actor="bot"))
    assert [(r.place, r.column) for r in got.rejected] == [("row 1", "kind"), ("row 2", "actor")]


def test_places_are_the_sources_own(row, checked) -> None:
    got = checked(row(), row(kind="no.such"), places=["line 7", "line 9"])
    assert [r.place for r in got.rejected] == ["line 9"]


def test_defaults(row, checked) -> None:
    event = checked(row(), row(event_id="e2", kind="email.sent", actor="system")).events.to_pylist()
    assert event[0]["tenant"] == "acme"
    assert event[0]["known_at"] == event[0]["occurred_at"] == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert (event[0]["actor"], event[1]["actor"]) == ("lead", "system")
    assert event[0]["value"] is None


@pytest.mark.parametrize("name", list(kinds()))
def test_the_actor_defaults_to_the_kinds(row, checked, name) -> None:
    assert checked(row(kind=name, object_id="o")).events.column("actor").to_pylist() == [kinds()[name].actor.value]


def test_result_has_the_incoming_columns_in_order(row, checked) -> None:
    assert checked(row()).events.column_names == INCOMING_SCHEMA.names


def test_no_events() -> None:
    got = check(table_from_rows([]).events, tenant="acme", now=NOW)
    assert len(got.events) == 0
    assert got.rejected == ()
    assert got.events.column_names == INCOMING_SCHEMA.names


def test_all_bad_leaves_an_empty_table(row, checked) -> None:
    got = checked(row(kind="no.such"))
    assert (len(got.events), len(got.rejected)) == (0, 1)


def test_duplicates_are_the_stores_matter(row, checked) -> None:
    assert len(checked(row(), row()).events) == 2


def test_a_table_of_required_columns_is_enough() -> None:
    moment = pa.array([NOW - timedelta(days=3)], pa.timestamp("ms", "UTC"))
    events = pa.table({"kind": ["web.visit"], "lead_id": ["a"], "occurred_at": moment, "event_id": ["1"]})
    assert check(events, tenant="acme", now=NOW).events.schema.field("occurred_at").type == pa.timestamp("us", "UTC")


def test_dictionary_and_chunked_columns_are_read() -> None:
    events = pa.table({"kind": ["web.visit"], "lead_id": ["a"], "occurred_at": [NOW], "event_id": ["1"]})
    events = events.set_column(0, "kind", events.column("kind").dictionary_encode())
    twice = pa.concat_tables([events, events])
    assert check(twice, tenant="acme", now=NOW).events.column("kind").to_pylist() == ["web.visit"] * 2


def test_missing_column() -> None:
    with pytest.raises(InputError, match="column 'event_id' is missing from the events"):
        check(pa.table({"kind": ["web.visit"], "lead_id": ["a"], "occurred_at": [NOW]}), tenant="acme", now=NOW)


def test_unknown_column(row) -> None:
    events = table_from_rows([row()]).events.append_column("mood", pa.array(["good"]))
    with pytest.raises(InputError, match="column 'mood' is not in the event schema"):
        check(events, tenant="acme", now=NOW)


def test_column_of_another_type() -> None:
    events = pa.table({"kind": ["web.visit"], "lead_id": ["a"], "occurred_at": ["yesterday"], "event_id": ["1"]})
    with pytest.raises(InputError, match="column 'occurred_at' cannot be read as timestamp"):
        check(events, tenant="acme", now=NOW)


def test_years_that_python_cannot_write_are_rejected() -> None:
    """Milliseconds read as seconds lie in the year 55,000."""
    moments = pa.array([1_717_200_000_000 * 1_000_000], pa.timestamp("us", "UTC"))
    events = pa.table({"kind": ["web.visit"], "lead_id": ["a"], "occurred_at": moments, "event_id": ["1"]})
    got = check(events, tenant="acme", now=NOW)
    assert [r.reason for r in got.rejected] == ["lies in the future (milliseconds read as seconds?)"]
    assert json.loads(got.rejected[0].raw or "")["lead_id"] == "a"


def test_the_clock_is_an_argument(row) -> None:
    events = table_from_rows([row(occurred_at="2030-01-01T00:00:00Z")]).events
    later = datetime(2030, 1, 1, tzinfo=UTC) - FUTURE_TOLERANCE
    assert len(check(events, tenant="acme", now=later).events) == 1
    assert len(check(events, tenant="acme", now=later - timedelta(microseconds=1)).events) == 0


def test_a_rejected_row_keeps_its_fields_but_not_its_body(row, checked) -> None:
    got = checked(row(kind="no.such", text="call 303-555-0142", attributes={"name": "Jane"}, value=3))
    raw = json.loads(got.rejected[0].raw or "")
    assert raw["lead_id"] == "lead-1"
    assert raw["value"] == 3
    assert "303" not in str(got.rejected[0].raw)
    assert "Jane" not in str(got.rejected[0].raw)


LOOSE = [
    ({"occurred_at": "yesterday"}, "occurred_at", "is not an ISO 8601 time"),
    ({"occurred_at": 1717200000}, "occurred_at", "must be an ISO 8601 time"),
    ({"occurred_at": "2024-05-01T10:00:00"}, "occurred_at", "has no time zone: end it with Z or an offset"),
    ({"occurred_at": datetime(2024, 5, 1)}, "occurred_at", "has no time zone: end it with Z or an offset"),
    ({"occurred_at": "9999-12-31T23:59:59-05:00"}, "occurred_at", "is not a time that can be stored"),
    ({"occurred_at": "0001-01-01T00:00:00+05:00"}, "occurred_at", "is not a time that can be stored"),
    ({"value": "3"}, "value", "must be a number"),
    ({"value": True}, "value", "must be a number"),
    ({"value": 10**400}, "value", "is out of range (±1e12)"),
    ({"lead_id": 7}, "lead_id", "must be a string"),
    ({"lead_id": "\ud800"}, "lead_id", "holds half a character (a lone surrogate)"),
    ({"text": ["a"]}, "text", "must be a string"),
    ({"mood": "good"}, "mood", "no such field in the event schema"),
    ({7: "good"}, "7", "no such field in the event schema"),
    ({"attributes": "{"}, "attributes", "are not a JSON object"),
    ({"attributes": "nope"}, "attributes", "are not a JSON object"),
    ({"attributes": "[" * 100_000}, "attributes", "are nested too deeply"),
    ({"attributes": "[1]"}, "attributes", "are not a JSON object"),
    ({"attributes": 3}, "attributes", "are not a JSON object"),
]


@pytest.mark.parametrize(("changes", "column", "reason"), LOOSE, ids=lambda v: str(v)[:40])
def test_rows_of_a_wrong_type_are_set_aside(row, changes, column, reason) -> None:
    got = table_from_rows([row(), row() | changes, row()])
    assert [(r.place, r.column, r.reason) for r in got.rejected] == [("row 2", column, reason)]
    assert len(got.events) == 2


@pytest.mark.parametrize("strange", [None, 3, "text", ["a"]])
def test_a_row_that_is_no_object(row, strange) -> None:
    got = table_from_rows([strange, row()])
    assert [str(r) for r in got.rejected] == ["row 1, column (row): an event is an object with named fields"]
    assert len(got.events) == 1


def test_unknown_fields_are_not_kept_for_they_may_be_personal(row) -> None:
    got = table_from_rows([row(email="jane@example.com")])
    assert "jane" not in str(got.rejected)


def test_offsets_become_utc(row) -> None:
    got = table_from_rows([row(occurred_at="2024-05-01T10:00:00+02:00")])
    assert got.events.column("occurred_at")[0].as_py() == datetime(2024, 5, 1, 8, tzinfo=UTC)


def test_attributes_are_kept_as_json(row) -> None:
    got = table_from_rows([row(attributes={"b": 1, "a": "ü"}), row(attributes='{"c": [2]}')])
    assert [json.loads(text) for text in got.events.column("attributes").to_pylist()] == [
        {"a": "ü", "b": 1},
        {"c": [2]},
    ]


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.datetimes(), st.lists(st.none())
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*INCOMING_SCHEMA.names, "strange"]), _values), max_size=5))
def test_no_row_is_lost_whatever_comes_in(rows) -> None:
    loose = table_from_rows(rows)
    got = check(loose.events, tenant="acme", now=NOW)
    assert len(loose.events) + len(loose.rejected) == len(rows)
    assert len(got.events) + len(got.rejected) == len(loose.events)
    assert all(isinstance(r, Rejection) and r.reason for r in (*loose.rejected, *got.rejected))
