import socket
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from lintel.errors import InputError, StorageFullError, UnavailableError
from lintel.store import engine
from lintel.store.engine import Database
from lintel.store.events import EventStore


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'some.db'}")
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE notes (note TEXT)"))
    return database


def notes(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.text("SELECT note FROM notes")).scalars())


def test_a_transaction_is_committed_on_leaving_and_undone_on_an_exception(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO notes VALUES ('kept')"))
    with pytest.raises(UnavailableError):
        fail_after_writing(database)
    assert notes(database) == ["kept"]
    with database.write() as connection:  # the lock was given back
        connection.execute(sa.text("INSERT INTO notes VALUES ('after')"))
    assert notes(database) == ["kept", "after"]


def fail_after_writing(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO notes VALUES ('undone')"))
        connection.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))


def test_every_connection_is_tuned(database: Database) -> None:
    with database.read() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in _TUNED}
    assert pragmas == _TUNED


_TUNED = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5_000}


def test_a_lock_that_is_never_given_back_is_an_error_that_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0.02)
    other = sqlite3.connect(database.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"), database.write():
        pass
    assert notes(database) == []  # readers do not wait
    other.execute("ROLLBACK")
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO notes VALUES ('now')"))
    other.close()


def test_a_full_database_is_an_error_that_says_so(database: Database) -> None:
    with database.read() as connection:  # one connection in the pool: the limit holds for the write below
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StorageFullError, match="no space left"), database.write() as connection:
        connection.execute(sa.text("INSERT INTO notes VALUES (:note)"), {"note": "x" * 100_000})
    assert notes(database) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"this is not a database, and longer than its header would be" * 100)
    with pytest.raises(UnavailableError, match=r"events\.db is not a database"):
        EventStore.open(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be made"):
        EventStore.open(f"sqlite:///{tmp_path / 'file' / 'events.db'}")


def test_a_path_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be used"):
        EventStore.open(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_addresses_that_cannot_work_are_refused(url: str) -> None:
    with pytest.raises(InputError):
        Database(url)


def test_a_password_stays_out_of_messages() -> None:
    with pytest.raises(UnavailableError) as caught:
        Database("postgresql://someone:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine._PATIENCE, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UnavailableError):
        Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/none")


def test_an_interrupt_in_the_midst_of_a_statement_is_told_as_it_came_and_undoes_the_transaction(
    database: Database,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_after_writing(database)
    assert notes(database) == []
    with database.write() as connection:  # the lock was given back
        connection.execute(sa.text("INSERT INTO notes VALUES ('after')"))
    assert notes(database) == ["after"]


def interrupt_after_writing(database: Database) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO notes VALUES ('undone')"))
        sa.event.listen(connection.engine, "do_execute", interrupt, once=True)
        connection.execute(sa.text("INSERT INTO notes VALUES ('interrupted')"))
