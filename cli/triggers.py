"""`lintel triggers`: what asked for training, what came of it, and asking for one by hand."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.account import As, actor
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.automation.policy import Cause
from lintel.home import Home
from lintel.settings import settings

app = typer.Typer(help="What asked for training, what came of it, and asking for one.")


@app.command("list")
def list_command(
    tenant: TenantId = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most triggers, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What asked for training, newest first: why, and whether it was granted."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        found = [one.to_json() for one in home.triggers.newest(tenant, limit)]
    names = ("raised_at", "cause", "state", "explanation", "why", "run_id")
    rows = [[one[name] for name in names] for one in found]
    shown = table(f"triggers of {tenant}", ("raised", "cause", "state", "because", "not granted as", "run"), rows)
    emit({"tenant": tenant, "triggers": found}, as_json=as_json, table=shown)


@app.command("raise")
def raise_command(
    *,
    reason: Annotated[str, typer.Option(help="Why, in a few words; kept in the audit log.")],
    tenant: TenantId = DEFAULT_TENANT,
    key: Annotated[
        str | None, typer.Option(help="What tells this wish from others; one that was granted is not granted again.")
    ] = None,
    name: As = None,
    as_json: Json = False,
) -> None:
    """Ask for a training of a tenant; Dagster begins it within a minute, while `make up` runs."""
    now = datetime.now(UTC)
    chosen, who = key or now.isoformat(), actor(name)
    with Home(settings()) as home:
        home.events.tenant(tenant)
        told = {"person": who.name}
        granted = home.triggers.raise_(tenant, Cause.MANUAL, chosen, reason, told, now=now, actor=who)
        trigger = home.triggers.find(tenant, Cause.MANUAL, chosen)
    value = {"tenant": tenant, "granted": granted, "trigger": trigger and trigger.to_json()}
    told_why = "" if granted or trigger is None else f": {trigger.why}"
    emit(value, as_json=as_json, table=f"{tenant}: {'granted' if granted else 'not granted'}{told_why}")
