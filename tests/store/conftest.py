"""Typed factories of stores, tenants and event tables."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import sqlalchemy as sa

from lintel.events.schema import INCOMING_SCHEMA
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TENANT = "acme"

EventTable = Callable[..., pa.Table]


def event_row(number: int, **changes: Any) -> dict[str, Any]:
    """One incoming event, different for each number; `changes` overwrite its fields."""
    occurred_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    row = {"event_id": f"e{number}", "lead_id": f"lead{number % 5}", "occurred_at": occurred_at, "kind": "email.sent"}
    return row | changes


def event_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as an incoming table; fields that a row does not name are null."""
    schema = pa.schema([pa.field(field.name, field.type) for field in INCOMING_SCHEMA])
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    return event_row


@pytest.fixture
def table() -> EventTable:
    return event_table


@pytest.fixture
def numbered() -> EventTable:
    """A table of the events with the given numbers."""
    return lambda numbers, **changes: event_table([event_row(number, **changes) for number in numbers])


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database of each kind; PostgreSQL in a schema of its own, where there is a server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'events.db'}"
        return
    server = os.environ.get("LINTEL_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("LINTEL_TEST_POSTGRES_URL names no PostgreSQL server (postgresql://user@host/database)")
    schema = f"lintel_test_{uuid4().hex}"
    engine = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        own = engine.url.update_query_dict({"options": f"-csearch_path={schema}"})
        yield own.render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def any_store(any_url: str) -> Iterator[EventStore]:
    """A store with the tenant `acme`, in each kind of database."""
    with EventStore.open(any_url) as store:
        store.put_tenant(Tenant(TENANT, labels="crm"))
        yield store


@pytest.fixture
def store(url: str) -> Iterator[EventStore]:
    with EventStore.open(url) as store:
        store.put_tenant(Tenant(TENANT, labels="crm"))
        yield store
