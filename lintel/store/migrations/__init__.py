"""Opens a database and brings it to the newest schema: one folder of Alembic scripts each, `events` and `state`."""

from pathlib import Path

import sqlalchemy as sa

from lintel.errors import IncompatibleError
from lintel.store.engine import Database
from lintel.store.tables import EVENTS_HEAD, STATE_HEAD

HEADS = {"events": EVENTS_HEAD, "state": STATE_HEAD}
_LOCK = 5_417_301  # any number that all Lintel processes share, for PostgreSQL's advisory lock


def open_database(url: str, scripts: str) -> Database:
    """Open the database at `url`, made if it is not there, with the newest schema of `scripts`."""
    database = Database(url)
    try:
        upgrade(database, scripts)
    except BaseException:
        database.close()
        raise
    return database


def upgrade(database: Database, scripts: str) -> None:
    """Upgrade to the newest schema; one query if it is there already, and one process at a time otherwise.

    Raises IncompatibleError if the database was written by a newer Lintel.
    """
    with database.read() as connection:
        if _version(connection) == HEADS[scripts]:
            return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        if _version(connection) != HEADS[scripts]:
            _migrate(connection, scripts, database.place)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: sa.Connection, scripts: str, place: str) -> None:
    from alembic import command  # noqa: PLC0415  # 100 ms that opening an up-to-date store does not pay
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEADS[scripts])
    except CommandError as error:
        mend = "Use the Lintel that wrote it, or a newer one."
        raise IncompatibleError(f"{place} has a schema that this version does not know.", mend=mend) from error
