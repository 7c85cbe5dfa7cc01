"""Metrics are right with several worker processes: a scrape of one answers for all."""

import json
import subprocess
import sys
from pathlib import Path

from serving.http_metrics import is_multiprocess
from serving.metrics import Metrics

WORKER = """
import json, os, sys
from serving.http_metrics import is_multiprocess
from serving.metrics import Metrics
metrics = Metrics()
metrics.observe("POST", "/v1/score", 200, 0.004)
metrics.model.labels("sha256:a", "1", "champion").set(1)
if sys.argv[1] == "scrape":
    print(json.dumps([is_multiprocess(), metrics.exposition().decode()]))
if sys.argv[1] == "close":
    metrics.close()
if sys.argv[1] == "die":
    os._exit(9)
"""


def worker(folder: Path, end: str) -> str:
    """A worker process that shares `folder` with others and ends in one of three ways."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, end], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == (9 if end == "die" else 0), done.stderr
    return done.stdout


def test_a_scrape_adds_up_all_workers_and_forgets_the_gauges_of_dead_ones(tmp_path: Path) -> None:
    worker(tmp_path, "close")
    worker(tmp_path, "die")
    multiprocess, exposition = json.loads(worker(tmp_path, "scrape"))
    assert multiprocess
    assert 'lintel_http_requests_total{method="POST",route="/v1/score",status="200"} 3.0' in exposition
    assert 'lintel_http_request_duration_seconds_count{method="POST",route="/v1/score"} 3.0' in exposition
    assert 'lintel_model_workers{digest="sha256:a",served_by="champion",version="1"} 1.0' in exposition


def test_a_process_by_itself_shows_its_own_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.events.labels("appended").inc(3)
    assert not is_multiprocess()
    assert b'lintel_events_total{outcome="appended"} 3.0' in first.exposition()
    assert b'outcome="appended"' not in second.exposition()
