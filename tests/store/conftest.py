"""Typed factories of stores, tenants and event tables."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

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


@pytest.fixture
def store(url: str) -> Iterator[EventStore]:
    with EventStore.open(url) as store:
        store.put_tenant(Tenant(TENANT, labels="crm"))
        yield store
