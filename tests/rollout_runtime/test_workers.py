"""Words of workers: the fresh ones are read, half a word never, and what killed workers left is cleared away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lintel.events.moments import to_microseconds
from lintel.rollouts.workers import FRESH_SECONDS, WorkerModels, running_workers, withdraw, write_word

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def word(name: str, at: datetime = NOW) -> WorkerModels:
    moment = to_microseconds(at)
    return WorkerModels(name, moment, moment, 7, moment, (("sha256:a", "champion"), ("sha256:b", "standby")))


def test_a_word_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_word(tmp_path / "models", word("one"))
    (found,) = running_workers(tmp_path / "models", NOW)
    assert found == word("one")
    assert (found.has("sha256:b"), found.has("sha256:c")) == (True, False)
    assert found.serves("sha256:a", ("champion", "canary"))
    assert not found.serves("sha256:b", ("champion", "canary"))


def test_only_who_renewed_it_lately_runs(tmp_path: Path) -> None:
    write_word(tmp_path, word("old", NOW - timedelta(seconds=FRESH_SECONDS + 1)))
    write_word(tmp_path, word("ancient", NOW - timedelta(hours=2)))
    write_word(tmp_path, word("fresh", NOW - timedelta(seconds=FRESH_SECONDS)))
    assert [one.worker for one in running_workers(tmp_path, NOW)] == ["fresh"]
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["fresh", "old"]


def test_a_worker_that_ends_withdraws_its_word(tmp_path: Path) -> None:
    write_word(tmp_path, word("one"))
    withdraw(tmp_path, "one")
    withdraw(tmp_path, "one")
    assert running_workers(tmp_path, NOW) == []


def test_a_file_of_something_else_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert running_workers(tmp_path, NOW) == []
    assert running_workers(tmp_path / "nowhere", NOW) == []
