"""`lintel ingest`: events from a source into the store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.new_tenant import Labels, Zone, check_new
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, progress, table
from lintel.errors import InputError, NotFoundError
from lintel.home import Home, check_tenant_id
from lintel.settings import settings
from lintel.sources.bpic2012 import bpic2012, bpic2012_tenant
from lintel.sources.csv import CsvSource
from lintel.sources.csv_mapping import read_csv_mapping
from lintel.sources.datasets import pull
from lintel.sources.simulator import Simulator, preset
from lintel.sources.source import Source
from lintel.sources.xes import XesSource
from lintel.sources.xes_mapping import read_xes_mapping
from lintel.store.ingest import IngestReport
from lintel.store.ingest import ingest as ingest_source
from lintel.store.tenants import Tenant

app = typer.Typer(help="Append events from a file, a data set or the simulator. Appending twice is a no-op.")

SIMULATED_TENANT = "sim-denver"
"""A tenant of the preset world `demo`."""

File = Annotated[Path, typer.Argument(help="The file to read.")]
Mapping = Annotated[Path, typer.Option("--mapping", help="TOML file that maps the source's words onto Lintel's kinds.")]


@app.command("csv")
def csv_command(
    file: File,
    *,
    mapping: Mapping,
    tenant: TenantId,
    labels: Labels = "crm",
    time_zone: Zone = "UTC",
    as_json: Json = False,
) -> None:
    """Append the rows of a CSV file, read by a mapping file (docs/sources.md)."""
    _run(CsvSource(file, read_csv_mapping(mapping)), Tenant(tenant, labels=labels, time_zone=time_zone), as_json)


@app.command("xes")
def xes_command(
    file: File,
    *,
    mapping: Mapping,
    tenant: TenantId,
    labels: Labels = "crm",
    time_zone: Zone = "UTC",
    as_json: Json = False,
) -> None:
    """Append the events of an XES log, plain or gzipped, read by a mapping file (docs/sources.md)."""
    _run(XesSource(file, read_xes_mapping(mapping)), Tenant(tenant, labels=labels, time_zone=time_zone), as_json)


@app.command("bpic2012")
def bpic2012_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Append the BPI Challenge 2012 loan funnel, which is fetched first if it is not here yet."""
    check_tenant_id(tenant)
    path = pull("bpic2012", mirror=settings().data_mirror, into=settings().data_path)
    _run(bpic2012(path), bpic2012_tenant(tenant), as_json)


@app.command("simulator")
def simulator_command(
    tenant: TenantId = SIMULATED_TENANT,
    world: Annotated[str, typer.Option(help="The preset world that is simulated (docs/simulator.md).")] = "demo",
    leads: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many leads there are.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 7,
    as_json: Json = False,
) -> None:
    """Append a simulated brokerage whose true probabilities are known; all its figures are labelled as simulated."""
    source = Simulator(preset(world), tenant, seed=seed, leads=leads)
    _run(source, source.tenant_settings(), as_json)


def _run(source: Source, tenant: Tenant, as_json: bool) -> None:
    with Home(settings()) as home:
        report = take_in(home, source, tenant)
    if report.quarantined:
        rows = "1 row is" if report.quarantined == 1 else f"{report.quarantined} rows are"
        note(f"{rows} in quarantine: `lintel quarantine --tenant {tenant.id}` shows why.")
    if report.clock_moved_days is not None:
        days = round(report.clock_moved_days)
        note(f"The newest of these events moved the clock of {tenant.id} {days} days on: leads are scored as of then.")
    if report.read and not report.appended and not report.duplicates:
        commonest = next(iter(report.reasons), "no reason")
        rows = "The one row" if report.read == 1 else f"None of {report.read} rows"
        could = "could not" if report.read == 1 else "could"
        fault = f"{rows} of {source.name} {could} be taken; most often: {commonest}."
        raise InputError(fault, mend="Check the mapping.")
    value = _value(tenant, source, report)
    emit(value, as_json=as_json, table=table(f"events of {source.name}", ("", ""), list(value.items())))


def take_in(home: Home, source: Source, tenant: Tenant) -> IngestReport:
    """Make the tenant if it is new, then append the source's events with a progress bar."""
    check_new(tenant)
    try:
        home.events.tenant(tenant.id)
    except NotFoundError:
        home.events.put_tenant(tenant)
    with progress(f"taking in {source.name}", source.total) as advance:
        return ingest_source(home.events, source, tenant.id, now=datetime.now(UTC), progress=advance)


def _value(tenant: Tenant, source: Source, report: IngestReport) -> dict[str, Any]:
    return {
        "tenant": tenant.id,
        "source": source.name,
        "read": report.read,
        "appended": report.appended,
        "duplicates": report.duplicates,
        "quarantined": report.quarantined,
        "reasons": dict(report.reasons),
        "clock_moved_days": report.clock_moved_days,
    }
