"""The gate of the event log over a million events: rules judged over Arrow columns, and by plain Great Expectations.

The baseline is the same suite, the same expectation objects, over the same frame in pandas, in the same run. Each side
runs in a process of its own, so that its peak memory is its own. `--json` ends in one JSON object.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import sys
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from expectations import events
from expectations.evaluation import evaluate
from expectations.suite import SuiteResult, validate
from lintel.events.schema import STORED_SCHEMA, TIME

BARS = {"gate_seconds": 10.0}
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_OFFERS = ("offer.sent", "offer.accepted")
_KINDS = ("email.sent", "web.visit", "web.listing_view", "sms.inbound", "call.completed", *_OFFERS)


def log(rows: int, *, seed: int) -> pa.Table:
    """Events of `rows` / 120 leads over 700 days, in STORED_SCHEMA: every fault class in one row of ten thousand."""
    random = np.random.default_rng(seed)
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    occurred = start + np.sort(random.integers(0, 700 * _DAY, rows))
    leads = random.integers(0, max(rows // 120, 1), rows)
    names = np.array([f"lead-{number * 2_654_435_761 % 2**32:08x}" for number in range(max(rows // 120, 1))])
    offers = np.array([f"offer-{number:08d}" for number in range(rows)])
    kind = random.choice(_KINDS, rows)
    is_offer = np.isin(kind, _OFFERS)
    known = occurred + random.integers(0, _DAY // 24, rows)
    known[random.random(rows) < 1e-4] -= _DAY
    columns: dict[str, Any] = {
        "tenant": pa.array(["benchmark-brokerage"] * rows),
        "event_id": pa.array([f"{number:016x}" for number in random.permutation(rows)]),
        "lead_id": pa.array(names[leads]),
        "object_id": pa.array(offers[leads], mask=~is_offer),
        "occurred_at": pa.array(occurred).cast(TIME),
        "known_at": pa.array(known).cast(TIME),
        "kind": pa.array(kind).dictionary_encode(),
        "actor": pa.array(random.choice(["lead", "agent", "system"], rows)).dictionary_encode(),
        "value": pa.array(random.lognormal(3, 1, rows), mask=random.random(rows) < 0.7),
        "seq": pa.array(np.arange(1, rows + 1)),
        "ingested_at": pa.array(np.maximum.accumulate(known + _DAY // 48)).cast(TIME),
    }
    made = [columns.get(field.name, pa.nulls(rows, field.type)) for field in STORED_SCHEMA]
    loose = pa.schema([pa.field(field.name, field.type) for field in STORED_SCHEMA])
    return pa.table(made, schema=loose)


def by_arrow(recorded: pa.Table) -> SuiteResult:
    return evaluate(events.frame(recorded, NOW), events.NAME, events.rules())


def by_pandas(recorded: pa.Table) -> SuiteResult:
    return validate(events.frame(recorded, NOW).to_pandas(), events.NAME, events.rules())


def measured(way: str, rows: int) -> dict[str, Any]:
    """Seconds of wall clock and of the processor, peak memory over that of the events, and what was found."""
    reader, writer = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(writer, way, rows))
    process.start()
    writer.close()
    found: dict[str, Any] = reader.recv()
    process.join()
    return found


def _measure(writer: Connection, way: str, rows: int) -> None:
    recorded = log(rows, seed=7)
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    result = {"arrow": by_arrow, "pandas": by_pandas}[way](recorded)
    writer.send(
        {
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "peak_rss_mb": round(_peak()),
            "peak_rss_before_mb": round(before),
            "unexpected": {one.rule.name: one.unexpected for one in result.results if one.unexpected},
            "holds": {one.rule.name: one.success for one in result.results},
        }
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    arrow, pandas = (measured(way, asked.rows) for way in ("arrow", "pandas"))
    agree = arrow["holds"] == pandas["holds"] and arrow["unexpected"] == pandas["unexpected"]
    value = {
        "rows": asked.rows,
        "rules": len(arrow["holds"]),
        "gate": {name: one for name, one in arrow.items() if name != "holds"},
        "plain_gx": {name: one for name, one in pandas.items() if name != "holds"},
        "times_faster_cpu": round(pandas["cpu_seconds"] / arrow["cpu_seconds"], 1),
        "answers_agree": agree,
        "bars": BARS,
        "reached": arrow["seconds"] <= BARS["gate_seconds"] and agree,
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    shown = Table("", "gate", "plain GX on pandas", title=f"{value['rules']} rules over {asked.rows:,} events")
    for name in ("seconds", "cpu_seconds", "peak_rss_mb", "peak_rss_before_mb"):
        shown.add_row(name, str(arrow[name]), str(pandas[name]))
    shown.add_row("answers agree", str(agree), "")
    Console(stderr=asked.json).print(shown)
    if asked.json:
        sys.stdout.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    main()
