"""A million events into the store, one lead's history out of it, and point appends beside a bulk load.

Beside it, as baseline, the same events through plain `sqlite3.executemany` into one table with one key: no
validation, no redaction, no index by lead or time, one transaction. `--json` ends in one JSON object.
"""

import argparse
import json
import multiprocessing
import platform
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from lintel.events.schema import TIME
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

TENANT = "benchmark-brokerage"
BARS = {"append_seconds": 90.0, "lead_read_p50_ms": 2.0, "point_append_longest_ms": 100.0}
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_START = datetime(2024, 1, 1, tzinfo=UTC)
_TABLE_ROWS = 50_000
_EVENTS_PER_LEAD = 120
_KINDS = ("email.sent", "email.opened", "web.visit", "web.listing_view", "sms.sent", "sms.inbound", "call.completed")
_TEXTS = ("Can I see the house on Saturday?", "My budget is $450,000, call me at 415 555 0134.", "Not now, thanks.")


def lead_name(number: int) -> str:
    return f"lead-{number * 2_654_435_761 % 2**32:08x}"


def event_tables(count: int, *, seed: int) -> Iterator[pa.Table]:
    """`count` events in the order of time, leads at random, ids at random: the worst order for the two indexes."""
    random = np.random.default_rng(seed)
    leads = np.array([lead_name(number) for number in range(max(1, count // _EVENTS_PER_LEAD))])
    spacing = timedelta(days=700) / count
    for start in range(0, count, _TABLE_ROWS):
        rows = min(_TABLE_ROWS, count - start)
        times = _START + spacing * start, spacing
        yield _event_table(random, rows, leads, times, f"{seed}-{start}")


def _event_table(
    random: np.random.Generator, rows: int, leads: np.ndarray, times: tuple[datetime, timedelta], prefix: str
) -> pa.Table:
    first, spacing = (times[0] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1), times[1]
    occurred_at = first + np.arange(rows) * (spacing // timedelta(microseconds=1))
    texts = np.where(random.random(rows) < 0.05, random.choice(_TEXTS, rows), None)
    ids = [f"{number:016x}-{prefix}-{row}" for row, number in enumerate(random.integers(0, 2**63, rows).tolist())]
    return pa.table(
        {
            "event_id": ids,
            "lead_id": random.choice(leads, rows),
            "object_id": [f"object-{number}" for number in random.integers(0, 10_000, rows).tolist()],
            "channel": random.choice(["web", "email", "sms"], rows),
            "occurred_at": pa.array(occurred_at, TIME),
            "kind": random.choice(_KINDS, rows),
            "value": random.random(rows),
            "text": pa.array(texts.tolist(), pa.string()),
        }
    )


def bulk_load(store: EventStore, count: int, *, seed: int) -> float:
    """Seconds to append, making of the events left out."""
    seconds = 0.0
    for table in event_tables(count, seed=seed):
        start = time.perf_counter()
        report = store.append(TENANT, table, now=_NOW)
        seconds += time.perf_counter() - start
        assert report.appended == len(table), report
    return seconds


def plain_load(path: Path, count: int, *, seed: int) -> float:
    """The baseline: seconds of `executemany` into one table."""
    seconds = 0.0
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        columns = next(event_tables(1, seed=seed)).column_names
        connection.execute(f"CREATE TABLE events ({', '.join(columns)}, PRIMARY KEY (event_id)) WITHOUT ROWID")
        marks = ", ".join("?" * len(columns))
        for table in event_tables(count, seed=seed):
            start = time.perf_counter()
            numbers = table.set_column(4, "occurred_at", table.column("occurred_at").cast(pa.int64()))
            rows = zip(*(column.to_pylist() for column in numbers.columns), strict=True)
            connection.executemany(f"INSERT INTO events VALUES ({marks})", rows)  # noqa: S608  # names are ours
            seconds += time.perf_counter() - start
    return seconds


def lead_reads(store: EventStore, leads: int, *, repeats: int = 2_000) -> tuple[np.ndarray, float]:
    """Milliseconds of reading one lead's history, and the mean number of its events."""
    random = np.random.default_rng(11)
    names = [lead_name(number) for number in random.integers(0, leads, repeats).tolist()]
    store.lead_events(TENANT, names[:1])
    times, found = [], 0
    for name in names:
        start = time.perf_counter()
        found += len(store.lead_events(TENANT, [name]))
        times.append((time.perf_counter() - start) * 1e3)
    return np.array(times), found / repeats


def point_appends(url: str, stop: Any, results: Any) -> None:
    """One event at a time until told to stop; runs in a process of its own."""
    times = []
    with EventStore.open(url) as store:
        point_append(store, "first")
        results.put("ready")
        while not stop.is_set() or not times:
            times.append(point_append(store, f"point-{len(times)}"))
            time.sleep(0.01)
    results.put(times)


def beside_a_load(store: EventStore, url: str, count: int) -> np.ndarray:
    """Milliseconds of whole point appends from another process while a bulk load runs in this one."""
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    process = context.Process(target=point_appends, args=(url, stop, results))
    process.start()
    results.get(timeout=60)  # it has opened the store
    bulk_load(store, count, seed=3)
    stop.set()
    times = np.array(results.get(timeout=60))
    process.join()
    return times


def alone(store: EventStore, repeats: int = 300) -> np.ndarray:
    """Milliseconds of point appends when nobody else writes: what of the figure beside a load is not the waiting."""
    return np.array([point_append(store, f"alone-{number}") for number in range(repeats)])


def point_append(store: EventStore, event_id: str) -> float:
    """Milliseconds of appending one event."""
    event = {"event_id": [event_id], "lead_id": ["point"], "kind": ["web.visit"]}
    table = pa.table({**event, "occurred_at": pa.array([_START], TIME)})
    start = time.perf_counter()
    store.append(TENANT, table, now=_NOW)
    return (time.perf_counter() - start) * 1e3


def measured(count: int, folder: Path) -> dict[str, Any]:
    url = f"sqlite:///{folder / 'events.db'}"
    plain_seconds = plain_load(folder / "plain.db", count, seed=1)
    with EventStore.open(url) as store:
        store.put_tenant(Tenant(TENANT, labels="crm"))
        seconds = bulk_load(store, count, seed=1)
        reads, events_per_lead = lead_reads(store, max(1, count // _EVENTS_PER_LEAD))
        undisturbed = alone(store)
        points = beside_a_load(store, url, max(10_000, count // 4))
    return {
        "events": count,
        "append_seconds": round(seconds, 2),
        "append_per_second": round(count / seconds),
        "baseline_append_seconds": round(plain_seconds, 2),
        "lead_read_p50_ms": round(float(np.percentile(reads, 50)), 3),
        "lead_read_p99_ms": round(float(np.percentile(reads, 99)), 3),
        "events_per_lead": round(events_per_lead, 1),
        "point_appends": len(points),
        "point_append_p50_ms": round(float(np.percentile(points, 50)), 1),
        "point_append_p99_ms": round(float(np.percentile(points, 99)), 1),
        "point_append_alone_longest_ms": round(float(undisturbed.max()), 1),
        "point_append_longest_ms": round(float(points.max()), 1),
        "bars": BARS,
        "machine": f"{platform.machine()}, {multiprocessing.cpu_count()} cores, SQLite {sqlite3.sqlite_version}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on standard output")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(options.events, Path(folder))
    if options.json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value", "bar", title="event store")
    for name, value in figures.items():
        if name != "bars":
            table.add_row(name, str(value), f"<= {BARS[name]:g}" if name in BARS else "")
    Console().print(table)


if __name__ == "__main__":
    main()
