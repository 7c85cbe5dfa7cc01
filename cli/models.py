"""`lintel models`: versions, who answers now, and who did."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Group
from rich.table import Table

from cli import models_governance, models_weights
from cli.account import As, actor
from cli.models_options import Reason, Version
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.home import Home
from lintel.registry import acts
from lintel.settings import settings

app = typer.Typer(help="Registered score bundles of a tenant, and which of them answers.")


for name, command in (
    ("approve", models_governance.approve_command),
    ("reject", models_governance.reject_command),
    ("retire", models_governance.retire_command),
    ("gates", models_governance.gates_command),
    ("history", models_governance.history_command),
    ("report", models_governance.report_command),
    ("pull", models_weights.pull_command),
):
    app.command(name)(command)


@app.command("list")
def list_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Versions in the registry, newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        states = {one.version: str(one.state) for one in home.states.all(tenant)}
        versions = [
            {
                "name": one.name,
                "version": one.version,
                "digest": one.digest,
                "created_at": one.created_at.isoformat(),
                "mlflow_run": one.run_id,
                "dagster_run": (one.tags or {}).get("dagster_run_id"),
                "aliases": list(one.aliases),
                "state": states.get(one.version),
            }
            for one in home.registry.versions(tenant)
        ]
    emit({"tenant": tenant, "versions": versions}, as_json=as_json, table=_versions_table(tenant, versions))


def _versions_table(tenant: str, versions: Sequence[Mapping[str, Any]]) -> Table:
    """Without the ids of the runs, which `--json` gives."""
    rows = [
        (one["version"], _minute(one["created_at"]), one["state"], ", ".join(one["aliases"]), _sha256(one["digest"]))
        for one in versions
    ]
    return table(f"models of {tenant}", ("version", "made", "state", "aliases", "digest (sha256)"), rows)


def _sha256(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _minute(moment: str) -> str:
    """An ISO 8601 time without what is smaller than a minute."""
    return moment[:16].replace("T", " ")


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
    shown = Group(table(f"traffic of {tenant}", ("version", "digest", "weight", "mode"), rows), _history_table(history))
    emit({"tenant": tenant, "traffic": entries, "history": history}, as_json=as_json, table=shown)


def _history_table(history: Sequence[Mapping[str, Any]]) -> Table:
    rows = [(_minute(one["assigned_at"]), _parts(one["entries"]), one["actor"], one["reason"]) for one in history]
    return table("changes, newest first", ("when (UTC)", "who answered from then on", "by", "reason"), rows)


def _parts(entries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"version {one['model_version']} ({one['mode']}, {one['weight']:.0%})" for one in entries)


@app.command("promote")
def promote_command(
    version: Version, reason: Reason, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Make an approved version, or a former champion, the champion; workers follow within a second or two."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        state = acts.promote(home, tenant, version, actor=actor(by), reason=reason, now=datetime.now(UTC))
    value = {"tenant": tenant, "version": version, "digest": state.digest, "state": state.state}
    emit(value, as_json=as_json, table=f"version {version} answers for {tenant} now")


@app.command("fetch")
def fetch_command(version: Version, tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Bring a version's files back from MLflow to where workers load them from."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        path = home.registry.fetch(tenant, version)
    emit({"tenant": tenant, "version": version, "path": str(path)}, as_json=as_json, table=str(path))
