"""Random events as a source would send them, with deletions, corrections and duplicates."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from lintel.events.schema import INCOMING_SCHEMA
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

TENANT = Tenant("acme", labels="crm")
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEADS = ("ann", "bob", "cy", "dee", "Eve-ü")
KINDS = ("email.sent", "email.inbound", "offer.sent", "call.completed", "deal.won", "lead.deleted", "stage.changed")

moments = st.integers(0, 30 * 24).map(lambda hours: START + timedelta(hours=hours))
_delays = st.sampled_from((0, 0, 1, 30, 200)).map(lambda hours: timedelta(hours=hours))


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of one append; ids repeat now and then, and corrections may come before what they correct."""
    return draw(st.lists(_events(), min_size=1, max_size=5))


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    occurred_at = draw(moments)
    row = {
        "event_id": f"e{draw(st.integers(0, 60))}",
        "lead_id": draw(st.sampled_from(LEADS)),
        "occurred_at": occurred_at,
        "known_at": occurred_at + draw(_delays),
        "kind": draw(st.sampled_from(KINDS)),
        "value": draw(st.sampled_from((None, 1.0, 250.5))),
        "text": draw(st.sampled_from((None, "Can we view it on Friday?"))),
    }
    if draw(st.integers(0, 4)) == 0:
        row |= {"kind": "event.corrected", "object_id": f"e{draw(st.integers(0, 60))}"}
    return row


def incoming(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([pa.field(field.name, field.type) for field in INCOMING_SCHEMA])
    return pa.Table.from_pylist(rows, schema=schema)


def empty_store(path: Path) -> Path:
    """A database with the tenant and no event, to be copied: making one takes longer than a test."""
    with EventStore.open(f"sqlite:///{path}") as store:
        store.put_tenant(TENANT)
    return path


def copied(template: Path, folder: Path) -> str:
    """The address of a copy of a closed database."""
    return f"sqlite:///{shutil.copy(template, folder / 'events.db')}"
