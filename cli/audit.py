"""`lintel audit`: who did what to models, and whether that record is whole."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.account import As, actor
from cli.broken_audit import BrokenAuditError
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.errors import InputError
from lintel.home import Home
from lintel.registry.audit_chain import Head
from lintel.settings import settings

app = typer.Typer(help="The audit log: who did what to models, and whether that record is whole.")

_COLUMNS = ("line", "when (UTC)", "who", "act", "on", "why")


@app.command("list")
def list_command(
    tenant: TenantId = DEFAULT_TENANT,
    subject: Annotated[
        str | None, typer.Option(help="Lines about one thing only, such as model:acme/7 or traffic:acme.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many lines to show at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Lines of a tenant, newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        lines = home.audit.read(tenant, subject, limit)
    rows = [_cells(line) for line in lines]
    emit({"tenant": tenant, "lines": lines}, as_json=as_json, table=table(f"audit of {tenant}", _COLUMNS, rows))


@app.command("verify")
def verify_command(
    expect: Annotated[
        str | None,
        typer.Option(help="A head that was kept elsewhere, as COUNT:DIGEST; the log must still hold that line."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every line of all tenants; fails naming the first line that is not as it was written."""
    with Home(settings()) as home:
        found = home.audit.verify(None if expect is None else _head(expect))
    if found.fault is not None:
        raise BrokenAuditError(found.fault)
    value = {
        "lines": found.lines,
        "head": f"{found.lines}:{found.digest}",
        "sealed_from": found.sealed_from,
        "unanchored": found.unanchored,
    }
    told = f"{found.lines} lines are as they were written. Keep this elsewhere: {value['head']}"
    emit(value, as_json=as_json, table=told)


@app.command("anchor")
def anchor_command(
    reason: Annotated[str, typer.Option(help="What happened; kept in the log.")],
    tenant: TenantId = DEFAULT_TENANT,
    by: As = None,
    as_json: Json = False,
) -> None:
    """Take the log as it stands: after a restored copy, or with a new key. What was wrong is written down with it."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        head = home.audit.anchor(tenant=tenant, actor=actor(by), reason=reason, at=datetime.now(UTC))
    value = {"tenant": tenant, "line": head.count, "head": f"{head.count}:{head.digest}"}
    emit(value, as_json=as_json, table=f"the log is taken as it stands from line {head.count} on")


def _cells(line: Mapping[str, Any]) -> tuple[object, ...]:
    who = f"{line['actor']} ({line['actor_kind']})"
    return line["number"], line["at"][:19].replace("T", " "), who, line["act"], line["subject"], line["reason"]


def _head(text: str) -> Head:
    count, _, digest = text.partition(":")
    if not count.isdigit() or not digest:
        raise InputError(f"{text!r} is not a head.", mend="Give COUNT:DIGEST, as `lintel audit verify` prints it.")
    return Head(int(count), digest)
