import os
from pathlib import Path

import pytest

from lintel.store import tally as tally_module
from lintel.store.segments import Loss
from lintel.store.tally import NOT_WRITTEN, Tally, forget_tallies, is_left, open_tally, tallies, unwritten


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(tally_module, "MEMORY", folder)
    return folder


def opened(tmp_path: Path, worker: str = "1-a-b") -> Tally:
    tally = open_tally(tmp_path / "segments", worker)
    assert tally is not None
    return tally


def test_what_is_not_accounted_for_is_lost(tmp_path: Path) -> None:
    tally = opened(tmp_path)
    tally.offered(10, 500)
    tally.accounted(7, 300)
    found = tallies(tmp_path / "segments")
    assert not is_left(found["1-a-b"])
    tally.close()
    assert is_left(found["1-a-b"])
    assert unwritten(found["1-a-b"], 0) == Loss(NOT_WRITTEN, 3, 300, 500)


def test_a_frame_that_the_tally_did_not_note_any_more_counts(tmp_path: Path) -> None:
    tally = opened(tmp_path)
    tally.offered(10, 500)
    tally.accounted(7, 300)
    tally.close()
    (path,) = tallies(tmp_path / "segments").values()
    assert unwritten(path, 9).count == 1
    assert unwritten(path, 10).count == 0


def test_before_the_first_frame_everything_is_lost(tmp_path: Path) -> None:
    tally = opened(tmp_path)
    tally.offered(2, 500)
    tally.close()
    (path,) = tallies(tmp_path / "segments").values()
    assert unwritten(path, 0) == Loss(NOT_WRITTEN, 2, 500, 500)


def test_a_worker_that_ends_in_order_leaves_nothing(tmp_path: Path, memory: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path, "2-a-b")
    first.offered(10, 500)
    first.accounted(10, 500)
    first.close()
    assert list(tallies(tmp_path / "segments")) == ["2-a-b"]
    second.close()
    assert list(memory.iterdir()) == []


def test_a_tally_of_which_only_the_name_was_made_lost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1-a-b.tally"
    path.touch()
    assert unwritten(path, 0).count == 0
    forget_tallies([path, path])
    assert not path.exists()


def test_each_folder_of_segments_has_tallies_of_its_own(tmp_path: Path) -> None:
    tally = opened(tmp_path)
    assert tallies(tmp_path / "other") == {}
    tally.close()


def test_without_memory_there_is_no_tally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "MEMORY", tmp_path / "missing")
    assert open_tally(tmp_path / "segments", "1-a-b") is None
    assert tallies(tmp_path / "segments") == {}


def test_a_folder_of_another_user_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tally_module.tallies_folder(tmp_path / "segments")
    folder.mkdir()
    monkeypatch.setattr(tally_module, "_ours", lambda _: os.getuid() < 0)
    assert open_tally(tmp_path / "segments", "1-a-b") is None
    assert list(folder.iterdir()) == []
