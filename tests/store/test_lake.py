import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lintel.store.lake as lake_module
from lintel.errors import IncompatibleError, InputError, NotFoundError, StorageFullError, UnavailableError
from lintel.events.schema import STORED_SCHEMA
from lintel.store.events import EventStore
from lintel.store.lake import Lake
from lintel.store.tenants import Tenant

Row = Callable[..., dict[str, Any]]
Tables = Callable[..., pa.Table]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def files(lake: Lake) -> set[Path]:
    return set(lake._root.rglob("*.parquet"))


def same(first: pa.Table, second: pa.Table) -> bool:
    return bool(first.sort_by("seq").to_pylist() == second.sort_by("seq").to_pylist())


def test_the_lake_holds_what_the_store_holds(store: EventStore, lake: Lake, row: Row, table: Tables) -> None:
    store.append("acme", table([row(1, text="hello?", kind="sms.inbound"), row(2, value=1.5), row(3)]), now=NOW)
    report = lake.advance(store, "acme", now=NOW)
    assert (report.added, report.parts, report.watermark, report.as_of) == (3, 1, 3, NOW)
    found = lake.read("acme")
    assert found.schema.equals(STORED_SCHEMA)
    assert same(found, store.changes("acme"))
    assert lake.watermark("acme") == 3
    assert lake.lead_ids("acme") == store.lead_ids("acme")


def test_advancing_twice_changes_nothing(store: EventStore, lake: Lake, numbered: Tables) -> None:
    store.append("acme", numbered(range(9)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    before, digest = files(lake), lake.digest("acme")
    assert lake.advance(store, "acme", now=NOW + timedelta(hours=1)).added == 0
    assert (files(lake), lake.digest("acme")) == (before, digest)
    store.append("acme", numbered([9]), now=NOW)
    assert lake.advance(store, "acme", now=NOW).added == 1
    assert lake.digest("acme") != digest
    assert before < files(lake)


def test_a_late_event_leaves_old_days_as_they_are(store: EventStore, lake: Lake, numbered: Tables) -> None:
    store.append("acme", numbered([5]), now=NOW)
    lake.advance(store, "acme", now=NOW)
    before = {path: path.stat().st_mtime_ns for path in files(lake)}
    store.append("acme", numbered([1]), now=NOW + timedelta(days=1))
    lake.advance(store, "acme", now=NOW)
    after = {path: path.stat().st_mtime_ns for path in files(lake)}
    assert {path: after[path] for path in before} == before
    assert sorted(path.parent.name for path in after) == ["2026-03-01", "2026-03-02"]


def test_one_advance_over_two_days_and_many_portions(
    store: EventStore, lake: Lake, numbered: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_module, "_PAGE", 7)
    monkeypatch.setattr(lake_module, "_PART", 20)
    store.append("acme", numbered(range(50)), now=NOW)
    store.append("acme", numbered(range(50, 63)), now=NOW + timedelta(days=1))
    report = lake.advance(store, "acme", now=NOW)
    assert (report.added, report.parts) == (63, 4)  # 21, 21, 8 + 13
    assert same(lake.read("acme"), store.changes("acme"))


def test_part_of_the_lake(store: EventStore, lake: Lake, numbered: Tables) -> None:
    store.append("acme", numbered(range(10)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    assert same(lake.read("acme", up_to_seq=4), store.changes("acme", 0, 4))
    assert same(lake.read("acme", leads=["lead1", "lead2"]), store.lead_events("acme", ["lead1", "lead2"]))
    some = lake.read("acme", columns=["value", "lead_id", "kind"])
    assert some.schema.equals(pa.schema([STORED_SCHEMA.field(name) for name in ("value", "lead_id", "kind")]))
    assert len(some) == 10
    assert lake.read("acme", leads=[]).num_rows == 0
    with pytest.raises(InputError, match="colour"):
        lake.read("acme", columns=["colour"])


def test_before_the_first_advance_the_lake_is_empty(store: EventStore, lake: Lake) -> None:
    assert lake.read("acme").schema.equals(STORED_SCHEMA)
    assert (lake.read("acme").num_rows, lake.watermark("acme"), lake.lead_ids("acme")) == (0, 0, [])
    assert lake.digest("acme").startswith("sha256:")
    assert lake.advance(store, "acme", now=NOW).added == 0
    with pytest.raises(NotFoundError):
        lake.advance(store, "nobody", now=NOW)


def test_merged_contacts_read_as_in_the_store(store: EventStore, lake: Lake, row: Row, table: Tables) -> None:
    merge = row(50, kind="lead.merged", lead_id="lead0", object_id="lead1")
    store.append("acme", table([row(0), row(1), row(2), merge]), now=NOW)
    lake.advance(store, "acme", now=NOW)
    for leads in (["lead0"], ["lead1"], ["lead1", "lead2"]):
        assert same(lake.read("acme", leads=leads), store.lead_events("acme", leads))
    assert lake.lead_ids("acme") == store.lead_ids("acme") == ["lead0", "lead2"]
    known = lake.read("acme", columns=["event_id", "known_at"]).to_pylist()
    assert {"event_id": "e1", "known_at": merge["occurred_at"]} in known
    assert set(lake.read("acme", up_to_seq=3).column("lead_id").to_pylist()) == {"lead0", "lead1", "lead2"}


def test_erasing_a_lead_rewrites_the_parts_that_hold_it(
    store: EventStore, lake: Lake, row: Row, table: Tables, numbered: Tables
) -> None:
    store.append("acme", numbered([2, 3]), now=NOW - timedelta(days=2))
    lake.advance(store, "acme", now=NOW)
    untouched = files(lake)
    merge = row(50, kind="lead.merged", lead_id="lead0", object_id="lead1")
    store.append("acme", table([row(0), row(7), merge]), now=NOW - timedelta(days=1))
    lake.advance(store, "acme", now=NOW)
    store.append("acme", numbered([1]), now=NOW)
    lake.advance(store, "acme", now=NOW)
    assert lake.erase("acme", store.erase("acme", "lead1").leads) == 3
    assert sorted(lake.read("acme").column("event_id").to_pylist()) == ["e2", "e3", "e7"]
    assert untouched < files(lake)
    assert len(files(lake)) == 2
    assert not any(b"lead1" in path.read_bytes() for path in lake._root.rglob("*") if path.is_file())
    assert lake.advance(store, "acme", now=NOW).added == 0
    assert same(lake.read("acme"), store.changes("acme"))


def test_what_a_killed_advance_left_behind_is_swept(
    store: EventStore, lake: Lake, numbered: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append("acme", numbered(range(4)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    store.append("acme", numbered(range(4, 8)), now=NOW)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # killed between the part and the manifest that names it
        patch.setattr(lake_module, "_save", die)
        with pytest.raises(KeyboardInterrupt):
            lake.advance(store, "acme", now=NOW)
    assert len(files(lake)) == 2
    assert (lake.watermark("acme"), lake.read("acme").num_rows) == (4, 4)
    (next(iter(files(lake))).parent / "part-x.parquet.1.tmp").write_bytes(b"half")
    assert lake.advance(store, "acme", now=NOW).added == 4
    assert same(lake.read("acme"), store.changes("acme"))
    assert {path.name for path in lake._root.rglob("*") if path.is_file()} == {
        "lock",
        "manifest.json",
        *(path.name for path in files(lake)),
    }
    assert len(files(lake)) == 2


def test_many_small_parts_become_one(
    store: EventStore, lake: Lake, numbered: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_module, "_MANY_SMALL", 3)
    for number in range(4):
        store.append("acme", numbered([number]), now=NOW)
        lake.advance(store, "acme", now=NOW)
    assert len(files(lake)) == 2  # three became one, and one came after
    assert same(lake.read("acme"), store.changes("acme"))


def test_a_lake_of_another_store_is_refused(store: EventStore, lake: Lake, numbered: Tables, tmp_path: Path) -> None:
    store.append("acme", numbered(range(4)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    with EventStore.open(f"sqlite:///{tmp_path / 'fresh.db'}") as fresh:
        fresh.put_tenant(Tenant("acme", labels="crm"))
        with pytest.raises(IncompatibleError, match="ahead of the store"):
            lake.advance(fresh, "acme", now=NOW)


def test_a_part_that_is_gone_and_a_broken_manifest_are_named(store: EventStore, lake: Lake, numbered: Tables) -> None:
    store.append("acme", numbered(range(4)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    files(lake).pop().unlink()
    with pytest.raises(UnavailableError, match="are gone"):
        lake.read("acme")
    next(lake._root.rglob("manifest.json")).write_text("{")
    with pytest.raises(UnavailableError, match="broken"):
        lake.read("acme")


def test_a_full_disk_leaves_the_lake_as_it_was(
    store: EventStore, lake: Lake, numbered: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append("acme", numbered(range(4)), now=NOW)
    lake.advance(store, "acme", now=NOW)
    store.append("acme", numbered(range(4, 8)), now=NOW)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFullError):
            lake.advance(store, "acme", now=NOW)
    assert lake.read("acme").num_rows == 4
    assert not list(lake._root.rglob("*.tmp"))
    assert lake.advance(store, "acme", now=NOW).added == 4


@pytest.mark.parametrize("tenant", ["../../etc", "a/b", "..", "x" * 200, "Ünï", "a b", "A", "a"])
def test_any_tenant_id_is_a_safe_folder(store: EventStore, lake: Lake, numbered: Tables, tenant: str) -> None:
    store.put_tenant(Tenant(tenant, labels="crm"))
    store.append(tenant, numbered([1]), now=NOW)
    lake.advance(store, tenant, now=NOW)
    assert lake.read(tenant).column("tenant").to_pylist() == [tenant]
    assert all(path.resolve().is_relative_to(lake._root.resolve()) for path in files(lake))
    assert lake._folder(tenant).parent == lake._root
    assert lake._folder(tenant) != lake._folder(tenant.swapcase() + "!")


_STEPS = st.lists(
    st.one_of(
        st.lists(st.integers(0, 30), min_size=1, max_size=10),
        st.sampled_from(["advance", "erase"]),
        st.tuples(st.integers(0, 4), st.integers(0, 4)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(_STEPS)
def test_whatever_happened_the_lake_ends_as_the_store(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, EventStore.open(f"sqlite:///{folder}/events.db") as store:
        store.put_tenant(Tenant("acme", labels="crm"))
        lake = Lake(Path(folder) / "lake")
        for number, step in enumerate(steps):
            _take(store, lake, step, number)
        lake.advance(store, "acme", now=NOW)
        leads = [f"lead{number}" for number in range(5)]
        assert same(lake.read("acme", leads=leads), store.lead_events("acme", leads))
        assert lake.lead_ids("acme") == store.lead_ids("acme")
        assert lake.watermark("acme") == store.latest_seq("acme")


def _take(store: EventStore, lake: Lake, step: Any, number: int) -> None:
    now = NOW + timedelta(hours=7 * number)
    if step == "advance":
        lake.advance(store, "acme", now=now)
    elif step == "erase":
        lake.erase("acme", store.erase("acme", "lead0").leads)
    elif isinstance(step, tuple):
        store.append("acme", _events([1000 + number], step[0], "lead.merged", f"lead{step[1]}"), now=now)
    else:
        store.append("acme", _events(step, None, "web.visit", None), now=now)


def _events(numbers: list[int], lead: int | None, kind: str, other: str | None) -> pa.Table:
    times = [1_700_000_000_000_000 + number for number in numbers]
    return pa.table(
        {
            "event_id": [f"e{number}" for number in numbers],
            "lead_id": [f"lead{number % 5 if lead is None else lead}" for number in numbers],
            "object_id": pa.array([other] * len(numbers), pa.string()),
            "occurred_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "kind": [kind] * len(numbers),
        }
    )
