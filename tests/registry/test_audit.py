"""The audit log: lines that hold together, writers that take turns, and tampering straight in SQL that is found."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from lintel.errors import InputError, RefusedError
from lintel.home import Home
from lintel.registry.actor import Actor, machine, person
from lintel.registry.audit import AuditLog, keep, record
from lintel.registry.audit_chain import FaultKind, Head, Line, digest_of
from lintel.registry.audit_head import HeadFile
from lintel.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVA = person("eva")
COLUMNS = ("at", "tenant", "actor", "actor_kind", "act", "subject", "reason", "details", "previous", "digest")
ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from datetime import UTC, datetime
from lintel.registry.actor import machine
from lintel.registry.audit import AuditLog
with AuditLog.open(sys.argv[1]) as log:
    for turn in range(int(sys.argv[3])):
        log.append(tenant="acme", actor=machine(sys.argv[2]), act="test.write", subject="test", reason="turn",
                   details={"turn": turn}, at=datetime.now(UTC))
"""


def append(log: AuditLog, number: int = 0, *, tenant: str = "acme", actor: Actor = EVA, reason: str = "because") -> int:
    subject = f"model:{tenant}/{number}"
    details = {"number": number}
    return log.append(
        tenant=tenant, actor=actor, act="model.approve", subject=subject, reason=reason, details=details, at=NOW
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def log(file: Path) -> Iterator[AuditLog]:
    with AuditLog.open(f"sqlite:///{file}") as log:
        yield log


def sql(file: Path, statement: str, *values: object) -> None:
    """As somebody with the file and a database shell would."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


# lines


def test_lines_are_numbered_without_gaps_and_read_newest_first(log: AuditLog) -> None:
    assert [append(log, number) for number in (1, 2, 1)] == [1, 2, 3]
    append(log, 1, tenant="other")
    assert [line["number"] for line in log.read("acme")] == [3, 2, 1]
    assert [line["number"] for line in log.read("acme", "model:acme/1")] == [3, 1]
    assert len(log.read("acme", limit=1)) == 1
    (line,) = log.read("other")
    assert line["at"] == NOW.isoformat()
    assert (line["actor"], line["actor_kind"], line["details"]) == ("eva", "person", {"number": 1})
    found = log.verify()
    assert (found.lines, found.unanchored, found.fault) == (4, 0, None)
    assert log.head().digest == found.digest


def test_an_empty_log_is_whole(log: AuditLog) -> None:
    assert log.verify().fault is None
    assert log.head() == Head()


def test_an_act_that_is_undone_leaves_no_line_and_no_head(log: AuditLog, file: Path) -> None:
    append(log)

    def fails() -> None:
        with log._database.write() as connection:
            told = {"tenant": "acme", "actor": EVA, "act": "x", "subject": "y", "reason": "z"}
            assert record(connection, **told, details={}, at=NOW) == 2  # type: ignore[arg-type]
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert log.head().count == 1
    head = HeadFile(file.with_name("audit_head.json")).read()
    assert head is not None
    assert head.count == 1
    assert append(log) == 2
    assert log.verify().fault is None


@pytest.mark.parametrize("reason", ["", "  ", "x" * 4_001])
def test_a_reason_is_needed_and_short(log: AuditLog, reason: str) -> None:
    with pytest.raises(InputError):
        append(log, reason=reason)
    assert log.head() == Head()


def test_a_reason_holds_no_address_or_number_of_a_person(log: AuditLog) -> None:
    append(log, reason="asked by jane.doe@example.com, (303) 555-0143")
    append(log, actor=machine("nightly"), reason="log loss 0.5288")
    machine_line, person_line = log.read("acme")
    assert person_line["reason"] == "asked by [email], [phone]"
    assert machine_line["reason"] == "log loss 0.5288"


def test_writers_of_several_processes_take_turns(file: Path, log: AuditLog) -> None:
    command = [sys.executable, "-W", "ignore", "-c", WRITER, f"sqlite:///{file}"]
    writers = [subprocess.Popen([*command, name, "15"], cwd=ROOT) for name in ("a", "b", "c")]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    found = log.verify()
    assert (found.lines, found.unanchored, found.fault) == (45, 0, None)
    turns = [(line["actor"], line["details"]["turn"]) for line in reversed(log.read("acme"))]
    for name in ("a", "b", "c"):
        assert [turn for actor, turn in turns if actor == name] == list(range(15))


# tampering

Tampering = Callable[[Path, int, int], None]


def changed(file: Path, line: int, choice: int) -> None:
    column = COLUMNS[choice % len(COLUMNS)]
    value: object = 5 if column == "at" else f"{'sha256:' if column in {'previous', 'digest'} else ''}{choice}"
    sql(file, f"UPDATE audit SET {column} = ? WHERE number = ?", value, line)  # noqa: S608 - our own names


def removed(file: Path, line: int, _: int) -> None:
    sql(file, "DELETE FROM audit WHERE number = ?", line)


def closed_up(file: Path, line: int, _: int) -> None:
    """Removed, and the later ones numbered anew."""
    removed(file, line, 0)
    sql(file, "UPDATE audit SET number = -number WHERE number > ?", line)
    sql(file, "UPDATE audit SET number = -number - 1 WHERE number < 0")


def reordered(file: Path, line: int, choice: int) -> None:
    """Two lines change places."""
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM audit").fetchone()
    other = 1 + (line + choice % (count - 1)) % count
    sql(file, "UPDATE audit SET number = 0 WHERE number = ?", line)
    sql(file, "UPDATE audit SET number = ? WHERE number = ?", line, other)
    sql(file, "UPDATE audit SET number = ? WHERE number = 0", other)


def inserted(file: Path, line: int, choice: int) -> None:
    """A copy of a line is squeezed in before it, or at the end, or before the first."""
    sql(file, "UPDATE audit SET number = -number - 1 WHERE number >= ?", line)
    sql(file, "UPDATE audit SET number = -number WHERE number < 0")
    names = ", ".join(COLUMNS)
    sql(file, f"INSERT INTO audit (number, {names}) SELECT ?, {names} FROM audit WHERE number = ?", line, line + 1)  # noqa: S608
    if choice % 2:
        sql(file, "UPDATE audit SET reason = 'forged' WHERE number = ?", line)


def truncated(file: Path, line: int, _: int) -> None:
    sql(file, "DELETE FROM audit WHERE number >= ?", line)


def made_anew(file: Path, line: int, choice: int) -> None:
    """Changed with all digests from there on computed again, as only somebody who knows this code would."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(f"SELECT number, {', '.join(COLUMNS)} FROM audit ORDER BY number").fetchall()  # noqa: S608
    previous = rows[line - 1][-2]
    for row in rows[line - 1 :]:
        forged = Line(*row[:-2], previous, "")
        forged = replace(forged, reason=f"forged {choice}") if forged.number == line else forged
        previous = digest_of(forged, None)
        values = (forged.reason, forged.previous, previous, forged.number)
        sql(file, "UPDATE audit SET reason = ?, previous = ?, digest = ? WHERE number = ?", *values)


@cache
def empty_database() -> bytes:
    """Of the newest schema; making one takes longer than all that is tried with it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        AuditLog.open(f"sqlite:///{file}").close()
        return file.read_bytes()


@limits(max_examples=60)
@given(
    tampering=st.sampled_from([changed, removed, closed_up, reordered, inserted, truncated, made_anew]),
    count=st.integers(2, 7),
    data=st.data(),
    sealed=st.booleans(),
)
def test_any_tampering_is_found_and_the_line_is_named(
    tampering: Tampering, count: int, data: st.DataObject, sealed: bool
) -> None:
    line, choice = data.draw(st.integers(1, count)), data.draw(st.integers(0, 1_000))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        file.write_bytes(empty_database())
        keep(f"sqlite:///{file}", key="a key" if sealed else None, head=file.with_name("audit_head.json"))
        with AuditLog.open(f"sqlite:///{file}") as log:
            for number in range(count):
                append(log, number)
            assert log.verify().fault is None
            tampering(file, line, choice)
            fault = log.verify().fault
        assert fault is not None
        assert str(fault.number) in fault.sentence
        if tampering in (changed, removed, truncated):
            assert fault.number == line
        elif tampering is closed_up:
            assert fault.number == line
            expected = FaultKind.TRUNCATED if line == count else FaultKind.MOVED
            assert fault.kind is expected
        elif tampering is made_anew and not sealed:
            assert (fault.number, fault.kind) == (count, FaultKind.REWRITTEN)
        elif tampering is made_anew:
            whole = line == 1  # without a single sealed line
            assert fault.number == (count if whole else line)
            assert fault.kind is (FaultKind.REWRITTEN if whole else FaultKind.UNSEALED)
        else:
            assert 1 <= fault.number <= count + 1


def test_kinds_of_faults_are_told_apart(log: AuditLog, file: Path) -> None:
    for number in range(5):
        append(log, number)
    log.close()  # which folds the write-ahead log in
    whole = file.read_bytes()
    for tampering, line, kind in (
        (changed, 2, FaultKind.CHANGED),
        (removed, 2, FaultKind.MISSING),
        (closed_up, 2, FaultKind.MOVED),
        (reordered, 2, FaultKind.MOVED),
        (truncated, 4, FaultKind.TRUNCATED),
        (made_anew, 2, FaultKind.REWRITTEN),
    ):
        log.close()
        for leftover in file.parent.glob("state.db-*"):
            leftover.unlink()
        file.write_bytes(whole)
        tampering(file, line, 5)
        fault = log.verify().fault
        assert fault is not None
        assert fault.kind is kind, fault


def test_lines_that_are_gone_stay_found_when_others_are_added(log: AuditLog, file: Path) -> None:
    """More acts must not cover up that the newest lines were cut off."""
    for number in range(4):
        append(log, number)
    truncated(file, 3, 0)
    for number in range(5):
        append(log, number)
    fault = log.verify().fault
    assert fault is not None
    assert (fault.number, fault.kind) == (4, FaultKind.REWRITTEN)


def test_the_head_is_written_when_the_lines_are_on_the_disk(
    log: AuditLog, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure would take the newest lines, and the head would tell of tampering."""
    synced, fsync = [], os.fsync

    def noted(handle: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{handle}")).name
        synced.append((name, file.with_name("audit_head.json").exists()))
        fsync(handle)

    append(log)
    file.with_name("audit_head.json").unlink()
    log.anchor(tenant="acme", actor=EVA, reason="a new head", at=NOW)
    monkeypatch.setattr(os, "fsync", noted)
    append(log)
    assert [name for name, _ in synced] == [f"{file.name}-wal", ".audit_head.json.partial"]
    synced.clear()
    file.with_name("audit_head.json").unlink()
    log.anchor(tenant="acme", actor=EVA, reason="a new head", at=NOW)
    assert synced == [(f"{file.name}-wal", False), (".audit_head.json.partial", False)]
    assert log.verify().fault is None


def test_a_head_that_is_behind_is_no_fault(log: AuditLog, file: Path) -> None:
    """A process may die between its commit and the head."""
    append(log)
    head = file.with_name("audit_head.json").read_text()
    append(log)
    append(log)
    file.with_name("audit_head.json").write_text(head)
    found = log.verify()
    assert (found.fault, found.unanchored) == (None, 2)
    append(log)
    assert log.verify().unanchored == 0


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"count": "x", "digest": "", "mac": ""}'])
def test_a_head_that_is_gone_is_a_fault(log: AuditLog, file: Path, content: str | None) -> None:
    append(log)
    head = file.with_name("audit_head.json")
    head.unlink() if content is None else head.write_text(content)
    append(log)  # and is not made good in silence
    fault = log.verify().fault
    assert fault is not None
    assert fault.kind is FaultKind.HEAD


def test_a_person_can_take_the_log_as_it_stands(log: AuditLog, file: Path) -> None:
    for number in range(4):
        append(log, number)
    truncated(file, 3, 0)
    head = log.anchor(tenant="acme", actor=EVA, reason="restored last night's copy", at=NOW)
    assert log.verify().fault is None
    assert (head.count, log.head()) == (3, head)
    (line,) = log.read("acme", "audit")
    assert line["details"] == {"fault": {"kind": "truncated", "line": 3}}
    append(log)
    assert log.verify().unanchored == 0


def test_a_head_that_was_kept_elsewhere_must_still_be_there(log: AuditLog, file: Path) -> None:
    for number in range(3):
        append(log, number)
    kept = log.head()
    append(log)
    assert log.verify(kept).fault is None
    truncated(file, 3, 0)
    log.anchor(tenant="acme", actor=EVA, reason="nobody will see", at=NOW)
    assert log.verify().fault is None
    fault = log.verify(kept).fault
    assert fault is not None
    assert (fault.number, fault.kind) == (3, FaultKind.REWRITTEN)


# the key


def keyed(file: Path, key: str | None) -> None:
    keep(f"sqlite:///{file}", key=key, head=file.with_name("audit_head.json"))


def test_a_sealed_log_is_not_written_or_trusted_without_its_key(log: AuditLog, file: Path) -> None:
    keyed(file, "right")
    append(log)
    keyed(file, None)
    with pytest.raises(RefusedError, match="LINTEL_AUDIT_KEY"):
        append(log)
    with pytest.raises(InputError, match="LINTEL_AUDIT_KEY"):
        log.verify()
    keyed(file, "wrong")
    fault = log.verify().fault
    assert fault is not None
    assert fault.kind is FaultKind.CHANGED
    keyed(file, "right")
    assert log.verify().sealed_from == 1


def test_a_new_key_begins_with_an_anchor(log: AuditLog, file: Path) -> None:
    append(log)
    keyed(file, "new")
    fault = log.verify().fault
    assert fault is not None
    assert fault.kind is FaultKind.UNSEALED
    log.anchor(tenant="acme", actor=EVA, reason="a key was set", at=NOW)
    found = log.verify()
    assert (found.fault, found.sealed_from) == (None, 2)


def test_a_chain_made_anew_without_the_key_is_found_even_if_the_head_goes_with_it(log: AuditLog, file: Path) -> None:
    keyed(file, "key")
    for number in range(3):
        append(log, number)
    head = HeadFile(file.with_name("audit_head.json"))
    present = head.read()
    assert present is not None
    made_anew(file, 1, 0)
    forged = log.head()
    head.replace(forged)
    fault = log.verify().fault
    assert fault is not None
    assert fault.kind is FaultKind.UNSEALED
    assert present.trusted(b"key")
    assert not replace(present, count=2).trusted(b"key")


def test_cutting_a_sealed_log_short_needs_the_key_for_the_head(log: AuditLog, file: Path) -> None:
    keyed(file, "key")
    for number in range(3):
        append(log, number)
    truncated(file, 3, 0)
    HeadFile(file.with_name("audit_head.json")).replace(log.head())  # without its signature
    fault = log.verify().fault
    assert fault is not None
    assert fault.kind is FaultKind.HEAD


def test_the_home_keeps_its_log_with_the_key_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, audit_key="k3y of the log")  # type: ignore[arg-type]
    with Home(settings) as home:
        append(home.audit)
        assert home.audit.verify().sealed_from == 1
        assert settings.audit_head_path.exists()
    assert "k3y" not in repr(settings)
    assert b"k3y of the log" not in (tmp_path / "state.db").read_bytes()
