from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from lintel.errors import IncompatibleError
from lintel.store import migrations
from lintel.store.migrations import HEADS, open_database
from lintel.store.tables import EVENTS, STATE

METADATA = {"events": EVENTS, "state": STATE}


@pytest.mark.parametrize("scripts", ["events", "state"])
def test_migrated_tables_are_the_declared_ones(scripts: str, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'some.db'}", scripts)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA[scripts]) == []
        declared = {
            table.name: "WITHOUT ROWID" in _definition(connection, table.name) for table in EVENTS.tables.values()
        }
    if scripts == "events":
        assert declared == {name: name != "tenants" for name in EVENTS.tables}
    database.close()


def _definition(connection: sa.Connection, name: str) -> str:
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    return connection.execute(query, {"name": name}).scalar() or ""


@pytest.mark.parametrize("scripts", ["events", "state"])
def test_the_known_head_is_the_newest_script(scripts: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / scripts))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEADS[scripts]


def test_opening_again_runs_no_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    open_database(url, "events").close()

    def refuse(*_: object) -> None:
        raise AssertionError("migrated a database that is up to date")

    monkeypatch.setattr(migrations, "_migrate", refuse)
    open_database(url, "events").close()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    database = open_database(url, "events")
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(IncompatibleError, match="does not know"):
        open_database(url, "events")
