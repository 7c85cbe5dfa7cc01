"""How fast the feature kernel is, and how much memory it takes, beside the same features in SQL.

    python -m benchmarks.feature_kernel [--events 5000000 --leads 50000 --times 10] [--json]

One core: nothing in the kernel uses threads, and the CPU time printed counts those of the whole process. Events are
drawn at random (seeded): web visits, messages, calls, offers and work items in the proportions of KIND_WEIGHTS, over
a year, in random order, so that sorting is part of the work. The baseline is DuckDB, one thread, SQL as an analyst
would write it, for seven of the features on a sample of the leads; its time is scaled to all leads, not to all
features, and its numbers are checked against the kernel's.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from lintel.events.columns import NEVER, NULL, NULL_SIGNAL, EventColumns, Queries, sort_columns
from lintel.events.kinds import kind_codes, kinds
from lintel.events.schema import SIGNALS
from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.features.catalogue import catalogue
from lintel.features.kernel import compute, compute_chunks
from lintel.features.selectors import MESSAGES_IN, MESSAGES_OUT

ZONE = utc_offsets("America/Denver")
START = 1_704_067_200_000_000  # 2024-01-01
DAYS = 365
KIND_WEIGHTS = {
    "web.listing_view": 25.0,
    "web.page_view": 15.0,
    "web.visit": 8.0,
    "email.sent": 10.0,
    "email.opened": 6.0,
    "sms.sent": 6.0,
    "sms.inbound": 3.0,
    "call.attempted": 4.0,
    "call.completed": 3.0,
    "stage.changed": 2.0,
}
"""Of 100; the other kinds share the rest."""

BASELINE_FEATURES = (
    "event_count_7d",
    "event_count_all",
    "web_count_30d",
    "outbound_count_7d",
    "listing_view_recency",
    "listing_minutes_sum_30d",
    "listing_distinct_30d",
)


def draw_events(count: int, leads: int, seed: int) -> EventColumns:
    """`count` events of `leads` leads in no order; half of the values are absent, and what has a text has signals."""
    random = np.random.default_rng(seed)
    names = list(kinds())
    weights = np.array([KIND_WEIGHTS.get(name, 0.0) for name in names])
    weights[weights == 0] = (100 - weights.sum()) / (weights == 0).sum()
    occurred_at = START + random.integers(0, DAYS * 86_400, count) * 1_000_000
    kind = random.choice(len(names), count, p=weights / weights.sum()).astype(np.int16)
    attributes = np.full((3, count), NULL)
    attributes[0] = random.integers(10_000_000, 90_000_000, count)
    spoken = np.isin(kind, [kind_codes()[name] for name in (*MESSAGES_IN, *MESSAGES_OUT, "call.completed")])
    signals = np.where(spoken, random.integers(-100, 101, (len(SIGNALS), count), np.int8), np.int8(NULL_SIGNAL))
    return EventColumns(
        lead=random.integers(0, leads, count, np.int32),
        occurred_at=occurred_at,
        known_at=occurred_at.copy(),
        superseded_at=np.full(count, NEVER),
        due_at=np.full(count, NULL),
        kind=kind,
        actor=np.zeros(count, np.int8),
        channel=random.integers(-1, 11, count, np.int8),
        object_id=random.integers(0, 200, count),
        episode_id=random.integers(1, 3, count),
        value=np.where(random.random(count) < 0.5, NULL, random.integers(0, 600_000, count)),
        attributes=attributes,
        signals=signals,
    )


def spread_queries(leads: int, times: int) -> Queries:
    """`times` as-of times for each lead, evenly over the year, at 02:00 UTC."""
    moments = START + (np.arange(1, times + 1) * (DAYS // times)) * MICROSECONDS_PER_DAY + 7_200_000_000
    return Queries(np.repeat(np.arange(leads, dtype=np.int32), times), np.tile(moments, leads))


def one_lead(seed: int, repetitions: int = 2_000) -> dict[str, float]:
    """Milliseconds for all features of one lead with 120 events at one time."""
    columns, queries = sort_columns(draw_events(120, 1, seed)), spread_queries(1, 1)
    taken = _timed(lambda: compute(columns, queries, zone=ZONE), repetitions)
    return {"p50_ms": float(np.median(taken)), "p99_ms": float(np.percentile(taken, 99))}


def many_leads(raw: EventColumns, queries: Queries) -> dict[str, float]:
    """Sort and compute everything, chunk by chunk, keeping no chunk. Peak memory is that of the process so far."""
    input_bytes, before = raw.nbytes, _resident_bytes()
    wall, cpu = time.perf_counter(), time.process_time()
    columns = sort_columns(raw)
    sorted_cpu = time.process_time() - cpu
    largest = 0
    for _, matrix in compute_chunks(columns, queries, zone=ZONE):
        largest = max(largest, matrix.nbytes)
    beside = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "of_it_sort_cpu_s": sorted_cpu,
        "input_mb": input_bytes / 1e6,
        "beside_input_mb": beside / 1e6,
        "beside_input_ratio": (beside - largest) / input_bytes,
        "output_chunk_mb": largest / 1e6,
    }


def baseline(raw: EventColumns, queries: Queries, leads: int, sample: int) -> dict[str, float]:
    """Seconds that DuckDB takes for BASELINE_FEATURES of `sample` leads, scaled to `leads`; one lead's milliseconds."""
    chosen = sort_columns(raw.take(np.flatnonzero(raw.lead < sample)))
    asked = Queries(*(array[queries.lead < sample] for array in (queries.lead, queries.as_of)))
    with duckdb.connect(config={"threads": 1}) as connection:
        seconds, found = _sql_features(connection, chosen, asked)
        single = Queries(asked.lead[:1], asked.as_of[-1:])
        first = chosen.take(np.flatnonzero(chosen.lead == single.lead[0]))
        alone = [_sql_features(connection, first, single)[0] * 1000 for _ in range(20)]
    expected = compute(chosen, asked, zone=ZONE)
    for name in BASELINE_FEATURES:
        np.testing.assert_allclose(
            found[name].astype(np.float32), expected[:, catalogue().position[name]], rtol=1e-5, err_msg=name
        )
    return {
        "sample_leads": sample,
        "sample_s": seconds,
        "scaled_s": seconds * leads / sample,
        "p50_ms": float(np.median(alone)),
    }


SQL = """
SELECT q.lead, q.as_of,
  count(*) FILTER (e.active AND e.t > q.as_of - 7 * $day) AS event_count_7d,
  count(*) FILTER (e.active) AS event_count_all,
  count(*) FILTER (e.family = 'web' AND e.t > q.as_of - 30 * $day) AS web_count_30d,
  count(*) FILTER (e.outbound AND e.t > q.as_of - 7 * $day) AS outbound_count_7d,
  (q.as_of - max(e.t) FILTER (e.kind = 'web.listing_view')) / $day AS listing_view_recency,
  coalesce(sum(e.value) FILTER (e.kind = 'web.listing_view' AND e.t > q.as_of - 30 * $day), 0) / 60000
    AS listing_minutes_sum_30d,
  count(DISTINCT e.object) FILTER (e.kind = 'web.listing_view' AND e.t > q.as_of - 30 * $day AND e.object <> 0)
    AS listing_distinct_30d
FROM queries q LEFT JOIN events e ON e.lead = q.lead AND e.t <= q.as_of AND e.known_at <= q.as_of
GROUP BY q.lead, q.as_of ORDER BY q.lead, q.as_of
"""


def _sql_features(
    connection: duckdb.DuckDBPyConnection, columns: EventColumns, queries: Queries
) -> tuple[float, dict[str, Any]]:
    names = np.array(list(kinds()))[columns.kind]
    every, touches = catalogue()["event_count_all"].kinds, catalogue()["outbound_count_7d"].kinds
    codes = kind_codes()
    connection.register(
        "events",
        pa.table(
            {
                "lead": columns.lead,
                "t": columns.occurred_at,
                "known_at": columns.known_at,
                "kind": names,
                "family": [name.partition(".")[0] for name in names],
                "active": np.isin(columns.kind, [codes[kind] for kind in every]),
                "outbound": np.isin(columns.kind, [codes[kind] for kind in touches]),
                "object": columns.object_id,
                "value": pa.array(columns.value, mask=columns.value == NULL),
            }
        ),
    )
    connection.register("queries", pa.table({"lead": queries.lead, "as_of": queries.as_of}))
    begin = time.perf_counter()
    found = connection.execute(SQL, {"day": MICROSECONDS_PER_DAY}).fetchnumpy()
    return time.perf_counter() - begin, {name: np.ma.filled(found[name], np.nan) for name in BASELINE_FEATURES}


def _timed(work: Callable[[], object], repetitions: int) -> list[float]:
    """Milliseconds of each run, after a tenth as many to warm up."""
    for _ in range(repetitions // 10):
        work()
    taken = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


def _resident_bytes() -> int:
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--leads", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=10, help="as-of times a lead")
    parser.add_argument("--sample", type=int, default=500, help="leads of the baseline")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="end in one JSON object")
    options = parser.parse_args()
    raw = draw_events(options.events, options.leads, options.seed)
    queries = spread_queries(options.leads, options.times)
    result: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one used",
        "features": len(catalogue()),
        "one_lead_120_events": one_lead(options.seed),
        "many_leads": {"events": options.events, "queries": len(queries), **many_leads(raw, queries)},
        "duckdb": {"features": len(BASELINE_FEATURES)}
        | baseline(raw, queries, options.leads, min(options.sample, options.leads)),
    }
    many, sql = result["many_leads"], result["duckdb"]
    print(f"one lead, 120 events: {result['one_lead_120_events']['p50_ms']:.3f} ms in the median (bar .5)")
    print(f"{options.events:,} events, {len(queries):,} rows of {len(catalogue())} features: {many['wall_s']:.1f} s of")
    print(f"  wall clock, {many['cpu_s']:.1f} s of CPU, sort included (bar 8); memory beside the input of")
    print(
        f"  {many['input_mb']:.0f} MB: {many['beside_input_mb']:.0f} MB, {many['beside_input_ratio']:.2f} of it (bar 3)"
    )
    print(f"DuckDB, {len(BASELINE_FEATURES)} features, the same numbers: {sql['p50_ms']:.1f} ms for one lead;")
    print(f"  {sql['scaled_s']:.1f} s for all, scaled from {sql['sample_leads']} leads")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
