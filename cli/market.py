"""`lintel market`: series of rates, inventory and prices into the store, and whose market a tenant's is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import Json, TenantId
from cli.output import emit, note, table
from lintel.errors import InputError
from lintel.events.moments import time_text
from lintel.home import Home
from lintel.market.metrics import NATIONAL
from lintel.market.observations import MarketBatch, fault_of_area
from lintel.settings import settings
from lintel.sources.market import read_fred, read_zillow
from lintel.store.context import ContextReport
from lintel.store.tenants import Tenant

app = typer.Typer(help="Market series (rates, inventory, prices) that features read beside a lead's events.")


class Layout(StrEnum):
    """Whose CSV file it is."""

    FRED = "fred"
    ZILLOW = "zillow"


@app.command("load")
def load_command(
    file: Annotated[Path, typer.Argument(help="The publisher's CSV file.")],
    *,
    tenant: TenantId,
    layout: Annotated[
        Layout, typer.Option(help="Whose file it is: FRED (or ALFRED, with vintages) or Zillow Research.")
    ],
    metric: Annotated[str, typer.Option(help="What the numbers are, as in mortgage_rate (docs/market.md).")],
    area: Annotated[
        list[str] | None,
        typer.Option(
            help="Of FRED the area that the series is of, national unless said; of Zillow the areas to take, "
            "national and the tenant's own unless said."
        ),
    ] = None,
    series: Annotated[str | None, typer.Option(help="The column, if a FRED file has several series.")] = None,
    delay_days: Annotated[
        int | None,
        typer.Option(min=0, max=366, help="Days from a number's date to its publication, if not the usual ones."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Append a market series from a file. Loading it twice is a no-op; values that changed are kept as revisions."""
    with Home(settings()) as home:
        known, now = home.events.tenant(tenant), datetime.now(UTC)
        areas = area or [NATIONAL, *([known.area] if known.area and layout is Layout.ZILLOW else [])]
        if layout is Layout.FRED:
            batch = read_fred(file, metric, area=_only(areas), series=series, delay_days=delay_days)
        else:
            batch = read_zillow(file, metric, areas=areas, delay_days=delay_days)
        report = home.events.context.append(tenant, batch.observations, now=now, places=batch.places)
        rejected = (*batch.rejected, *report.rejected)
        home.events.quarantine(tenant, rejected, f"market {layout} {metric}", now)
    value = _value(tenant, metric, batch, report)
    _tell(value, known, areas)
    emit(value, as_json=as_json, table=table(f"{metric} of {file.name}", ("", ""), list(value.items())))


@app.command("area")
def area_command(
    area: Annotated[str, typer.Argument(help="As its series name it, as in 'Denver, CO'; national for none.")],
    *,
    tenant: TenantId,
    as_json: Json = False,
) -> None:
    """Say in which area a tenant works: its leads are described by that market, else by the country's."""
    if fault := fault_of_area(area):
        raise InputError(f"The area {fault}.", mend="Name it as `lintel market list` does.")
    with Home(settings()) as home:
        home.events.put_tenant(replace(home.events.tenant(tenant), area=None if area == NATIONAL else area))
    emit({"tenant": tenant, "area": area}, as_json=as_json, table=f"{tenant}: {area}")


@app.command("list")
def list_command(*, tenant: TenantId, as_json: Json = False) -> None:
    """The market series of a tenant, and which of them its features read."""
    with Home(settings()) as home:
        found, own = home.events.context.series(tenant), home.events.tenant(tenant).area
    names = ("area", "metric", "observations", "vintages", "first", "last", "published", "read")
    rows = [
        (
            one.area,
            one.metric,
            one.observations,
            one.vintages,
            *(time_text(moment)[:10] for moment in (one.first_observed, one.last_observed, one.last_published)),
            one.area in {own, NATIONAL},
        )
        for one in found
    ]
    value = {"tenant": tenant, "area": own or NATIONAL, "series": [dict(zip(names, row, strict=True)) for row in rows]}
    emit(value, as_json=as_json, table=table(f"market series of {tenant} ({own or NATIONAL})", names, rows))


def _only(areas: list[str]) -> str:
    if len(areas) != 1:
        raise InputError("A series of FRED is of one area.", mend="Give --area once.")
    return areas[0]


def _value(tenant: str, metric: str, batch: MarketBatch, report: ContextReport) -> dict[str, Any]:
    rejected = (*batch.rejected, *report.rejected)
    reasons = [f"{one.column}: {one.reason}" for one in rejected]
    return {
        "tenant": tenant,
        "metric": metric,
        "areas": sorted({one.area for one in batch.observations}),
        "read": len(batch.observations) + len(batch.rejected),
        "appended": report.appended,
        "revised": report.revised,
        "duplicates": report.duplicates,
        "quarantined": len(rejected),
        "reasons": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
    }


def _tell(value: Mapping[str, Any], tenant: Tenant, areas: list[str]) -> None:
    """What a reader of the figures must know; raises InputError if nothing could be taken."""
    if value["read"] == value["quarantined"]:
        reason = next(iter(value["reasons"]), "the file holds no numbers")
        raise InputError(f"No number could be taken: {reason}.", mend="Check the file, --layout and --metric.")
    if value["quarantined"]:
        note(f"{value['quarantined']} in quarantine: `lintel quarantine --tenant {tenant.id}` shows why.")
    for absent in sorted(set(areas) - set(value["areas"])):
        note(f"There is nothing of the area {absent}.")
    for other in sorted(set(value["areas"]) - {NATIONAL, tenant.area}):
        note(f"Features read {other} once it is the area of {tenant.id}: `lintel market area`.")
