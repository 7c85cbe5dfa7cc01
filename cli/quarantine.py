"""`lintel quarantine`: the rows that were not taken, and why."""

from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.events.moments import from_microseconds
from lintel.home import Home
from lintel.settings import settings

_SHOWN = ("source", "place", "column", "reason")
"""Without the row itself, which may name a person."""


def quarantine(
    tenant: TenantId = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many rows to show at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Rows that were not taken, newest first, each with its place, column and reason."""
    with Home(settings()) as home:
        found = home.events.quarantined(tenant, limit)
    rows = [(one.source, one.place, one.column, one.reason) for one in found]
    value = {
        "tenant": tenant,
        "rows": [
            {**dict(zip(_SHOWN, row, strict=True)), "quarantined_at": from_microseconds(one.quarantined_at).isoformat()}
            for row, one in zip(rows, found, strict=True)
        ],
    }
    emit(value, as_json=as_json, table=table(f"quarantine of {tenant}", _SHOWN, rows))
