"""`lintel tenants`: the brokerage accounts of this installation, and whether others' models may learn from them."""

import re
from dataclasses import replace
from typing import Annotated

import typer

from cli.new_tenant import Labels, Zone, check_new
from cli.options import Json, TenantId
from cli.output import emit, table
from lintel.errors import InputError
from lintel.home import Home
from lintel.settings import settings
from lintel.store.tenants import Tenant

_CURRENCY = re.compile(r"[A-Z]{3}")

app = typer.Typer(help="Tenants (brokerage accounts), and whether models of others may learn from them.")


@app.command("list")
def list_command(*, as_json: Json = False) -> None:
    """All tenants with their labels, time zone and clock, and whether they are pooled."""
    names = ("tenant", "labels", "time_zone", "currency", "clock", "pooled", "simulated")
    with Home(settings()) as home:
        rows = [
            (one.id, one.labels, one.time_zone, one.currency, one.clock.value, one.pooled, one.simulated)
            for one in home.events.tenants()
        ]
    value = {"tenants": [dict(zip(names, row, strict=True)) for row in rows]}
    emit(value, as_json=as_json, table=table("tenants", names, rows))


@app.command("add")
def add_command(
    *,
    tenant: TenantId,
    labels: Labels = "crm",
    time_zone: Zone = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code of its amounts.")] = "USD",
    capacity: Annotated[int, typer.Option(min=1, help="Leads that its team can call in a day.")] = 20,
    as_json: Json = False,
) -> None:
    """Make a tenant before it has any events, so that it can have keys; `lintel ingest` makes one too."""
    if not _CURRENCY.fullmatch(currency):
        raise InputError("A currency is an ISO 4217 code: three capital letters.", mend="Use USD, EUR or the like.")
    new = Tenant(tenant, labels=labels, time_zone=time_zone, currency=currency, capacity_per_day=capacity)
    check_new(new)
    with Home(settings()) as home:
        if any(one.id == tenant for one in home.events.tenants()):
            raise InputError(f"The tenant {tenant!r} is there already.", mend="`lintel tenants list` shows all.")
        home.events.put_tenant(new)
    value = {"tenant": tenant, "labels": labels, "time_zone": time_zone, "currency": currency}
    words = f"{tenant} is added; a key for it: lintel keys create --name NAME --tenant {tenant}"
    emit(value, as_json=as_json, table=words)


@app.command("pool")
def pool_command(
    *,
    tenant: TenantId,
    allow: Annotated[bool, typer.Option("--allow/--refuse", help="Whether its leads may teach models of others.")],
    as_json: Json = False,
) -> None:
    """Allow or refuse that a pool of tenants with the same labels learns from this one. Refused unless allowed.

    A pool that learnt from a tenant which refuses now is not lent any more, from the next nightly run of each other
    tenant on. Borrowing from a pool needs no permission of one's own.
    """
    with Home(settings()) as home:
        home.events.put_tenant(replace(home.events.tenant(tenant), pooled=allow))
    emit({"tenant": tenant, "pooled": allow}, as_json=as_json, table=f"{tenant}: {'pooled' if allow else 'not pooled'}")
