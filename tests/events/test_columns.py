from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import IncompatibleError
from lintel.events.columns import (
    NEVER,
    NULL,
    NULL_SIGNAL,
    EventColumns,
    columns_from_table,
    digest64,
    sort_columns,
)
from lintel.events.kinds import Actor, kind_codes
from lintel.events.schema import SIGNALS, SIGNALS_TYPE, Channel
from lintel.events.validation import check, table_from_rows

NOW = datetime(2024, 6, 1, tzinfo=UTC)
_START = datetime(2024, 5, 1, tzinfo=UTC)


def _same(first: EventColumns, second: EventColumns) -> bool:
    pairs = [(getattr(first, field.name), getattr(second, field.name)) for field in fields(EventColumns)]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def _columns(events: pa.Table, *leads: str) -> EventColumns:
    return columns_from_table(events, pa.array(leads, pa.string()))


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_every_column_has_its_type_and_unit(row, table) -> None:
    event = row(
        kind="web.listing_view",
        channel="web",
        object_id="listing-9",
        value=1.5,
        attribute_1=450_000.25,
        attribute_2=3,
        due_at="2024-05-03T00:00:00Z",
        known_at="2024-05-01T11:00:00Z",
    )
    got = _columns(table(event), "lead-1")
    assert got.lead.dtype == np.int32
    assert got.kind.dtype == np.int16
    assert got.actor.dtype == got.channel.dtype == got.signals.dtype == np.int8
    for name in (
        "occurred_at",
        "known_at",
        "superseded_at",
        "due_at",
        "object_id",
        "episode_id",
        "value",
        "attributes",
    ):
        assert getattr(got, name).dtype == np.int64
    assert got.value.tolist() == [90_000]  # minutes in ms
    assert got.attributes.tolist() == [[45_000_025], [3], [NULL]]  # cents, count
    assert got.kind.tolist() == [kind_codes()["web.listing_view"]]
    assert got.actor.tolist() == [list(Actor).index(Actor.LEAD)]
    assert got.channel.tolist() == [list(Channel).index(Channel.WEB)]
    assert got.known_at[0] - got.occurred_at[0] == 3_600_000_000
    assert got.due_at.tolist() == [_micros(datetime(2024, 5, 3, tzinfo=UTC))]
    assert (got.object_id.tolist(), got.episode_id.tolist()) == ([digest64("listing-9")], [0])
    assert got.superseded_at.tolist() == [NEVER]
    assert got.signals.tolist() == [[NULL_SIGNAL]] * len(SIGNALS)


def test_absent_and_unknown_channels(row, table) -> None:
    got = _columns(table(row(), row(event_id="e2", channel="pigeon", occurred_at="2024-05-02T00:00:00Z")), "lead-1")
    assert got.channel.tolist() == [-1, list(Channel).index(Channel.OTHER)]


def test_signals_in_hundredths(row, table) -> None:
    strengths = {"version": 1, **dict.fromkeys(SIGNALS, 0.5), "sentiment": -0.994}
    events = table(row(), row(event_id="e2", occurred_at="2024-05-02T00:00:00Z"))
    events = events.append_column("signals", pa.array([strengths, None], SIGNALS_TYPE))
    got = _columns(events, "lead-1").signals
    assert got[:, 0].tolist() == [50] * (len(SIGNALS) - 1) + [-99]
    assert got[:, 1].tolist() == [NULL_SIGNAL] * len(SIGNALS)


def test_leads_are_coded_by_position_and_others_left_out(row, table) -> None:
    events = table(*(row(event_id=f"e{i}", lead_id=lead) for i, lead in enumerate(["b", "a", "x", "b"])))
    got = _columns(events, "a", "unseen", "b")
    assert got.lead.tolist() == [0, 2, 2]


def test_no_events_and_no_leads(row, table) -> None:
    events = table(row())
    assert len(_columns(events.slice(0, 0), "lead-1")) == 0
    assert len(_columns(events)) == 0
    assert len(_columns(events, "another")) == 0
    assert _columns(events.slice(0, 0), "lead-1").attributes.shape == (3, 0)


def test_a_kind_that_is_not_registered_any_more(row, table) -> None:
    events = table(row())
    events = events.set_column(events.column_names.index("kind"), "kind", pa.array(["fax.sent"]))
    with pytest.raises(IncompatibleError, match=r"'fax\.sent', which is not registered"):
        _columns(events, "lead-1")


def test_second_event_of_an_id_is_left_out(row, table) -> None:
    kind = "budget.stated"
    events = table(row(kind=kind, value=1), row(kind=kind, value=2), row(kind=kind, value=3, event_id="e2"))
    assert _columns(events, "lead-1").value.tolist() == [100, 300]


def test_of_two_stored_events_the_first_by_seq_counts(row, table) -> None:
    events = table(row(kind="budget.stated", value=1), row(kind="budget.stated", value=2))
    events = events.append_column("seq", pa.array([8, 7], pa.int64()))
    assert _columns(events, "lead-1").value.tolist() == [200]


def _correction(row, value: float | None, hour: int, **changes):
    moment = f"2024-05-02T{hour:02d}:00:00Z"
    named = {
        "event_id": f"c{hour}",
        "kind": "event.corrected",
        "object_id": "e1",
        "occurred_at": moment,
        "value": value,
    }
    return row(**{**named, **changes})


def _versions(got: EventColumns, kind: str) -> list[tuple[int, int, int]]:
    """(value, known_at, superseded_at) of the events of a kind, times in hours of May 2nd, NEVER as -1."""
    base = _micros(datetime(2024, 5, 2, tzinfo=UTC))
    mask = got.kind == kind_codes()[kind]
    ends = [-1 if end == NEVER else (end - base) // 3_600_000_000 for end in got.superseded_at[mask].tolist()]
    starts = ((got.known_at[mask] - base) // 3_600_000_000).tolist()
    return list(zip(got.value[mask].tolist(), starts, ends, strict=True))


def test_a_correction_ends_one_version_and_begins_the_next(row, table) -> None:
    events = table(row(kind="budget.stated", value=10), _correction(row, 20.25, 3), _correction(row, None, 7))
    got = _columns(events, "lead-1")
    assert _versions(got, "budget.stated") == [(1000, -14, 3), (2025, 3, 7), (NULL, 7, -1)]
    assert len(set(got.occurred_at[got.kind == kind_codes()["budget.stated"]].tolist())) == 1
    assert (got.kind == kind_codes()["event.corrected"]).sum() == 2


def test_a_correction_known_before_its_event_begins_with_it(row, table) -> None:
    late = row(kind="budget.stated", value=10, known_at="2024-05-02T05:00:00Z")
    got = _columns(table(late, _correction(row, 20, 3)), "lead-1")
    assert _versions(got, "budget.stated") == [(1000, 5, 5), (2000, 5, -1)]


@pytest.mark.parametrize(
    "changes", [{"object_id": "unheard-of"}, {"object_id": None}, {"object_id": "c3"}, {"lead_id": "lead-2"}]
)
def test_a_correction_of_nothing_changes_nothing(row, table, changes) -> None:
    """Of no event, of itself, or of another lead's event."""
    events = table(row(kind="budget.stated", value=10), _correction(row, 20, 3, **changes))
    assert _versions(_columns(events, "lead-1", "lead-2"), "budget.stated") == [(1000, -14, -1)]


def test_digests_are_stable_and_never_zero() -> None:
    assert digest64("listing-9") == digest64("listing-9") != digest64("listing-10")
    assert digest64("") != 0
    assert digest64("a") == 4681665781835383343


def test_take_and_size(row, table) -> None:
    got = _columns(table(row(), row(event_id="e2", occurred_at="2024-05-02T00:00:00Z")), "lead-1")
    assert len(got.take(slice(1, 2))) == 1
    assert got.take(np.array([1])).occurred_at.tolist() == got.occurred_at[1:].tolist()
    assert got.nbytes == sum(getattr(got, field.name).nbytes for field in fields(got))
    assert got.with_lead(np.array([4, 5], np.int32)).lead.tolist() == [4, 5]


_KINDS = ("sms.inbound", "web.listing_view", "budget.stated", "email.sent", "event.corrected")
_event = st.fixed_dictionaries(
    {
        "lead_id": st.sampled_from(["a", "b", "c"]),
        "kind": st.sampled_from(_KINDS),
        "occurred_at": st.integers(0, 3).map(lambda hours: _START + timedelta(hours=hours)),
    },
    optional={
        "known_at": st.integers(3, 6).map(lambda hours: _START + timedelta(hours=hours)),
        "object_id": st.sampled_from(["e0", "e1", "e2", "e3"]),
        "episode_id": st.sampled_from(["x", "y"]),
        "channel": st.sampled_from(["web", "sms", "pigeon"]),
        "actor": st.sampled_from(["lead", "agent"]),
        "value": st.integers(0, 3).map(float),
        "attribute_2": st.integers(0, 2).map(float),
    },
)
_logs = st.lists(_event, max_size=12).map(lambda rows: [{**r, "event_id": f"e{i}"} for i, r in enumerate(rows)])


def _checked(rows) -> pa.Table:
    loose = table_from_rows(rows)
    assert loose.rejected == ()
    got = check(loose.events, tenant="acme", now=NOW)
    assert got.rejected == ()
    return got.events


@given(_logs, st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(rows, rng) -> None:
    shuffled = rng.sample(rows, len(rows))
    assert _same(_columns(_checked(rows), "a", "b", "c"), _columns(_checked(shuffled), "a", "b", "c"))


@given(_logs, st.data())
def test_duplicates_change_nothing(rows, data) -> None:
    again = data.draw(st.lists(st.sampled_from(rows), max_size=5)) if rows else []
    assert _same(_columns(_checked(rows), "a", "b", "c"), _columns(_checked([*rows, *again]), "a", "b", "c"))


@given(_logs)
def test_a_lead_alone_is_the_lead_in_a_batch(rows) -> None:
    events = _checked(rows)
    batch = _columns(events, "a", "b", "c")
    for code, lead in enumerate("abc"):
        alone = _columns(events, lead)
        inside = batch.take(np.flatnonzero(batch.lead == code))
        assert _same(alone, inside.with_lead(np.zeros(len(inside), np.int32)))


@given(_logs)
def test_events_are_sorted_and_keep_their_intervals(rows) -> None:
    got = _columns(_checked(rows), "a", "b", "c")
    keys = list(zip(got.lead.tolist(), got.occurred_at.tolist(), strict=True))
    assert keys == sorted(keys)
    assert (got.occurred_at <= got.known_at).all()
    assert (got.known_at <= got.superseded_at).all()


@given(_logs)
def test_exactly_one_version_of_an_event_holds_at_any_time(rows) -> None:
    got = _columns(_checked(rows), "a", "b", "c")
    known = {row["event_id"]: _micros(row.get("known_at", row["occurred_at"])) for row in rows}
    for hour in range(9):
        as_of = _micros(_START + timedelta(hours=hour))
        held = int(((got.known_at <= as_of) & (as_of < got.superseded_at)).sum())
        assert held == sum(moment <= as_of for moment in known.values())


def test_sorting_twice_is_sorting_once(row, table) -> None:
    got = _columns(table(*(row(event_id=f"e{i}", value=float(-i), kind="budget.stated") for i in range(9))), "lead-1")
    assert _same(got, sort_columns(got))
