"""The copy of the newest answers: found by lead, followed when replaced, and never a reason to fail."""

import logging
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.store.last_scores import LastScore, LastScores

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
PATH = "acme.scores"


def answers(leads: Iterable[str], probability: float = 0.5) -> list[dict[str, Any]]:
    return [{"lead_id": lead, "dimensions": {"conversion": {"probability": probability}}} for lead in leads]


def leads_of(last: LastScores, leads: Iterable[str]) -> list[str]:
    found = (last.read("acme", lead) for lead in leads)
    return [one.answer["lead_id"] for one in found if one is not None]


@given(st.sets(st.text(min_size=1, max_size=12), max_size=30), st.text(min_size=1, max_size=12))
def test_every_lead_that_was_written_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, leads: set[str], other: str
) -> None:
    last = LastScores(tmp_path_factory.mktemp("scores"))
    last.write("acme", answers(leads), NOW)
    for one in answers(leads):
        assert last.read("acme", one["lead_id"]) == LastScore(one, NOW)
    assert (last.read("acme", other) is not None) == (other in leads)
    assert last.read("other", other) is None


def test_readers_follow_a_file_that_is_replaced(tmp_path: Path) -> None:
    writer, reader = LastScores(tmp_path), LastScores(tmp_path)
    assert reader.read("acme", "a") is None
    for night in range(3):
        moment = NOW + timedelta(days=night)
        writer.write("acme", answers(["a", f"only-{night}"], night / 10), moment)
        assert reader.read("acme", "a") == LastScore(answers(["a"], night / 10)[0], moment)
    assert leads_of(reader, ["a", "only-0", "only-1", "only-2"]) == ["a", "only-2"]


def test_replaced_files_are_closed(tmp_path: Path) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a"]), NOW)
    last.read("acme", "a")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        last.write("acme", answers(["a"]), NOW)
        assert last.read("acme", "a") is not None
    assert len(os.listdir("/proc/self/fd")) == before


def test_threads_that_read_while_a_file_is_replaced_get_one_answer_or_the_other(tmp_path: Path) -> None:
    last = LastScores(tmp_path)
    leads = [f"lead-{number}" for number in range(200)]
    last.write("acme", answers(leads, 0.0), NOW)
    wrong: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            wrong.extend(
                lead for lead in leads if (found := last.read("acme", lead)) is None or found.answer["lead_id"] != lead
            )

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for night in range(10):
        last.write("acme", answers(leads, night / 10), NOW)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_a_corrupt_file_is_as_none_and_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a"]), NOW)
    content = (tmp_path / PATH).read_bytes()
    for broken in (content[:-1], b"", content[:10], content + b"x", content[:21] + b"\xff" * 8 + content[29:]):
        caplog.clear()
        (tmp_path / PATH).write_bytes(broken)
        with caplog.at_level(logging.WARNING, logger="lintel.store"):
            assert [last.read("acme", "a") for _ in range(3)] == [None] * 3
        assert len(caplog.records) == 1
    last.write("acme", answers(["a"]), NOW)
    assert leads_of(last, ["a"]) == ["a"]


def test_a_changed_answer_is_not_given_and_the_others_are(tmp_path: Path) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a", "b"], 0.25), NOW)
    path = tmp_path / PATH
    path.write_bytes(path.read_bytes().replace(b"0.25", b"0.75", 1))
    assert len(leads_of(last, ["a", "b"])) == 1


def test_a_disk_that_fails_while_an_answer_is_read_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a"]), NOW)
    assert leads_of(last, ["a"]) == ["a"]

    def failing(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", failing)
    assert last.read("acme", "a") is None


def test_erased_leads_are_gone_from_the_file_and_the_others_stay(tmp_path: Path) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a", "b", "c"]), NOW)
    assert last.erase("acme", ["b", "c", "unknown"]) == 2
    assert leads_of(last, ["a", "b", "c"]) == ["a"]
    assert last.read("acme", "a") == LastScore(answers(["a"])[0], NOW)
    assert b'"b"' not in (tmp_path / PATH).read_bytes()
    assert last.erase("nobody", ["a"]) == 0


def test_what_cannot_be_read_is_erased_whole(tmp_path: Path) -> None:
    last = LastScores(tmp_path)
    last.write("acme", answers(["a"]), NOW)
    (tmp_path / PATH).write_bytes(b"?")
    last.erase("acme", ["a"])
    assert not (tmp_path / PATH).exists()


@pytest.mark.parametrize("tenant", ["", "../acme", ".hidden"])
def test_a_tenant_that_is_no_file_name_is_refused(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(InputError, match="tenant id"):
        LastScores(tmp_path).read(tenant, "a")
