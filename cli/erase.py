"""`lintel erase`: a person out of everything here, and kept out; and the way back for who was erased by mistake."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.account import As, actor
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, table
from lintel.errors import InputError, NotFoundError, RefusedError
from lintel.home import Erasure, Home
from lintel.settings import settings

_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal to ask on.")]
_Readmit = Annotated[bool, typer.Option("--readmit", help="Let later imports bring an erased lead back instead.")]


def erase(
    lead: Annotated[str, typer.Option(help="The lead's id.")],
    tenant: TenantId = DEFAULT_TENANT,
    *,
    readmit: _Readmit = False,
    reason: Annotated[str, typer.Option(help="Such as a ticket's number; kept in the audit log.")] = "asked for",
    yes: _Yes = False,
    name: As = None,
    as_json: Json = False,
) -> None:
    """Remove a lead, with all it was merged with, from everything here, and withhold its events from now on."""
    if not lead.strip() or lead.casefold() in reason.casefold():
        raise InputError("A lead has an id, and the reason does not name it: the audit log is kept.")
    who = actor(name)  # known before anything is done, for each act is somebody's
    with Home(settings()) as home:
        home.events.tenant(tenant)
        _confirm(tenant, readmit=readmit, yes=yes)
        value = _readmit(home, tenant, lead) if readmit else _erase(home, tenant, lead)
        home.audit.append(
            tenant=tenant,
            actor=who,
            act="readmit-lead" if readmit else "erase-lead",
            subject=f"leads:{tenant}",
            reason=reason,
            details=value,
            at=datetime.now(UTC),
        )
    if readmit:
        shown: Any = f"The lead is let in again in {tenant}; ingest the source again to bring its events back."
    else:
        shown = table(f"erased from {tenant}", ("area", "removed"), list(value["removed"].items()))
    emit({"tenant": tenant, **value}, as_json=as_json, table=shown)


def _confirm(tenant: str, *, readmit: bool, yes: bool) -> None:
    """Raises RefusedError without a yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError("Nobody can be asked here whether this is meant.", mend="Say so by --yes.")
    asked = "Let the lead in again" if readmit else "Remove the lead from everything, for good"
    if not typer.confirm(f"{asked} ({tenant})?", err=True):
        raise RefusedError("Nothing was changed.")


def _erase(home: Home, tenant: str, lead: str) -> dict[str, Any]:
    erasure = home.erase(tenant, lead, now=datetime.now(UTC))
    if not erasure.found:
        note(_nothing(tenant, erasure))
    return {"found": erasure.found, "before": erasure.before, "ids": len(erasure.leads), "removed": erasure.removed}


def _nothing(tenant: str, erasure: Erasure) -> str:
    if erasure.before:
        return f"The lead was erased from {tenant} before; nothing was left."
    return (
        f"Nothing of this lead was found in {tenant}: check the id. It is kept out from now on; --readmit undoes that."
    )


def _readmit(home: Home, tenant: str, lead: str) -> dict[str, Any]:
    if not home.events.readmit(tenant, lead):
        raise NotFoundError(f"This lead is not kept out of {tenant!r}.", mend="Check the id.")
    return {"readmitted": True}
