"""`lintel quarantine`: rows that were not taken and events that were set aside, and why; and their way back."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.account import As, actor
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.errors import InputError, NotFoundError
from lintel.events.moments import from_microseconds
from lintel.home import Home
from lintel.settings import settings
from lintel.store.quarantine import Quarantined

_SHOWN = ("source", "place", "column", "reason")
"""Without the row itself, which may name a person."""
_Released = Annotated[
    list[int] | None,
    typer.Option("--release", help="Number (seq) of an event to take back in spite of its rule; may be repeated."),
]


def quarantine(
    tenant: TenantId = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many rows to show at most.")] = 100,
    *,
    release: _Released = None,
    reason: Annotated[str, typer.Option(help="Why events are released; kept in the audit log.")] = "",
    name: As = None,
    as_json: Json = False,
) -> None:
    """Rows that were not taken and events that a gate set aside, newest first, each with its column and reason."""
    with Home(settings()) as home:
        released = _release(home, tenant, release, reason, name) if release else 0
        found = home.events.quarantined(tenant, limit)
        aside = len(home.events.seqs_aside(tenant))
    value = {"tenant": tenant, "rows": [_row(one) for one in found], "set_aside": aside, "released": released}
    rows = [(one.source, one.place, one.seq, one.column, one.reason, _state(one)) for one in found]
    columns = ("source", "place", "seq", "column", "reason", "state")
    emit(value, as_json=as_json, table=table(f"quarantine of {tenant}", columns, rows))


def _release(home: Home, tenant: str, seqs: list[int], reason: str, name: str | None) -> int:
    """Take events back for good; the lake shows them from now on."""
    if not reason.strip():
        raise InputError("Events are released for a reason.", mend="Give it by --reason.")
    strange = sorted(set(seqs) - set(home.events.seqs_aside(tenant)))
    if strange:
        raise NotFoundError(f"Event {strange[0]} of {tenant!r} is not set aside.", mend="See `lintel quarantine`.")
    now, seqs = datetime.now(UTC), sorted(set(seqs))
    for seq in seqs:
        home.audit.append(
            tenant=tenant,
            actor=actor(name),
            act="release-event",
            subject=f"event:{tenant}/{seq}",
            reason=reason,
            details={},
            at=now,
        )
    count = home.events.release(tenant, seqs, now)
    home.lake.leave_out(home.events, tenant)
    return count


def _state(one: Quarantined) -> str:
    if one.seq is None:
        return "not taken"
    return "set aside" if one.released_at is None else "released"


def _row(one: Quarantined) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in _SHOWN}
    at = from_microseconds(one.quarantined_at).isoformat()
    return {**said, "seq": one.seq, "rule": one.rule, "state": _state(one), "quarantined_at": at}
