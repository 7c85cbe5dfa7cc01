"""What happens when a writer is killed, the disk is full, or many write at once: nothing lost, nothing twice."""

import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lintel.store.append as append_module
from lintel.errors import StorageFullError
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

Row = Callable[..., dict[str, Any]]
Tables = Callable[..., pa.Table]

SCRIPT = Path(__file__).with_name("appending.py")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def appending(url: str, first: int, count: int, **options: Any) -> subprocess.Popen[str]:
    arguments = [sys.executable, str(SCRIPT), url, str(first), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def numbers(store: EventStore) -> list[int]:
    """Numbers of all events, and a check that the store is whole."""
    changes = store.changes("acme", 0, 1_000_000)
    ids = changes.column("event_id").to_pylist()
    assert changes.column("seq").to_pylist() == list(range(1, len(ids) + 1))
    assert store.count("acme") == len(ids)
    assert len(store.bodies("acme", ids)) == len(ids)
    assert sum(len(store.lead_events("acme", [lead])) for lead in store.lead_ids("acme")) == len(ids)
    return sorted(int(event_id.removeprefix("e")) for event_id in ids)


def test_a_killed_append_keeps_what_it_had_committed_and_goes_on_when_run_again(store: EventStore, url: str) -> None:
    count = 40_000
    with appending(url, 0, count) as process:
        assert process.stdout is not None
        told = [int(next(process.stdout)) for _ in range(3)]
        process.kill()
        told += [int(line) for line in process.stdout]
    held = numbers(store)
    assert told[-1] <= len(held) < count  # killed in the middle; a commit may have gone untold
    assert held == list(range(len(held)))
    with appending(url, 0, count) as process:
        assert process.wait() == 0
    assert numbers(store) == list(range(count))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_full_disk_stops_an_append_and_spoils_nothing(store: EventStore, url: str) -> None:
    """The limit on the size of a file is real: it holds for the database and its write-ahead log.

    How many rows one commit takes depends on the machine's speed; those of before the disk was full do not.
    """
    kept = 100
    with appending(url, 0, kept) as process:
        assert process.wait() == 0

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    with appending(url, 0, 10_000, preexec_fn=limit) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "StorageFullError: There is no space left to write to sqlite:///" in errors
    held = numbers(store)
    assert kept <= len(held) < 10_000
    assert held == list(range(len(held)))
    with appending(url, 0, 10_000) as process:
        process.wait()
    assert numbers(store) == list(range(10_000))


def test_a_full_database_refuses_an_append_and_goes_on_reading(
    store: EventStore, numbered: Tables, now: datetime
) -> None:
    store.append("acme", numbered(range(10)), now=now)
    with store._database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFullError):
        store.append("acme", numbered(range(10, 2_000)), now=now)
    assert store.count("acme") == 10
    with store._database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert store.append("acme", numbered(range(2_000)), now=now).appended == 1_990


def test_processes_that_append_the_same_and_other_events_take_turns(store: EventStore, url: str) -> None:
    spans = [(0, 4_000), (2_000, 4_000), (5_000, 1_000)]
    processes = [appending(url, first, count) for first, count in spans]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert numbers(store) == list(range(6_000))


def test_a_transaction_ends_when_its_time_is_up(
    store: EventStore, numbered: Tables, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that runs a second a look, every transaction takes one slice, and all is written all the same."""
    ticks = iter(range(1_000))
    monkeypatch.setattr(append_module.time, "perf_counter", lambda: float(next(ticks)))
    told: list[int] = []
    report = store.append("acme", numbered(range(1_000)), now=now, progress=told.append)
    assert told == [256, 256, 256, 232]
    assert (report.appended, report.first_seq, report.last_seq) == (1_000, 1, 1_000)


def test_a_point_append_gets_in_between_the_transactions_of_a_bulk_load(
    store: EventStore, url: str, numbered: Tables, now: datetime
) -> None:
    """Order, not time, is what is tested: while one bulk append runs, another writer commits, more than once."""
    done = threading.Event()
    between: list[int] = []

    def points() -> None:
        with EventStore.open(url) as other:
            while not done.is_set():
                number = 20_000 + len(between)
                report = other.append("acme", numbered([number]), now=NOW)
                between.append(report.first_seq or 0)

    thread = threading.Thread(target=points)
    thread.start()
    bulk = store.append("acme", numbered(range(12_000)), now=now)
    done.set()
    thread.join()
    assert bulk.appended == 12_000
    inside = [seq for seq in between if (bulk.first_seq or 0) < seq < (bulk.last_seq or 0)]
    assert len(inside) >= 2
    assert len(set(between)) == len(between)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=6), st.randoms(use_true_random=False))
def test_any_batches_in_any_order_give_the_same_log(batches: list[list[int]], order: random.Random) -> None:
    """Each event once, whatever was repeated within a batch or between batches."""
    with tempfile.TemporaryDirectory() as folder, EventStore.open(f"sqlite:///{folder}/events.db") as store:
        store.put_tenant(Tenant("acme", labels="crm"))
        shuffled = [*batches, *order.sample(batches, len(batches))]
        order.shuffle(shuffled)
        appended = sum(store.append("acme", _events(batch), now=NOW).appended for batch in shuffled)
        wanted = {number for batch in batches for number in batch}
        assert appended == len(wanted)
        found = store.changes("acme", 0, 1_000)
        assert sorted(found.column("event_id").to_pylist()) == sorted(f"e{number}" for number in wanted)
        assert found.column("seq").to_pylist() == list(range(1, len(wanted) + 1))
        leads = {f"lead{number % 7}" for number in wanted}
        assert store.lead_ids("acme") == sorted(leads)
        for lead in leads:
            times = store.lead_events("acme", [lead]).column("occurred_at").to_pylist()
            assert times == sorted(times)


def _events(batch: list[int]) -> pa.Table:
    return pa.table(
        {
            "event_id": pa.array([f"e{number}" for number in batch], pa.string()),
            "lead_id": pa.array([f"lead{number % 7}" for number in batch], pa.string()),
            "occurred_at": pa.array([1_700_000_000_000_000 + number for number in batch], pa.timestamp("us", tz="UTC")),
            "kind": pa.array(["web.visit"] * len(batch), pa.string()),
        }
    )


def test_opening_and_closing_leaks_no_file(url: str) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    EventStore.open(url).close()
    before = open_files()
    start = time.monotonic()
    for _ in range(50):
        EventStore.open(url).close()
    assert open_files() <= before
    assert time.monotonic() - start < 30
