"""Databases opened through SQLAlchemy Core: SQLite tuned for one writer among many readers, or PostgreSQL.

Writers of one SQLite file take turns. SQLite has no queue for them, so each keeps its transactions short
(`WRITE_BUDGET_SECONDS`), waits by asking every millisecond, and a bulk load pauses between two transactions
(`YIELD_SECONDS`): whoever waits gets in between.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lintel.errors import InputError, LintelError, StorageFullError, UnavailableError

WRITE_BUDGET_SECONDS = 0.025
"""Statements of one transaction; the commit has as much again, which makes at most 50 ms."""
YIELD_SECONDS = 0.003
"""Pause of a bulk load between two transactions: three turns of a waiting writer."""
_POLL_SECONDS = 0.001
_BUSY_SECONDS = 15.0
_READ_BUSY_MILLISECONDS = 5_000  # only recovery after a crash makes a reader wait
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_READ_BUSY_MILLISECONDS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # KiB: the hot part of the indexes of a bulk load
    "PRAGMA wal_autocheckpoint = 8192",  # pages, 32 MiB: at 1,000 a bulk load would sync after every transaction
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON",  # an erased lead is overwritten, not only unlinked
)
_PATIENCE = {
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds that what was sent may stay unacknowledged
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""Of libpq: a PostgreSQL server that has vanished without a word is noticed within seconds, where TCP alone waits a
quarter of an hour. An address may say otherwise: `?connect_timeout=30`."""
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}  # the second is a quota or a limit on the file's size
_BROKEN = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
_AFTER_COMMIT = "lintel.after_commit"
_PG_DISK_FULL, _PG_LOCKED = "53100", {"55P03", "40P01", "40001"}


class Database:
    """One opened database. Safe to share between threads; every process opens its own."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.place = self.url.render_as_string(hide_password=True)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        with self._translated():
            self._engine = self._create()
            with self._engine.connect():
                pass

    def close(self) -> None:
        """Close all connections; the last one out of a SQLite file folds its write-ahead log in."""
        self._engine.dispose()

    @property
    def dialect(self) -> sa.Dialect:
        return self._engine.dialect

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading. Each statement sees the newest committed state."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A write transaction: committed on leaving, undone on an exception. What was given to `after_commit` is done
        once it is committed.

        Raises UnavailableError when other writers held the lock for 15 s, StorageFullError on a full disk.
        """
        acts: list[Callable[[], None]] = []
        with self._translated(), self._transaction() as connection:
            info = connection.info  # held here: an interrupt in a statement takes the connection, and this, away
            info[_AFTER_COMMIT] = acts
            try:
                yield connection
            finally:
                info.pop(_AFTER_COMMIT, None)
        for act in acts:
            act()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if not self.is_sqlite:
            with self._engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
                yield connection
            return
        with self._engine.connect() as connection:
            _begin(connection)
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            finally:
                _undo(connection)

    def forget_log(self) -> None:
        """Fold SQLite's write-ahead log in and empty it, so that what was deleted does not live on in it.

        Without effect while another process reads; the next checkpoint does it then.
        """
        if self.is_sqlite:
            with self.read() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def insert_new(self, table: sa.Table) -> Any:
        """An insert that leaves rows alone whose key is there already."""
        return self.insert(table).on_conflict_do_nothing()

    def insert(self, table: sa.Table) -> Any:
        """The dialect's insert, which can say what to do on a conflict."""
        return (sqlite if self.is_sqlite else postgresql).insert(table)

    def _create(self) -> sa.Engine:
        if not self.is_sqlite:
            patience = {name: value for name, value in _PATIENCE.items() if name not in self.url.query}
            return sa.create_engine(self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=patience)
        _make_folder(self.url.database)
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        sa.event.listen(engine, "connect", _tune)
        return engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._translation(error.orig) from error
        except sqlite3.Error as error:
            raise self._translation(error) from error

    def _translation(self, error: BaseException | None) -> LintelError | BaseException:
        name, code = getattr(error, "sqlite_errorname", ""), getattr(error, "sqlstate", "") or ""
        if name in _FULL or code == _PG_DISK_FULL:
            mend = "Free some space and run it again; what was committed before is kept and is not written twice."
            return StorageFullError(f"There is no space left to write to {self.place}.", mend=mend)
        if name.startswith("SQLITE_BUSY") or name == "SQLITE_LOCKED" or code in _PG_LOCKED:
            mend = "Find what holds it (a backup, a stopped process, an open database shell), then run it again."
            return UnavailableError(f"Another process kept {self.place} locked for too long.", mend=mend)
        if name in _BROKEN:
            mend = "Move the file aside and restore a copy, or ingest the sources again."
            return UnavailableError(f"{self.place} is not a database, or a broken one.", mend=mend)
        if isinstance(error, sqlite3.OperationalError) or code.startswith("08") or not (name or code):
            mend = "Check that the address is right, and that this user may read and write there."
            return UnavailableError(f"{self.place} cannot be used ({name or type(error).__name__}).", mend=mend)
        return error or UnavailableError(f"{self.place} cannot be used.")


def after_commit(connection: sa.Connection, act: Callable[[], None]) -> None:
    """Do `act` once the write transaction of `connection` is committed; never if it is undone."""
    connection.info[_AFTER_COMMIT].append(act)


class BulkInsert:
    """An insert of many rows given as tuples, without SQLAlchemy's work per row (3 of 10 µs)."""

    def __init__(self, table: sa.Table, columns: Sequence[str], dialect: sa.Dialect) -> None:
        compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(columns))
        self._sql = str(compiled)
        self._columns = tuple(columns)
        self._positional = compiled.positional
        if compiled.positiontup is not None and tuple(compiled.positiontup) != self._columns:
            raise ValueError(f"columns of {table.name} must come in the order of the table")

    def __call__(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        named = rows if self._positional else [dict(zip(self._columns, row, strict=True)) for row in rows]
        connection.exec_driver_sql(self._sql, named)


class RowRead:
    """A query straight at the driver, whose rows are plain tuples. On SQLite without SQLAlchemy's work per call, which
    is most of the time of reading one row by its key (13 of 40 µs are left)."""

    def __init__(self, query: sa.Select[Any], database: Database) -> None:
        compiled = query.compile(dialect=database.dialect)
        self._sql = str(compiled)
        self._query = query
        self._database = database
        self._names = tuple(compiled.positiontup or ())

    def __call__(self, **parameters: object) -> list[Any]:
        with self._database.read() as connection:
            if not self._database.is_sqlite:
                result: Any = connection.execute(self._query, parameters)
                return list(result.cursor.fetchall())
            driver: Any = connection.connection.dbapi_connection
            return list(driver.execute(self._sql, [parameters[name] for name in self._names]).fetchall())


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise InputError(
            "The store's address is not a SQLAlchemy address.", mend="Use sqlite:////path/file.db."
        ) from None
    if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise InputError(f"{parsed.drivername!r} is no store that Lintel knows.", mend="Use sqlite or postgresql.")
    return parsed


def _make_folder(file: str | None) -> None:
    if not file or file == ":memory:":
        raise InputError("A store in memory cannot be shared.", mend="Give a file: sqlite:////path/file.db.")
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        folder = Path(file).parent
        raise UnavailableError(f"{folder} cannot be made ({error.strerror}).", mend="Check the path.") from error


def _tune(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: sa.Connection) -> None:
    """BEGIN IMMEDIATE, asked again every millisecond: SQLite's own wait grows to 100 ms between two attempts."""
    driver: Any = connection.connection.dbapi_connection
    deadline = time.monotonic() + _BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
            time.sleep(_POLL_SECONDS)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {_READ_BUSY_MILLISECONDS}")


def _undo(connection: sa.Connection) -> None:
    if connection.invalidated:  # by an interrupt in the midst of a statement: closing it has undone the transaction
        return
    driver: Any = connection.connection.dbapi_connection
    if driver.in_transaction:  # a full disk has ended the transaction already
        driver.execute("ROLLBACK")
