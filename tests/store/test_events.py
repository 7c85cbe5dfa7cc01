from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import lintel.store.events
from lintel.errors import InputError, NotFoundError
from lintel.events.columns import columns_from_table
from lintel.events.schema import STORED_SCHEMA
from lintel.events.validation import Rejection
from lintel.store.events import EventStore
from lintel.store.tenants import Clock, Tenant

Row = Callable[..., dict[str, Any]]
Tables = Callable[..., pa.Table]


@pytest.fixture
def store(any_store: EventStore) -> EventStore:
    """Everything here holds for each kind of database."""
    return any_store


def ids(events: pa.Table) -> list[str]:
    return events.column("event_id").to_pylist()


def test_tenants_are_kept_and_changed(store: EventStore) -> None:
    changed = Tenant("acme", labels="bpic2012", time_zone="Europe/Amsterdam", clock=Clock.LOG_END, simulated=True)
    store.put_tenant(changed)
    store.put_tenant(Tenant("other", labels="crm"))
    assert store.tenant("acme") == changed
    assert [tenant.id for tenant in store.tenants()] == ["acme", "other"]
    with pytest.raises(InputError):
        store.put_tenant(Tenant(" ", labels="crm"))


def test_changing_a_tenant_leaves_its_events(store: EventStore, numbered: Tables, now: datetime) -> None:
    store.append("acme", numbered(range(3)), now=now)
    store.put_tenant(Tenant("acme", labels="other"))
    assert store.append("acme", numbered([3]), now=now).first_seq == 4


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.tenant("nobody"),
        lambda store: store.append("nobody", pa.table({}), now=datetime(2026, 1, 1, tzinfo=UTC)),
        lambda store: store.quarantine("nobody", [], "csv", datetime(2026, 1, 1, tzinfo=UTC)),
        lambda store: store.lead_events("nobody", ["lead"]),
        lambda store: store.by_time("nobody"),
        lambda store: store.changes("nobody"),
        lambda store: store.latest_seq("nobody"),
        lambda store: store.lead_seq("nobody", ["lead"]),
        lambda store: store.newest_known_at("nobody"),
        lambda store: store.lead_ids("nobody"),
        lambda store: store.bodies("nobody", ["e"]),
        lambda store: store.count("nobody"),
        lambda store: store.quarantined("nobody"),
        lambda store: store.erase("nobody", "lead"),
    ],
)
def test_an_unknown_tenant_is_refused_everywhere(store: EventStore, ask: Callable[[EventStore], object]) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        ask(store)


def test_what_was_appended_comes_back_whole(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    moment = datetime(2026, 1, 5, 8, 30, 0, 123_456, tzinfo=UTC)
    full = row(
        1,
        episode_id="episode",
        object_id="object",
        agent_id="agent",
        channel="email",
        source="test",
        occurred_at=moment,
        known_at=moment + timedelta(hours=1),
        due_at=moment + timedelta(days=2),
        kind="web.listing_view",
        actor="lead",
        value=1.25,
        attribute_1=1e6 + 0.1,
        attribute_3=-3.0,
    )
    report = store.append("acme", table([full, row(2)]), now=now)
    assert (report.appended, report.duplicates, report.rejected, report.first_seq, report.last_seq) == (2, 0, (), 1, 2)
    found = store.lead_events("acme", ["lead1", "lead2"])
    assert found.schema.equals(STORED_SCHEMA)
    stored = full | {"tenant": "acme", "seq": 1, "ingested_at": now, "attribute_2": None, "signals": None}
    assert found.to_pylist()[0] == stored
    assert found.to_pylist()[1]["actor"] == "agent"  # the kind's usual one
    assert found.to_pylist()[1]["known_at"] == row(2)["occurred_at"]


def test_the_same_event_twice_is_a_no_op(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    twice = table([row(1, value=1.0), row(2), row(1, value=2.0, text="another body")])
    report = store.append("acme", twice, now=now)
    assert (report.appended, report.duplicates) == (2, 1)
    again = store.append("acme", table([row(2, lead_id="elsewhere"), row(3)]), now=now)
    assert (again.appended, again.duplicates, again.first_seq, again.last_seq) == (1, 1, 3, 3)
    assert store.append("acme", twice, now=now).first_seq is None
    assert store.lead_events("acme", ["lead1"]).column("value").to_pylist() == [1.0]
    assert store.bodies("acme", ["e1"]) == {}
    assert store.count("acme") == 3


def test_tenants_never_meet(store: EventStore, numbered: Tables, now: datetime) -> None:
    store.put_tenant(Tenant("other", labels="crm"))
    store.append("acme", numbered(range(4)), now=now)
    report = store.append("other", numbered(range(2)), now=now)
    assert (report.appended, report.first_seq) == (2, 1)
    assert (store.count("acme"), store.count("other")) == (4, 2)
    assert store.lead_events("other", ["lead3"]).num_rows == 0
    foreign = store.append("other", numbered([9], tenant="acme"), now=now)
    assert "another tenant" in foreign.rejected[0].reason
    assert store.count("acme") == 4


def test_bad_rows_are_set_aside_and_good_rows_go_on(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    rows = [row(1), row(2, kind="no.such"), row(3, occurred_at=now + timedelta(days=400)), row(4)]
    places = ["line 2", "line 3", "line 4", "line 5"]
    told: list[int] = []
    report = store.append("acme", table(rows), now=now, places=places, source="crm.csv", progress=told.append)
    assert (report.appended, [str(one).partition(":")[0] for one in report.rejected]) == (
        2,
        ["line 3, column kind", "line 4, column occurred_at"],
    )
    assert sum(told) == 4
    aside = store.quarantined("acme")
    assert {(one.place, one.column, one.source) for one in aside} == {
        ("line 3", "kind", "crm.csv"),
        ("line 4", "occurred_at", "crm.csv"),
    }
    store.append("acme", table(rows), now=now + timedelta(hours=1), places=places, source="crm.csv")
    assert store.quarantined("acme") == aside  # a second run over the source adds nothing


def test_rows_that_a_source_could_not_read_are_kept(store: EventStore, now: datetime) -> None:
    many = [Rejection(f"line {number}", "time", "is missing", '{"a": 1}') for number in range(1_200)]
    store.quarantine("acme", many, "crm.csv", now)
    assert len(store.quarantined("acme", limit=2_000)) == 1_200
    assert len(store.quarantined("acme", limit=7)) == 7


def test_a_column_that_is_not_an_events_is_refused(store: EventStore, now: datetime) -> None:
    with pytest.raises(InputError, match="colour"):
        store.append("acme", pa.table({"colour": ["red"]}), now=now)


def test_pages_by_time_and_by_seq_cover_everything_once(
    store: EventStore, row: Row, table: Tables, now: datetime
) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [row(number, occurred_at=moment + timedelta(hours=number % 3)) for number in range(20)]
    store.append("acme", table(rows), now=now)
    by_time: list[pa.Table] = []
    after: tuple[int, int] | None = None
    while len(page := store.by_time("acme", after, 3)):
        by_time.append(page)
        after = page.column("occurred_at").cast(pa.int64())[-1].as_py(), page.column("seq")[-1].as_py()
    times = [(one["occurred_at"], one["seq"]) for page in by_time for one in page.to_pylist()]
    assert times == sorted(times)
    assert len(set(times)) == 20
    seqs, seq = [], 0
    while len(page := store.changes("acme", seq, 3)):
        seqs += page.column("seq").to_pylist()
        seq = seqs[-1]
    assert seqs == list(range(1, 21))


def test_a_reader_sees_the_log_as_it_was(store: EventStore, numbered: Tables, now: datetime) -> None:
    store.append("acme", numbered([0, 5]), now=now)
    before = store.lead_events("acme", ["lead0"])
    store.append("acme", numbered([10]), now=now)
    assert store.lead_events("acme", ["lead0"], up_to_seq=2).equals(before)
    assert store.lead_events("acme", ["lead0"]).num_rows == 3


def test_watermarks(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    assert (store.latest_seq("acme"), store.newest_known_at("acme"), store.lead_ids("acme")) == (0, None, [])
    late = datetime(2026, 2, 1, tzinfo=UTC)
    store.append("acme", table([row(0), row(1, known_at=late), row(2), row(5)]), now=now)
    assert store.latest_seq("acme") == 4
    assert store.newest_known_at("acme") == late
    assert store.lead_seq("acme", ["lead0", "lead1", "nobody"]) == {"lead0": 4, "lead1": 2}
    assert store.lead_ids("acme", limit=2) == ["lead0", "lead1"]
    assert store.lead_ids("acme", "lead1") == ["lead2"]


def test_many_leads_and_events_in_one_question(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    rows = [row(number, lead_id=f"lead{number}", text="hello") for number in range(1_300)]
    store.append("acme", table(rows), now=now)
    leads = [f"lead{number}" for number in range(1_300)]
    assert store.lead_events("acme", [*leads, *leads]).num_rows == 1_300
    assert len(store.lead_seq("acme", leads)) == 1_300
    assert len(store.bodies("acme", [f"e{number}" for number in range(1_300)])) == 1_300
    assert store.lead_events("acme", []).schema.equals(STORED_SCHEMA)


def test_a_merged_contact_lives_on_as_its_survivor(store: EventStore, row: Row, table: Tables, now: datetime) -> None:
    merged_at = datetime(2026, 2, 1, tzinfo=UTC)
    merge = row(100, kind="lead.merged", lead_id="lead0", object_id="lead1", occurred_at=merged_at)
    store.append("acme", table([row(0), row(1)]), now=now)
    assert store.survivors("acme", ["lead1"]) == {"lead1": "lead1"}
    store.append("acme", table([merge]), now=now)
    found = store.lead_events("acme", ["lead1"])
    assert found.equals(store.lead_events("acme", ["lead0"]))
    assert found.column("lead_id").to_pylist() == ["lead0"] * 3
    known = dict(zip(ids(found), found.column("known_at").to_pylist(), strict=True))
    assert known == {"e0": row(0)["occurred_at"], "e1": merged_at, "e100": merged_at}
    assert store.lead_ids("acme", limit=1) == ["lead0"]
    assert store.lead_ids("acme") == ["lead0"]
    assert store.lead_seq("acme", ["lead1"]) == {"lead1": 3}
    assert store.survivors("acme", ["lead1", "new"]) == {"lead1": "lead0", "new": "new"}
    assert ids(store.lead_events("acme", ["lead1"], up_to_seq=2)) == ["e1"]
    assert len(columns_from_table(found, pa.array(["lead0"]))) == 3


def test_reading_the_log_as_it_was_goes_by_the_leads_index(tmp_path) -> None:
    """By the primary key it would go through the whole log of the tenant."""
    with EventStore.open(f"sqlite:///{tmp_path}/events.db") as store, store._database.read() as connection:
        asked = lintel.store.events._BY_LEAD_UP_TO.params(tenant=1, leads=["lead"], up_to_seq=9)
        query = asked.compile(dialect=store._database.dialect, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    assert "events_by_lead" in plan[0][-1]
