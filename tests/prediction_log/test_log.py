"""Whole logs with their threads, and workers in processes of their own that end in every way."""

import errno
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lintel.settings import Settings
from lintel.store import tally as tally_module
from lintel.store.predictions import PredictionLake
from lintel.store.tally import NOT_WRITTEN, tallies, tallies_folder
from serving.prediction_log.log import PredictionLog, pause_seconds
from tests.store.predicting import prediction

ROOT = Path(__file__).parents[2]
KEEP = 36_500
NEEDS_MEMORY = pytest.mark.skipif(not tally_module.MEMORY.is_dir(), reason="there is no memory file system")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "segments"


@pytest.fixture
def lake(tmp_path: Path, folder: Path) -> PredictionLake:
    return PredictionLake(tmp_path / "lake", folder)


def opened(folder: Path, **changes: Any) -> PredictionLog:
    how: dict[str, Any] = {"max_rows": 10_000, "max_bytes": 10_000_000, "flush_seconds": 0.01} | changes
    return PredictionLog(folder, **how)


def compacted(lake: PredictionLake) -> Counter[str]:
    lake.compact(now=datetime.now(UTC), keep_days=KEEP)
    return Counter(lake.read("acme").column("decision_id").to_pylist())


def ids(count: int, first: int = 0) -> Counter[str]:
    return Counter(f"D{number:06d}" for number in range(first, first + count))


@contextmanager
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk on which every write hangs, until the block ends."""
    reached, released, write = threading.Event(), threading.Event(), os.write

    def hang(descriptor: int, data: bytes) -> int:
        reached.set()
        released.wait()
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", hang)
        try:
            yield reached
        finally:
            released.set()


def test_a_clean_stop_loses_nothing(folder: Path, lake: PredictionLake) -> None:
    with opened(folder, flush_seconds=60) as log:
        log.put([prediction(number) for number in range(50)])
    assert compacted(lake) == ids(50)
    assert lake.losses() == []


def test_many_threads_put_at_once(folder: Path, lake: PredictionLake) -> None:
    log = opened(folder, flush_seconds=0.001, segment_bytes=5_000)
    start = threading.Barrier(8)

    def work(worker: int) -> None:
        start.wait()
        for number in range(0, 200, 4):
            log.put([prediction(worker * 200 + number + one) for one in range(4)])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.close()
    assert (log.counters().offered, log.counters().written) == (1_600, 1_600)
    assert compacted(lake) == ids(1_600)


def test_two_workers_and_a_compaction_meanwhile(folder: Path, lake: PredictionLake) -> None:
    first, second = opened(folder, segment_age=timedelta(0)), opened(folder)
    first.put([prediction(number) for number in range(10)])
    second.put([prediction(number) for number in range(10, 20)])
    compacted(lake)  # takes what happens to be closed
    assert first.close()
    assert compacted(lake).keys() >= ids(10).keys()
    assert second.close()
    assert compacted(lake) == ids(20)
    assert lake.losses() == []


def test_a_stalled_disk_never_holds_up_who_puts_and_memory_stays_bounded(
    folder: Path, lake: PredictionLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(folder, max_rows=100, flush_seconds=0.001)
    with stalled(monkeypatch) as reached:
        log.put([prediction(0)])
        assert reached.wait(10)
        for number in range(1, 301):
            log.put([prediction(number)])
        counters = log.counters()
        assert (counters.offered, counters.written, counters.waiting_rows) == (301, 0, 100)
        assert counters.dropped == {"backlog_full": 201}
        assert counters.waiting_bytes < 100_000
        assert not log.close(timeout_seconds=0.01)
    assert log.close()
    assert compacted(lake) == ids(100)
    assert [(loss.reason, loss.count) for loss in lake.losses()] == [("backlog_full", 201)]


def test_bytes_are_bounded_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(folder, max_bytes=50_000, flush_seconds=60)
    log.put([prediction(number, features=bytes(10_000)) for number in range(9)])
    assert log.counters().waiting_rows == 4
    assert log.counters().waiting_bytes <= 50_000
    assert log.close()


def test_an_outage_is_said_once_and_so_is_its_end(
    folder: Path, lake: PredictionLake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    log = opened(folder, flush_seconds=0.001)
    failed, write = threading.Semaphore(0), os.write

    def full(*_: Any) -> int:
        failed.release()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.put([prediction(0)])
    for _ in range(3):
        assert failed.acquire(timeout=10)
    monkeypatch.setattr(os, "write", write)
    assert log.close()
    assert log.counters().write_failures >= 3
    assert compacted(lake) == ids(1)
    assert caplog.text.count("cannot write (No space left on device)") == 1


def test_pauses_double_up_to_a_bound() -> None:
    assert [pause_seconds(failures, 0.5) for failures in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert pause_seconds(100, 0.5) == pause_seconds(10_000, 60) == 30


def test_the_settings_say_where_and_how_much(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, prediction_log_max_rows=2, prediction_log_flush_seconds=60)
    with PredictionLog.open(settings) as log:
        log.put([prediction(number) for number in range(3)])
        assert log.counters().dropped == {"backlog_full": 1}
    assert len(list(settings.prediction_segments_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_costs_no_answer_to_a_caller(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = opened(tmp_path / "file" / "segments")
    log.put([prediction(0)])
    assert not log.close()
    assert log.counters().waiting_rows == 1
    tally_module.forget_tallies(tallies(tmp_path / "file" / "segments").values())


# processes


@contextmanager
def worker(folder: Path, *arguments: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.prediction_log.worker", str(folder), *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@NEEDS_MEMORY
def test_a_killed_worker_loses_what_it_had_in_memory_to_the_last_count(folder: Path, lake: PredictionLake) -> None:
    with worker(folder, 5, 37) as process:
        assert compacted(lake) == Counter()  # it lives
        process.kill()
        process.wait()
        assert compacted(lake) == ids(5)
    (loss,) = lake.losses()
    assert (loss.reason, loss.count) == (NOT_WRITTEN, 37)
    assert loss.source.startswith(f"{process.pid}-")
    assert not tallies_folder(folder).exists()


def test_a_killed_worker_without_a_tally_is_told_without_a_count(
    folder: Path, lake: PredictionLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(folder, 5, 37) as process:
        process.kill()
        process.wait()
    tally_module.forget_tallies(tallies(folder).values())  # as a restart of the machine does
    assert compacted(lake) == ids(5)
    assert [(loss.reason, loss.count) for loss in lake.losses()] == [(NOT_WRITTEN, None)]


def test_a_worker_whose_files_are_bounded_by_the_system_goes_on_in_others(folder: Path, lake: PredictionLake) -> None:
    with worker(folder, 20, 0, 1_500) as process:
        process.communicate("")
    assert process.returncode == 0
    assert len(list(folder.iterdir())) > 1
    assert compacted(lake) == ids(20)
    assert [loss for loss in lake.losses() if loss.count] == []
