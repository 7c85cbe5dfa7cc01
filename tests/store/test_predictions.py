import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import lintel.store.prediction_parts as parts_module
import lintel.store.predictions as predictions_module
from lintel.errors import StorageFullError, UnavailableError
from lintel.events.moments import to_microseconds
from lintel.store import tally as tally_module
from lintel.store.prediction import PREDICTION_SCHEMA
from lintel.store.predictions import CompactionReport, PredictionLake
from lintel.store.segments import Loss
from lintel.store.tally import NOT_WRITTEN, open_tally, tallies
from tests.store.predicting import NOW, prediction, put_segment

KEEP = 90


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(tally_module, "MEMORY", tmp_path / "memory")


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    return tmp_path / "segments"


@pytest.fixture
def lake(tmp_path: Path, segments: Path) -> PredictionLake:
    return PredictionLake(tmp_path / "lake" / "predictions", segments)


def compact(lake: PredictionLake, now: datetime = NOW) -> CompactionReport:
    return lake.compact(now=now, keep_days=KEEP)


def decisions(lake: PredictionLake, tenant: str = "acme") -> Counter[str]:
    return Counter(lake.read(tenant).column("decision_id").to_pylist())


def ids(numbers: range) -> Counter[str]:
    return Counter(f"D{number:06d}" for number in numbers)


def days_ago(days: float) -> int:
    return to_microseconds(NOW - timedelta(days=days))


# compaction


def test_segments_become_parts_by_tenant_and_day(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    put_segment(segments, [[prediction(1), prediction(2, tenant="other")]])
    put_segment(segments, [[prediction(3), prediction(4, answered_at=days_ago(1), served_by="light")]], number=2)
    report = compact(lake)
    assert (report.rows, report.segments, report.lost, report.damaged_bytes) == (4, 2, 0, 0)
    assert report.rungs == {"champion": 3, "light": 1}
    assert (report.oldest, report.newest) == (NOW - timedelta(days=1), NOW - timedelta(seconds=1))
    assert decisions(lake) == Counter(["D000001", "D000003", "D000004"])
    assert decisions(lake, "other") == Counter(["D000002"])
    assert lake.read("acme").schema.equals(PREDICTION_SCHEMA)
    assert lake.tenants() == ["acme", "other"]
    assert lake.waiting() == []
    found = sorted((tmp_path / "lake").rglob("*.parquet"))
    assert sorted(path.parent.name for path in found) == ["2026-02-28", "2026-03-01", "2026-03-01"]


def test_reading_between_two_times_takes_the_first_and_not_the_last(lake: PredictionLake, segments: Path) -> None:
    put_segment(segments, [[prediction(number) for number in range(10)]])
    compact(lake)
    since, until = NOW - timedelta(seconds=6), NOW - timedelta(seconds=3)
    found = lake.read("acme", since, until, columns=["decision_id", "lead_id"])
    assert found.column_names == ["decision_id", "lead_id"]
    assert sorted(found.column("decision_id").to_pylist()) == ["D000004", "D000005", "D000006"]
    assert len(lake.read("acme", NOW + timedelta(days=1))) == 0
    assert len(lake.read("nobody")) == 0


def test_a_cached_answer_counts_each_time_it_is_given(lake: PredictionLake, segments: Path) -> None:
    put_segment(segments, [[prediction(1), prediction(1, cached=True)]])
    compact(lake)
    assert decisions(lake) == {"D000001": 2}


def test_a_segment_that_may_still_grow_is_left_alone(lake: PredictionLake, segments: Path) -> None:
    path = put_segment(segments, [[prediction(1)]], closed=False)
    with path.open("rb") as writer:
        flock(writer, LOCK_EX)
        assert (compact(lake).segments, lake.waiting(), lake.faults()) == (0, [path], [])
    assert compact(lake).rows == 1


def test_compacting_again_finds_nothing(lake: PredictionLake, segments: Path) -> None:
    put_segment(segments, [[prediction(1)]])
    compact(lake)
    assert (compact(lake).rows, decisions(lake)) == (0, ids(range(1, 2)))


def test_groups_keep_memory_bounded(lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions_module, "_GROUP_BYTES", 1)
    for number in range(1, 4):
        put_segment(segments, [[prediction(number)]], number=number)
    assert compact(lake).rows == 3
    assert decisions(lake) == ids(range(1, 4))


def test_many_small_parts_are_made_one(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    for number in range(16):
        put_segment(segments, [[prediction(number)]], number=number + 1)
        compact(lake)
    assert len(list((tmp_path / "lake").rglob("*.parquet"))) == 1
    assert decisions(lake) == ids(range(16))


def test_a_segment_of_a_newer_lintel_waits_for_it(
    lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put_segment(segments, [[prediction(1)]])
    with monkeypatch.context() as patch:
        patch.setattr("lintel.store.segments.FORMAT", 0)
        report = compact(lake)
        assert (len(report.unreadable), report.segments, lake.waiting()) == (1, 0, [path])
        assert "another format" in lake.faults()[0]
    assert compact(lake).rows == 1


def test_parts_that_are_replaced_while_somebody_reads_are_read_again(
    lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_segment(segments, [[prediction(1), prediction(2)]])
    compact(lake)
    log = parts_module.TenantPredictions
    outdated = [log(lake._root, "acme").manifest()]
    lake.erase("acme", ["lead1"], now=NOW)
    manifest = log.manifest
    monkeypatch.setattr(log, "manifest", lambda self: outdated.pop() if outdated else manifest(self))
    assert decisions(lake) == ids(range(2, 3))


def test_parts_that_are_gone_are_told(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    put_segment(segments, [[prediction(1)]])
    compact(lake)
    assert lake.faults() == []
    (part,) = (tmp_path / "lake").rglob("*.parquet")
    part.write_bytes(part.read_bytes() + b"x")
    assert lake.faults() == [f"{part} is not what was written"]
    part.unlink()
    assert lake.faults() == [f"{part} is gone"]
    with pytest.raises(UnavailableError, match="are gone"):
        lake.read("acme")


def test_a_broken_manifest_is_told_and_never_overwritten(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    put_segment(segments, [[prediction(1)]])
    compact(lake)
    (manifest,) = (tmp_path / "lake").rglob("manifest.json")
    manifest.write_text("{")
    put_segment(segments, [[prediction(2)]], number=2)
    with pytest.raises(UnavailableError, match="is broken"):
        compact(lake)
    assert (manifest.read_text(), len(lake.waiting())) == ("{", 1)


def test_parts_are_sorted_by_lead(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    put_segment(segments, [[prediction(number) for number in range(12)]])
    compact(lake)
    (part,) = (tmp_path / "lake").rglob("*.parquet")
    found = pq.read_table(part)
    keys = list(zip(found.column("lead_id").to_pylist(), found.column("answered_at").to_pylist(), strict=True))
    assert keys == sorted(keys)


# retention


def test_old_days_and_old_losses_are_removed(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    old, edge = prediction(1, answered_at=days_ago(KEEP + 1)), prediction(2, answered_at=days_ago(KEEP))
    put_segment(segments, [[old, edge]], losses=[Loss("backlog_full", 3, days_ago(1), days_ago(1))])
    assert compact(lake).expired == 1
    assert decisions(lake) == ids(range(2, 3))
    assert compact(lake, NOW + timedelta(days=KEEP - 2)).expired == 1
    assert [loss.count for loss in lake.losses()] == [3]
    compact(lake, NOW + timedelta(days=KEEP))
    assert lake.losses() == []
    assert list((tmp_path / "lake").rglob("*.parquet")) == []
    assert [path.name for path in (tmp_path / "lake").rglob("2*")] == []


# losses


def test_what_a_worker_dropped_is_told_with_its_times(lake: PredictionLake, segments: Path) -> None:
    path = put_segment(segments, [[prediction(1)]], losses=[Loss("backlog_full", 3, days_ago(2), days_ago(1))])
    report = compact(lake)
    assert (report.lost, report.lost_by_reason) == (3, {"backlog_full": 3})
    (loss,) = lake.losses()
    assert (loss.source, loss.reason, loss.count, loss.first_at) == (path.name, "backlog_full", 3, days_ago(2))
    assert lake.losses(NOW - timedelta(hours=1)) == []
    assert lake.losses(None, NOW - timedelta(days=2)) == []
    assert lake.losses(NOW - timedelta(days=1.5), NOW) == [loss]


def test_a_killed_worker_with_a_tally_is_counted(lake: PredictionLake, segments: Path) -> None:
    worker = "4711-20260301T115900-dead"
    put_segment(segments, [[prediction(1), prediction(2)]], worker=worker, closed=False)
    tally = open_tally(segments, worker)
    assert tally is not None
    tally.offered(9, to_microseconds(NOW))
    tally.accounted(1, days_ago(0))  # it died before it could note the second frame
    assert compact(lake).losses == []  # it lives
    put_segment(segments, [[prediction(3)]], worker=worker, number=2, closed=False)
    tally.close()
    report = compact(lake)
    assert [(loss.source, loss.reason, loss.count) for loss in report.losses] == [(worker, NOT_WRITTEN, 8)]
    assert tallies(segments) == {}
    assert compact(lake).losses == []


def test_a_tally_waits_for_the_last_segment_of_its_worker(lake: PredictionLake, segments: Path) -> None:
    worker = "4711-20260301T115900-dead"
    path = put_segment(segments, [[prediction(1), prediction(2)]], worker=worker, closed=False)
    tally = open_tally(segments, worker)
    assert tally is not None
    tally.offered(2, to_microseconds(NOW))
    tally.close()
    with path.open("rb") as other:
        flock(other, LOCK_EX)
        assert compact(lake).losses == []
    assert [loss.count for loss in compact(lake).losses] == [0]


def test_without_a_tally_an_unclean_end_has_no_count(lake: PredictionLake, segments: Path) -> None:
    put_segment(segments, [[prediction(0)]], closed=False)
    put_segment(segments, [[prediction(1)]], worker="99-20260301T115900-lives", closed=False)
    put_segment(segments, [[prediction(2)]], worker="99-20260301T115900-lives", number=2)
    report = compact(lake)
    (loss,) = report.losses
    assert (loss.reason, loss.count, report.lost) == (NOT_WRITTEN, None, 0)
    assert (loss.first_at, loss.last_at) == (to_microseconds(NOW), to_microseconds(NOW) + 500_000)


def test_a_broken_ledger_is_told(lake: PredictionLake, segments: Path, tmp_path: Path) -> None:
    put_segment(segments, [[prediction(1)]], closed=False)
    compact(lake)
    (tmp_path / "lake" / "predictions" / "losses.json").write_text("[")
    with pytest.raises(UnavailableError, match="is broken"):
        lake.losses()


# erasure


def test_an_erased_lead_leaves_the_lake_and_what_still_comes(lake: PredictionLake, segments: Path) -> None:
    put_segment(segments, [[prediction(number) for number in range(5)]])
    compact(lake)
    closed = put_segment(segments, [[prediction(6), prediction(7)]], number=2)
    live = put_segment(segments, [[prediction(11), prediction(12), prediction(13, tenant="other")]], number=3)
    with live.open("rb") as writer:
        flock(writer, LOCK_EX)
        assert lake.erase("acme", ["lead1", "lead3"], now=NOW) == 2
        assert not closed.exists()
        assert decisions(lake) == Counter(["D000000", "D000002", "D000004", "D000007"])
    compact(lake)
    assert decisions(lake)["D000011"] == 0
    assert decisions(lake)["D000012"] == 1
    assert decisions(lake, "other") == ids(range(13, 14))
    assert lake.faults() == []


def test_answers_after_an_erasure_are_kept(lake: PredictionLake, segments: Path) -> None:
    lake.erase("acme", ["lead1"], now=NOW)
    put_segment(segments, [[prediction(1), prediction(6, answered_at=to_microseconds(NOW) + 1)]])
    compact(lake)
    assert decisions(lake) == ids(range(6, 7))


def test_who_was_erased_is_forgotten_when_no_segment_can_tell(
    lake: PredictionLake, segments: Path, tmp_path: Path
) -> None:
    lake.erase("acme", ["lead1"], now=NOW)
    (manifest,) = (tmp_path / "lake").rglob("manifest.json")
    assert "lead1" not in manifest.read_text()
    path = put_segment(segments, [[prediction(1)]])
    with path.open("rb") as writer:
        flock(writer, LOCK_EX)
        compact(lake, NOW + timedelta(days=3))
        assert '"digest"' in manifest.read_text()
    compact(lake, NOW + timedelta(days=3))
    compact(lake, NOW + timedelta(days=3))
    assert '"digest"' not in manifest.read_text()
    assert decisions(lake) == Counter()


# faults


class Killed(BaseException):
    """Ends a run where a process would be killed."""


def killed_at(step: int, patch: pytest.MonkeyPatch, *, after: bool) -> list[int]:
    """The `step`-th time that a file is put or removed is the last that happens, or the first that does not."""
    left = [step]

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and not after:
                raise Killed
            result = function(*args, **kwargs)
            if left[0] == 0:
                raise Killed
            return result

        return call

    patch.setattr(Path, "rename", watched(Path.rename))
    patch.setattr(Path, "unlink", watched(Path.unlink))
    return left


def prepared(segments: Path) -> None:
    dead = "4711-20260301T115900-dead"
    old = prediction(8, answered_at=days_ago(KEEP + 1))
    put_segment(segments, [[prediction(1), prediction(2, tenant="other")], [prediction(3)]], losses=[LOST])
    put_segment(segments, [[prediction(4), prediction(5, answered_at=days_ago(1)), old]], number=2)
    put_segment(segments, [[prediction(6), prediction(7, tenant="other")]], worker=dead, closed=False)
    tally = open_tally(segments, dead)
    assert tally is not None
    tally.offered(7, to_microseconds(NOW))
    tally.close()


LOST = Loss("backlog_full", 3, days_ago(1), days_ago(1))
STEPS = 21


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_killed_anywhere_the_next_run_makes_it_good(
    lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch, step: int, after: bool
) -> None:
    prepared(segments)
    with monkeypatch.context() as patch:
        killed_at(step, patch, after=after)
        with pytest.raises(Killed):
            compact(lake)
    compact(lake)
    assert decisions(lake) == Counter(f"D{number:06d}" for number in (1, 3, 4, 5, 6))
    assert decisions(lake, "other") == Counter(["D000002", "D000007"])
    assert sorted((loss.reason, loss.count) for loss in lake.losses()) == [("backlog_full", 3), (NOT_WRITTEN, 5)]
    assert (lake.waiting(), lake.faults(), tallies(segments)) == ([], [], {})


def test_the_steps_are_all_that_there_are(
    lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(segments)
    with monkeypatch.context() as patch:
        left = killed_at(0, patch, after=False)
        compact(lake)
    assert -left[0] == STEPS


@pytest.mark.parametrize("step", range(1, 9))
def test_an_erasure_that_is_killed_is_made_good_when_repeated(
    lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    put_segment(segments, [[prediction(1), prediction(2)], [prediction(6, answered_at=days_ago(1))]])
    compact(lake)
    put_segment(segments, [[prediction(11), prediction(12)]], number=2)
    with monkeypatch.context() as patch:
        killed_at(step, patch, after=False)
        with pytest.raises(Killed):
            lake.erase("acme", ["lead1"], now=NOW)
    lake.erase("acme", ["lead1"], now=NOW)
    compact(lake)
    assert decisions(lake) == Counter(["D000002", "D000012"])
    assert lake.faults() == []


def test_a_full_disk_loses_nothing(lake: PredictionLake, segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_segment(segments, [[prediction(1)]])

    def full(path: Path, _: bytes) -> None:
        raise StorageFullError(f"There is no space left to write {path}.")

    with monkeypatch.context() as patch:
        patch.setattr(parts_module, "write_whole", full)
        with pytest.raises(StorageFullError, match=re.escape("part-")):
            compact(lake)
    assert compact(lake).rows == 1


def test_a_segment_that_was_never_named_is_swept(lake: PredictionLake, segments: Path) -> None:
    segments.mkdir()
    hidden = segments / ".20260301T120000000000-1-a-b-000001.segment.new"
    hidden.touch()
    compact(lake, datetime.now(UTC))
    assert hidden.exists()
    compact(lake, datetime.now(UTC) + timedelta(hours=2))
    assert not hidden.exists()


# shadows, and what still waits


def test_what_a_shadow_scored_is_no_answer_unless_asked_for(lake: PredictionLake, segments: Path) -> None:
    rows = [prediction(number, served_by="shadow" if number % 3 == 0 else "champion") for number in range(9)]
    put_segment(segments, [rows])
    report = compact(lake)
    assert (report.rows, report.shadow) == (6, 3)
    assert dict(report.rungs) == {"champion": 6}
    assert set(lake.read("acme").column("served_by").to_pylist()) == {"champion"}
    assert len(lake.read("acme", columns=["lead_id"])) == 6
    assert len(lake.read("acme", shadow=True)) == 9


def test_the_newest_answers_are_those_of_lake_and_segments_once(lake: PredictionLake, segments: Path) -> None:
    since = NOW - timedelta(seconds=25)
    put_segment(segments, [[prediction(number) for number in range(20, 40)]], number=1)
    compact(lake)
    put_segment(segments, [[prediction(number) for number in range(22)]], number=2)  # two of them are there already
    put_segment(segments, [[prediction(50, tenant="other"), prediction(3, served_by="shadow")]], number=3)
    (segments / "20260301T120000000000-1-000009.segment").write_bytes(b"torn")
    found = Counter(lake.read_newest("acme", since).column("decision_id").to_pylist())
    assert found == ids(range(26))
    assert len(lake.read_newest("acme", since, shadow=True)) == 27
    assert lake.read_newest("acme", since, columns=["lead_id"]).schema.names == ["lead_id"]
    assert len(lake.read_newest("nobody", since)) == 0
