import os
import tempfile
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import IncompatibleError
from lintel.store.segments import (
    DAMAGED,
    Closing,
    Loss,
    Opening,
    Segment,
    claimed,
    encoded,
    frames,
    locked_file,
    opened_at,
    read_segment,
    segment_name,
    worker_of,
)
from tests.store.predicting import prediction, segment_bytes

BATCHES = [[prediction(1), prediction(2)], [prediction(3)], [prediction(4), prediction(5), prediction(6)]]
WHOLE = segment_bytes(BATCHES)
STARTS = [start for start, _ in frames(WHOLE)]
LOST = Loss("backlog_full", 4, 10, 20)


def read(data: bytes) -> Segment:
    with tempfile.NamedTemporaryFile(suffix=".segment") as file:
        file.write(data)
        file.flush()
        return read_segment(Path(file.name))


def decisions(segment: Segment) -> list[str]:
    return list(segment.table.column("decision_id").to_pylist())


def test_a_whole_segment_is_read_back() -> None:
    segment = read(segment_bytes(BATCHES, losses=[LOST]))
    assert decisions(segment) == [f"D{number:06d}" for number in range(1, 7)]
    assert (segment.losses, segment.accounted, segment.closed, segment.damaged_bytes) == ([LOST], 10, True, 0)
    assert segment.opening is not None
    assert segment.last_at >= prediction(1).answered_at


def test_cut_anywhere_all_complete_frames_are_read_and_nothing_else() -> None:
    ends = [*STARTS[1:], len(WHOLE)]
    for cut in range(len(WHOLE) + 1):
        segment = read(WHOLE[:cut])
        complete = sum(end <= cut for end in ends)
        expected = [one.decision_id for batch in BATCHES[: max(0, complete - 1)] for one in batch]
        assert decisions(segment) == expected
        assert segment.damaged_bytes == cut - (ends[complete - 1] if complete else 0)
        assert segment.closed is (cut == len(WHOLE))
        assert segment.losses == []


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_costs_its_own_frame_and_the_loss_is_counted(place: int, change: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= change
    segment = read(bytes(data))
    hit = max(index for index, start in enumerate(STARTS) if start <= place)
    kept = [one.decision_id for index, batch in enumerate(BATCHES, 1) if index != hit for one in batch]
    assert decisions(segment) == kept
    assert segment.damaged_bytes == [*STARTS[1:], len(WHOLE)][hit] - STARTS[hit]
    lost = [(loss.reason, loss.count) for loss in segment.losses]
    assert lost == ([(DAMAGED, len(BATCHES[hit - 1]))] if 1 <= hit <= len(BATCHES) else [])


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_rubbish_around_frames_is_passed_over(before: bytes, after: bytes) -> None:
    segment = read(before + WHOLE + after)
    assert decisions(segment) == [one.decision_id for batch in BATCHES for one in batch]
    assert segment.damaged_bytes == len(before) + len(after)


@pytest.mark.parametrize("data", [b"", bytes(4096), b"\xf5LPS", b"\xf5LPS" * 9])
def test_a_file_without_a_frame_has_nothing(data: bytes) -> None:
    segment = read(data)
    assert (len(segment.table), segment.opening, segment.closed, segment.damaged_bytes) == (0, None, False, len(data))


def test_a_newer_format_is_refused_and_not_taken_for_damage() -> None:
    with pytest.raises(IncompatibleError, match="another format"):
        read(encoded(Opening(2, 0, 0.5, 0)))


def test_names_tell_worker_number_and_time_and_sort_by_time() -> None:
    first, second = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 10, 0, 0, 5, tzinfo=UTC)
    names = [segment_name("99-20260301T090000-ab", 12, first), segment_name("1-20260301T090000-cd", 3, second)]
    assert names == sorted(names)
    assert worker_of(names[0]) == ("99-20260301T090000-ab", 12)
    assert [opened_at(name) for name in names] == [first, second]


def test_who_holds_the_lock_still_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    descriptor = locked_file(path)
    with claimed(path) as free:
        assert not free
    os.close(descriptor)
    with claimed(path) as free:
        assert free
    assert [one.name for one in tmp_path.iterdir()] == ["a.segment"]


def test_what_is_gone_or_claimed_by_another_is_not_free(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    with claimed(path) as free:
        assert not free
    path.write_bytes(encoded(Closing(0)))
    with path.open("rb") as other:
        flock(other, LOCK_EX)
        with claimed(path) as free:
            assert not free


def test_a_file_that_cannot_be_named_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.segment"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        locked_file(path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.segment"]
