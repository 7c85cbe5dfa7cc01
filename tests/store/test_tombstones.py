"""Who was erased stays away when the same export is taken in again, and nothing says who that was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.events.validation import Rejection
from lintel.store.events import EventStore
from lintel.store.migrations import open_database, upgrade
from lintel.store.tables import EVENTS
from lintel.store.tenants import Tenant
from lintel.store.tombstones import REASON, Tombstones, digest
from tests.store.conftest import NOW, event_row, event_table

Row = Callable[..., dict[str, Any]]


def leads(store: EventStore) -> list[str]:
    return store.lead_ids("acme")


def test_erased_events_are_withheld_and_counted(any_store: EventStore, numbered: Callable[..., pa.Table]) -> None:
    any_store.append("acme", numbered(range(20)), now=NOW)
    any_store.erase("acme", "lead1")
    report = any_store.append("acme", numbered(range(25)), now=NOW, source="export.csv")
    assert (report.appended, report.duplicates, report.withheld) == (4, 16, 5)
    assert leads(any_store) == ["lead0", "lead2", "lead3", "lead4"]
    assert [(one.source, one.reason, one.raw) for one in any_store.quarantined("acme")] == [
        ("export.csv", REASON, None)
    ]
    any_store.append("acme", numbered(range(25)), now=NOW, source="export.csv")
    assert len(any_store.quarantined("acme")) == 1


def test_a_readmitted_lead_comes_back(any_store: EventStore, numbered: Callable[..., pa.Table]) -> None:
    any_store.append("acme", numbered(range(5)), now=NOW)
    any_store.erase("acme", "lead1")
    assert any_store.is_erased("acme", "lead1")
    assert any_store.readmit("acme", "lead1")
    assert not any_store.readmit("acme", "lead1")
    assert not any_store.is_erased("acme", "lead1")
    assert any_store.append("acme", numbered(range(5)), now=NOW).appended == 1


def test_another_process_learns_of_an_erasure(url: str, numbered: Callable[..., pa.Table]) -> None:
    with EventStore.open(url) as mine, EventStore.open(url) as theirs:
        mine.put_tenant(Tenant("acme", labels="crm"))
        mine.put_tenant(Tenant("other", labels="crm"))
        theirs.append("acme", numbered(range(5)), now=NOW)
        for _ in range(2):
            mine.erase("acme", "lead1")
            assert theirs.append("acme", numbered(range(5)), now=NOW).withheld == 1
            assert theirs.append("other", numbered(range(5)), now=NOW).withheld == 0


def test_a_merge_that_names_an_erased_lead_is_withheld(
    any_store: EventStore, row: Row, table: Callable[..., pa.Table]
) -> None:
    any_store.append("acme", table([row(1)]), now=NOW)
    any_store.erase("acme", "lead1")
    merge = row(50, kind="lead.merged", lead_id="lead2", object_id="lead1")
    assert any_store.append("acme", table([merge, row(3)]), now=NOW).withheld == 1
    assert leads(any_store) == ["lead3"]


def test_rejected_rows_of_an_erased_lead_keep_their_reason_alone(any_store: EventStore) -> None:
    any_store.erase("acme", "ann")
    rows = [Rejection(f"line {lead}", "kind", "no such kind", json.dumps({"lead_id": lead})) for lead in ("ann", "bob")]
    any_store.quarantine("acme", rows, "export.csv", NOW)
    found = any_store.quarantined("acme")
    assert sorted(one.raw or "" for one in found) == ["", '{"lead_id": "bob"}']
    assert not any("ann" in one.place for one in found)


def test_tenants_have_digests_of_their_own(store: EventStore) -> None:
    store.put_tenant(Tenant("other", labels="crm"))
    for tenant in ("acme", "other"):
        store.erase(tenant, "ann")
    stones = [store._erased(store.state(tenant).number) for tenant in ("acme", "other")]
    assert stones[0].key != stones[1].key
    assert not stones[0].digests & stones[1].digests


def test_no_erased_leads_contain_nobody() -> None:
    assert "ann" not in Tombstones()
    assert Tombstones(b"k", frozenset({digest(b"k", "ann")})).among(["ann", "bob", "ann"]) == {"ann"}


def test_a_store_from_before_erasures_is_upgraded_with_its_events(any_url: str) -> None:
    with EventStore.open(any_url) as store:
        store.put_tenant(Tenant("acme", labels="crm"))
        store.append("acme", event_table([event_row(1)]), now=NOW)
    database = open_database(any_url, "events")
    with database.write() as connection:
        for statement in (
            "DROP TABLE erased_leads",
            "ALTER TABLE tenants DROP COLUMN erasures",
            "ALTER TABLE tenants DROP COLUMN erasure_key",
            "UPDATE alembic_version SET version_num = '0003'",
        ):
            connection.execute(sa.text(statement))
    upgrade(database, "events")
    database.close()
    with EventStore.open(any_url) as store:
        assert store.lead_ids("acme") == ["lead1"]
        store.erase("acme", "lead1")
        assert store.append("acme", event_table([event_row(1)]), now=NOW).withheld == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    owners=st.lists(st.sampled_from(["ann-7731", "bob-7731", "cid-7731"]), min_size=1, max_size=12),
    gone=st.sampled_from(["ann-7731", "bob-7731"]),
    batch=st.integers(1, 5),
)
def test_no_table_names_who_was_erased_and_others_are_unharmed(
    owners: list[str], gone: str, batch: int, tmp_path_factory: Any
) -> None:
    path = Path(tmp_path_factory.mktemp("erased")) / "events.db"
    rows = [event_row(number, lead_id=lead) for number, lead in enumerate(owners)]
    with EventStore.open(f"sqlite:///{path}") as store:
        store.put_tenant(Tenant("acme", labels="crm"))
        store.append("acme", event_table(rows), now=NOW)
        store.erase("acme", gone)
        for start in range(0, len(rows), batch):
            store.append("acme", event_table(rows[start : start + batch]), now=NOW, source="again")
        kept = [lead for lead in owners if lead != gone]
        assert leads(store) == sorted(set(kept))
        assert len(store.changes("acme")) == len(kept)
    assert gone not in _all_cells(path)
    assert gone.encode() not in path.read_bytes()


def _all_cells(path: Path) -> set[object]:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        cells = {
            cell for table in EVENTS.tables.values() for row in connection.execute(sa.select(table)) for cell in row
        }
    engine.dispose()
    return cells
