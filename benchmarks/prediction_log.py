"""What the prediction log costs a worker's event loop for each answer, and the rest of its way into the lake.

Baseline, in the same run: the same entries as JSON lines that are written and flushed before the answer goes out.
Also the two ways to encode a flush that were open: MessagePack, deflated, and Arrow's stream with zstd. Times are CPU
times, of the calling thread where it is about the loop, but for the longest wait, which is what a request would feel.
`--json` ends in one JSON object.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from lintel.events.moments import to_microseconds
from lintel.scoring.decision_id import decision_id
from lintel.store.prediction import Prediction, prediction_of, predictions_table
from lintel.store.predictions import PredictionLake
from serving.prediction_log.log import PredictionLog

BARS = {"loop_us_per_answer": 15.0}
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_DIMENSIONS = ("intent", "budget", "conversion", "churn", "engagement")
_FEATURES, _RATE, _KEEP_DAYS = 320, 0.02, 36_500
_PAUSES = {"busy": 0.0, "idle": 0.0002}  # seconds between requests; after one the caches are somebody else's
_FLUSHES = (20, 200, 2_000)
_MICRO = 1e6

Json = dict[str, Any]


def answers(count: int, *, seed: int) -> list[Json]:
    random = np.random.default_rng(seed)
    chances = random.random((count, len(_DIMENSIONS))).tolist()
    model = {"name": "lead-scoring.acme", "version": 7, "digest": "sha256:" + "ab" * 32}
    model |= {"label_version": "crm/1", "feature_version": "cd" * 32}
    return [
        {
            "lead_id": str(170_000 + number),
            "as_of": "2026-03-01T00:00:00Z",
            "decision_id": decision_id(_NOW),
            "seq": 261_993 + number,
            "served_by": "champion",
            "model": model,
            "overall": {"priority": chances[number][0]},
            "dimensions": {name: {"probability": one} for name, one in zip(_DIMENSIONS, chances[number], strict=True)},
        }
        for number in range(count)
    ]


def entry(answer: Json, features: np.ndarray) -> Prediction:
    return prediction_of(
        answer,
        "acme",
        answered_at=to_microseconds(_NOW),
        urgency="interactive",
        features=features,
        feature_rate=_RATE,
        queue_ms=0.1,
        compute_ms=2.5,
        total_ms=3.1,
        principal="crm",
    )


def requests(
    put: Callable[[Prediction], object], given: Sequence[Json], features: np.ndarray, pause_seconds: float
) -> tuple[float, float]:
    """CPU µs of the calling thread an answer, and the longest wait in ms, over requests of one lead."""
    spent, longest = 0.0, 0.0
    for answer in given:
        cpu, wall = time.thread_time(), time.perf_counter()
        put(entry(answer, features))
        longest = max(longest, time.perf_counter() - wall)
        spent += time.thread_time() - cpu
        if pause_seconds:
            time.sleep(pause_seconds)
    return spent / len(given) * _MICRO, longest * 1e3


def measured(folder: Path, count: int, rounds: int, seed: int) -> Json:
    features = np.random.default_rng(seed).random(_FEATURES, np.float32)
    given = answers(count, seed=seed)
    figures = {name: on_the_loop(folder, given, features, rounds, pause) for name, pause in _PAUSES.items()}
    entries = [entry(one, features) for one in given]
    return {
        "loop_us_per_answer": figures["busy"]["log_us"],
        **figures,
        "encodings": encodings(entries),
        "compaction": compacted(folder),
    }


def on_the_loop(folder: Path, given: Sequence[Json], features: np.ndarray, rounds: int, pause: float) -> Json:
    """The log and the JSON lines in turns, medians of the rounds."""
    logged, lines = [], []
    for _ in range(rounds):
        with PredictionLog(folder / "segments", max_rows=50_000, max_bytes=64_000_000, flush_seconds=0.05) as log:
            logged.append(requests(lambda one, log=log: log.put([one]), given, features, pause))
        with (folder / "answers.jsonl").open("wb") as file:
            lines.append(requests(lambda one, file=file: _write_line(file, one), given, features, pause))
    log_us, lines_us = (statistics.median(cpu for cpu, _ in runs) for runs in (logged, lines))
    return {
        "log_us": round(log_us, 2),
        "json_lines_us": round(lines_us, 2),
        "ratio": round(lines_us / log_us, 2),
        "log_longest_ms": round(max(wall for _, wall in logged), 2),
        "json_lines_longest_ms": round(max(wall for _, wall in lines), 2),
    }


def encodings(entries: list[Prediction]) -> Json:
    """CPU µs and bytes an answer, by how many a flush has."""
    return {str(rows): _encodings(entries[:rows]) for rows in _FLUSHES}


def _encodings(entries: list[Prediction]) -> Json:
    encode = msgspec.msgpack.Encoder().encode

    def message_pack() -> bytes:
        return zlib.compress(b"".join(encode(one) for one in entries), 1)

    def arrow() -> bytes:
        table, sink = predictions_table(entries), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
            stream.write_table(table)
        return bytes(sink.getvalue())

    made: dict[str, Callable[[], bytes]] = {"message_pack": message_pack, "arrow": arrow}
    return {
        name: {
            "us_per_answer": round(min(_cpu(make) for _ in range(20)) / len(entries), 2),
            "bytes_per_answer": round(len(make()) / len(entries), 1),
        }
        for name, make in made.items()
    }


def compacted(folder: Path) -> Json:
    lake = PredictionLake(folder / "lake", folder / "segments")
    size = sum(path.stat().st_size for path in lake.waiting())
    began = time.process_time()
    report = lake.compact(now=datetime.now(UTC), keep_days=_KEEP_DAYS)
    seconds = time.process_time() - began
    stored = sum(path.stat().st_size for path in (folder / "lake").rglob("*.parquet"))
    return {
        "rows": report.rows,
        "lost": report.lost,
        "us_per_answer": round(seconds / report.rows * _MICRO, 2),
        "segment_bytes_per_answer": round(size / report.rows, 1),
        "lake_bytes_per_answer": round(stored / report.rows, 1),
    }


def _write_line(file: Any, one: Prediction) -> None:
    fields = msgspec.structs.asdict(one)
    fields["features"] = one.features.hex() if one.features else None
    file.write(json.dumps(fields).encode() + b"\n")
    file.flush()


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()  # Arrow compresses on threads of its own
    work()
    return (time.process_time() - began) * _MICRO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=5_000, help="requests a round, of one lead each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        value = measured(Path(folder), asked.answers, asked.rounds, asked.seed)
    value |= {"answers": asked.answers, "rounds": asked.rounds, "bars": BARS, "machine": platform.platform()}
    if asked.json:
        print(json.dumps(value))
        return
    table = Table("figure", "value", title="prediction log")
    for name, one in value.items():
        table.add_row(name, str(one))
    Console().print(table)


if __name__ == "__main__":
    main()
