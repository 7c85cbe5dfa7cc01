"""What holds a database open, and closes it."""

from types import TracebackType
from typing import ClassVar, Self

from lintel.store.engine import Database
from lintel.store.migrations import open_database


class Handle:
    """A part of the store. Safe to share between threads; every process opens its own."""

    scripts: ClassVar[str]
    """The database it lives in: `events` or `state`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open at a SQLAlchemy address; the database is made if it is not there, and brought to the newest schema.

        Raises UnavailableError if it cannot be reached or is broken, IncompatibleError if a newer Lintel wrote it.
        """
        return cls(open_database(url, cls.scripts))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
