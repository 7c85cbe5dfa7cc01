import errno
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.events.moments import to_microseconds
from lintel.store import tally as tally_module
from lintel.store.prediction import predictions_table
from lintel.store.segments import Segment, read_segment
from lintel.store.tally import open_tally, tallies, unwritten
from serving.prediction_log.backlog import Backlog
from serving.prediction_log.recorder import FRAME_BYTES, Recorder
from serving.prediction_log.segment_writer import SegmentWriter
from tests.store.predicting import NOW, prediction

LATER = NOW + timedelta(seconds=60)
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(tally_module, "MEMORY", tmp_path / "memory")


Made = Callable[..., Recorder]


@pytest.fixture
def recorder(tmp_path: Path) -> Made:
    def make(max_rows: int = 100, max_bytes: int = 10_000_000) -> Recorder:
        folder = tmp_path / "segments"
        age = timedelta(seconds=60)
        writer = SegmentWriter(folder, "1-a-b", flush_seconds=0.5, max_bytes=50_000_000, max_age=age)
        return Recorder(Backlog(max_rows, max_bytes), writer, open_tally(folder, "1-a-b"))

    return make


def segments(tmp_path: Path) -> list[Segment]:
    return [read_segment(path) for path in sorted((tmp_path / "segments").glob("*.segment"))]


def decisions(tmp_path: Path) -> list[str]:
    return [one for segment in segments(tmp_path) for one in segment.table.column("decision_id").to_pylist()]


def refuse(*_: Any) -> int:
    raise FULL


def test_what_is_put_is_written_in_order(recorder: Made, tmp_path: Path) -> None:
    log = recorder()
    log.put([prediction(1), prediction(2)])
    assert (log.counters().waiting_rows, log.counters().written) == (2, 0)
    log.flush(NOW)
    log.put([prediction(3)])
    log.finish(NOW)
    assert decisions(tmp_path) == ["D000001", "D000002", "D000003"]
    counters = log.counters()
    assert (counters.offered, counters.written, counters.waiting_rows, counters.waiting_bytes) == (3, 3, 0, 0)
    assert counters.dropped == {}
    assert tallies(tmp_path / "segments") == {}


def test_segments_roll_by_age_with_and_without_answers(recorder: Made, tmp_path: Path) -> None:
    log = recorder()
    log.put([prediction(1)])
    log.flush(NOW)
    log.flush(LATER)
    assert [one.closed for one in segments(tmp_path)] == [True]
    log.put([prediction(2)])
    log.flush(LATER)
    log.put([prediction(3)])
    log.flush(LATER + timedelta(seconds=60))
    assert [(one.closed, len(one.table)) for one in segments(tmp_path)] == [(True, 1), (True, 1), (False, 1)]
    log.finish(LATER)


def test_a_full_disk_costs_what_has_no_room_and_the_next_frame_says_so(
    recorder: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = recorder(max_rows=3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        log.put([prediction(1), prediction(2)])
        with pytest.raises(OSError, match="No space"):
            log.flush(NOW)
        log.put([prediction(3), prediction(4), prediction(5)])
        with pytest.raises(OSError, match="No space"):
            log.flush(NOW)
    log.flush(NOW)
    log.finish(NOW)
    assert decisions(tmp_path) == ["D000001", "D000002", "D000003"]
    assert log.counters().dropped == {"backlog_full": 2}
    (segment,) = segments(tmp_path)
    (loss,) = segment.losses
    assert (loss.reason, loss.count) == ("backlog_full", 2)
    assert (loss.first_at, loss.last_at) == (prediction(5).answered_at, prediction(4).answered_at)
    assert segment.accounted == 5


def test_a_segment_that_cannot_be_ended_does_not_hold_up_the_next(
    recorder: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = recorder()
    log.put([prediction(1)])
    log.flush(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            log.flush(LATER)
    log.put([prediction(2)])
    log.flush(LATER)
    log.finish(LATER)
    assert decisions(tmp_path) == ["D000001", "D000002"]


def test_what_a_stop_cannot_write_is_left_to_the_tally(
    recorder: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = recorder()
    log.put([prediction(1)])
    log.flush(NOW)
    log.put([prediction(2), prediction(3)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError, match="No space"):
            log.finish(NOW)
    (path,) = tallies(tmp_path / "segments").values()
    loss = unwritten(path, 0)
    assert (loss.count, loss.first_at, loss.last_at) == (2, prediction(1).answered_at, prediction(3).answered_at)


def test_answers_after_the_end_are_counted(recorder: Made, tmp_path: Path) -> None:
    log = recorder()
    log.finish(NOW)
    log.put([prediction(1)])
    assert log.counters().dropped == {"closed": 1}
    assert log.counters().waiting_rows == 0


def test_numbers_of_numpy_are_written_and_what_is_no_number_is_counted(recorder: Made, tmp_path: Path) -> None:
    log = recorder()
    log.put([prediction(1, priority=np.float32(0.5), probabilities={"intent": np.float64(0.25)}, seq=np.int64(9))])
    log.put([prediction(2, priority=object()), prediction(3)])
    log.finish(NOW)
    (segment,) = segments(tmp_path)
    assert segment.table.column("priority").to_pylist() == [0.5, 0.125]
    assert segment.table.column("seq").to_pylist() == [9, 3]
    assert [(loss.reason, loss.count) for loss in segment.losses] == [("not_encodable", 1)]


def test_many_waiting_bytes_are_worth_a_flush(recorder: Made) -> None:
    log = recorder()
    assert not log.put([prediction(1, features=bytes(FRAME_BYTES // 2))])
    assert log.put([prediction(2, features=bytes(FRAME_BYTES // 2))])
    log.finish(NOW)


@given(
    st.lists(
        st.builds(
            prediction,
            st.integers(0, 9),
            lead_id=st.text(max_size=8),
            answered_at=st.integers(0, to_microseconds(NOW)),
            model_version=st.none() | st.integers(0, 2**31 - 1),
            features=st.none() | st.binary(max_size=40),
            probabilities=st.dictionaries(st.text(max_size=5), st.floats(0, 1), max_size=3),
            priority=st.none() | st.floats(allow_nan=False),
            cached=st.booleans(),
        ),
        max_size=6,
    )
)
def test_an_entry_is_read_back_as_it_was(entries: list[Any]) -> None:
    decoder = msgspec.msgpack.Decoder(type(prediction(0)))
    read = [decoder.decode(msgspec.msgpack.encode(one)) for one in entries]
    assert read == entries
    assert predictions_table(read).num_rows == len(entries)
