"""A million rows of 150 features in a Parquet file: seconds and memory of each rule, in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.drift_lab.tables import table
from lintel.monitoring.drift.binned import binned
from lintel.monitoring.drift.bins import quantile_bins
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, judged
from lintel.monitoring.drift.parquet import parquet_columns

ROWS, COLUMNS = 1_000_000, 150
REFERENCE_ROWS = 50_000
EVIDENTLY_ROWS = 1_000
_BLOCK = 50_000


def write_table(path: Path, rows: int, columns: int, *, seed: int) -> None:
    """Clustered rows, five a lead, written block by block."""
    names = [f"f{column}" for column in range(columns)]
    schema = pa.schema([("lead", pa.int64()), *((name, pa.float32()) for name in names)])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for block in range(0, rows, _BLOCK):
            found = table("clustered", min(_BLOCK, rows - block), columns, np.random.default_rng((seed, block)))
            arrays = [pa.array(found.lead + block), *(pa.array(column) for column in found.values.T)]
            writer.write_table(pa.table(arrays, schema=schema))


def ours(path: Path) -> int:
    """Judge all rows against a reference of another draw; how many columns have moved."""
    names = [name for name in pq.read_schema(path).names if name != "lead"]
    before = table("clustered", REFERENCE_ROWS, len(names), np.random.default_rng(0))
    bins = quantile_bins(names, before.values.T)
    reference = binned(bins, before.values.T, before.lead)
    del before
    lead = pq.read_table(path, columns=["lead"]).column("lead").to_numpy()
    current = binned(bins, parquet_columns(path, names), lead)
    return int(judged(names, reference, current, distance=FEATURE_DISTANCE).moved.sum())


def evidently(path: Path) -> int:
    """Evidently's report on a sample of the rows, written to HTML; how many columns it calls drifted."""
    report, frames = import_module("assets.drift_report"), import_module("pandas")  # ours does not need them
    names = [name for name in pq.read_schema(path).names if name != "lead"]
    count = pq.read_metadata(path).num_rows
    chosen = np.isin(np.arange(count), np.random.default_rng(0).choice(count, EVIDENTLY_ROWS, replace=False))
    now = frames.DataFrame(dict(zip(names, parquet_columns(path, names, chosen), strict=True)))
    before = table("clustered", EVIDENTLY_ROWS, len(names), np.random.default_rng(0)).values
    counts = report.write_report(frames.DataFrame(before, columns=names), now, path.with_suffix(".html"))
    return int(counts["drifted"])


def measured(path: Path, rule: str) -> dict[str, Any]:
    """Seconds of wall clock and processor, peak memory and columns that moved, of a rule in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.drift_lab.scale", rule, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own module
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    rule, path = sys.argv[1], Path(sys.argv[2])
    begun = time.perf_counter(), time.process_time()
    moved = {"ours": ours, "evidently": evidently}[rule](path)
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": round(time.perf_counter() - begun[0], 2),
        "cpu_seconds": round(time.process_time() - begun[1], 2),
        "peak_mb": round(used.ru_maxrss / 1024),
        "moved": moved,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
