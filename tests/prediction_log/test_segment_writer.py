import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from lintel.store.segments import Segment, claimed, encoded_batch, read_segment, worker_of
from serving.prediction_log.segment_writer import SegmentWriter
from tests.store.predicting import NOW

WORKER = "4711-20260301T120000-ab"
FRAME = encoded_batch([], [], 0)


@pytest.fixture
def writer(tmp_path: Path) -> SegmentWriter:
    return SegmentWriter(tmp_path / "segments", WORKER, flush_seconds=0.5, max_bytes=200, max_age=timedelta(seconds=60))


def written(tmp_path: Path) -> list[Segment]:
    return [read_segment(path) for path in sorted((tmp_path / "segments").iterdir())]


def is_free(tmp_path: Path) -> list[bool]:
    free = []
    for path in sorted((tmp_path / "segments").iterdir()):
        with claimed(path) as one:
            free.append(one)
    return free


def test_nothing_is_made_before_the_first_frame(writer: SegmentWriter, tmp_path: Path) -> None:
    assert not writer.is_due(NOW)
    writer.close(0)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_locked_until_it_is_closed(writer: SegmentWriter, tmp_path: Path) -> None:
    writer.append(FRAME, NOW, accounted=7)
    assert is_free(tmp_path) == [False]
    writer.close(7)
    assert is_free(tmp_path) == [True]
    (segment,) = written(tmp_path)
    assert segment.opening is not None
    assert (segment.opening.accounted, segment.opening.flush_seconds, segment.closed) == (7, 0.5, True)


def test_it_is_due_by_age_and_by_size(writer: SegmentWriter) -> None:
    writer.append(FRAME, NOW, accounted=0)
    assert not writer.is_due(NOW + timedelta(seconds=59.9))
    assert writer.is_due(NOW + timedelta(seconds=60))
    for _ in range(200 // len(FRAME)):
        writer.append(FRAME, NOW, accounted=0)
    assert writer.is_due(NOW)
    writer.close(0)
    assert not writer.is_due(NOW + timedelta(days=1))


def test_the_next_segment_has_the_next_number(writer: SegmentWriter, tmp_path: Path) -> None:
    for minutes in range(3):
        writer.append(FRAME, NOW + timedelta(minutes=minutes), accounted=0)
        writer.close(0)
    assert [worker_of(one.name) for one in written(tmp_path)] == [(WORKER, number) for number in (1, 2, 3)]


def test_half_a_frame_is_cut_off_and_the_next_goes_to_another_file(
    writer: SegmentWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append(FRAME, NOW, accounted=0)
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < len(FRAME):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            writer.append(FRAME, NOW, accounted=0)
    assert is_free(tmp_path) == [False]  # a worker that lives holds a lock
    writer.append(FRAME, NOW + timedelta(seconds=1), accounted=0)
    assert is_free(tmp_path) == [True, False]
    writer.close(0)
    assert [(one.damaged_bytes, one.closed) for one in written(tmp_path)] == [(0, False), (0, True)]


def test_writes_that_come_in_pieces_are_whole(
    writer: SegmentWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    writer.append(FRAME, NOW, accounted=0)
    writer.close(0)
    assert [(one.damaged_bytes, one.closed) for one in written(tmp_path)] == [(0, True)]


def test_a_segment_that_cannot_be_begun_leaves_no_file(
    writer: SegmentWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                writer.append(FRAME, NOW, accounted=0)
    assert list((tmp_path / "segments").iterdir()) == []
    writer.append(FRAME, NOW, accounted=0)
    writer.close(0)
    assert [worker_of(one.name)[1] for one in written(tmp_path)] == [1]
