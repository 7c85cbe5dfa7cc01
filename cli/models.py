"""`lintel models`: versions, who answers now, and who did."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.home import Home
from lintel.registry.rollout import promote
from lintel.settings import settings

app = typer.Typer(help="Registered score bundles of a tenant, and which of them answers.")


@app.command("list")
def list_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Versions in the registry, newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        versions = [
            {
                "name": one.name,
                "version": one.version,
                "digest": one.digest,
                "created_at": one.created_at.isoformat(),
                "mlflow_run": one.run_id,
                "dagster_run": (one.tags or {}).get("dagster_run_id"),
                "aliases": list(one.aliases),
            }
            for one in home.registry.versions(tenant)
        ]
    rows = [tuple(str(cell)[:40] for cell in one.values()) for one in versions]
    names = tuple(versions[0]) if versions else ("version",)
    emit({"tenant": tenant, "versions": versions}, as_json=as_json, table=table(f"models of {tenant}", names, rows))


@app.command("traffic")
def traffic_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Which version answers, and every change of that, newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        entries = [
            {"version": one.model_version, "digest": one.digest, "weight": one.weight, "mode": str(one.mode)}
            for one in home.traffic.read(tenant)
        ]
        history = home.traffic.history(tenant)
    rows = [tuple(entry.values()) for entry in entries]
    shown = table(f"traffic of {tenant}", ("version", "digest", "weight", "mode"), rows)
    emit({"tenant": tenant, "traffic": entries, "history": history}, as_json=as_json, table=shown)


@app.command("promote")
def promote_command(
    version: int,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")],
    tenant: TenantId = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Make a version the champion; workers follow within a second or two."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        chosen = home.registry.version(tenant, version)
        now = datetime.now(UTC)
        promote(home.registry, home.traffic, chosen, scope=tenant, actor="command line", reason=reason, now=now)
    value = {"tenant": tenant, "version": version, "digest": chosen.digest}
    emit(value, as_json=as_json, table=f"version {version} answers for {tenant} now")


@app.command("fetch")
def fetch_command(version: int, tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Bring a version's files back from MLflow to where workers load them from."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        path = home.registry.fetch(tenant, version)
    emit({"tenant": tenant, "version": version, "path": str(path)}, as_json=as_json, table=str(path))
