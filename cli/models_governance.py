"""`lintel models approve`, `reject`, `retire`, `gates`, `history`, `report`: what people do about versions."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.account import As, actor
from cli.compliance_page import compliance_html
from cli.models_options import Reason, Version
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table, write_page
from lintel.errors import InputError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.compliance import compliance_report
from lintel.registry.history import changes, scored_at, traffic_at
from lintel.registry.lifecycle import ModelState
from lintel.registry.rulings import gate_cells, ruling
from lintel.settings import settings

_GATES = ("gate", "", "verdict", "figure", "bound", "")


def approve_command(
    version: Version, reason: Reason, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Let a pending version answer; `lintel models promote`, or the next nightly run, puts it in front of callers."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        state = acts.approve(home, tenant, version, actor=actor(by), reason=reason, now=datetime.now(UTC))
    _emit_state(state, as_json=as_json)


def reject_command(
    version: Version, reason: Reason, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Keep a version from answering."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        state = acts.reject(home, tenant, version, actor=actor(by), reason=reason, now=datetime.now(UTC))
    _emit_state(state, as_json=as_json)


def retire_command(
    version: Version, reason: Reason, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Take a version that does not answer out of consideration."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        state = acts.retire(home, tenant, version, actor=actor(by), reason=reason, now=datetime.now(UTC))
    _emit_state(state, as_json=as_json)


def gates_command(version: Version, tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """What the gates said of a version, each figure beside its bound, and what followed."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        state = acts.state_of(home, tenant, version, now=datetime.now(UTC))
    value = {**_state_json(state), "gates": [one.to_json() for one in state.gates]}
    shown = table(f"gates of version {version} ({state.state})", _GATES, [gate_cells(one) for one in state.gates])
    emit(value, as_json=as_json, table=Group(shown, Text(ruling(state))))


def history_command(
    tenant: TenantId = DEFAULT_TENANT,
    lead: Annotated[str | None, typer.Option("--lead", help="Which model scored this lead.")] = None,
    at: Annotated[datetime | None, typer.Option(help="At that minute, UTC; now unless given.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many changes to show at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Which model answered when, on which data, approved by whom; of one lead, at one minute."""
    if at is not None and lead is None:
        raise InputError("--at asks about one lead.", mend="Name it with --lead.")
    moment = datetime.now(UTC) if at is None else at.replace(tzinfo=at.tzinfo or UTC)
    with Home(settings()) as home:
        home.events.tenant(tenant)
        if lead is None:
            listed = changes(home, tenant, limit=limit)
            emit({"tenant": tenant, "changes": listed}, as_json=as_json, table=_changes_table(tenant, listed))
            return
        answer = scored_at(home, tenant, lead, moment)
        traffic = traffic_at(home, tenant, moment)
        waiting = len(home.predictions.waiting())
    value = {
        "tenant": tenant,
        "lead_id": lead,
        "at": moment.isoformat(),
        "answer": answer,
        "traffic": traffic,
        "segments_waiting": waiting,
    }
    emit(value, as_json=as_json, table=_answer_table(lead, answer, waiting))


def report_command(
    version: Version,
    tenant: TenantId = DEFAULT_TENANT,
    output: Annotated[Path | None, typer.Option(help="File to write the page to.")] = None,
    as_json: Json = False,
) -> None:
    """Write the compliance report of a version: a page, and beside it the same as JSON."""
    path = output or Path(f"compliance-{tenant}-{version}.html")
    if path.suffix == ".json":
        raise InputError("The report as JSON is written beside the page.", mend="Name the page: --output report.html.")
    with Home(settings()) as home:
        home.events.tenant(tenant)
        report = compliance_report(home, tenant, version, now=datetime.now(UTC))
    write_page(path, compliance_html(report))
    write_page(path.with_suffix(".json"), json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    value = {"tenant": tenant, "version": version, "path": str(path), "report": report}
    emit(value, as_json=as_json, table=f"wrote {path} and {path.with_suffix('.json')}")


def _emit_state(state: ModelState, *, as_json: bool) -> None:
    emit(_state_json(state), as_json=as_json, table=f"version {state.version} of {state.scope} is {state.state}")


def _state_json(state: ModelState) -> dict[str, Any]:
    return {
        "tenant": state.scope,
        "version": state.version,
        "digest": state.digest,
        "state": str(state.state),
        "risk": str(state.risk),
        "trained_by": state.trained_by.name,
        "reason": ruling(state),
    }


def _changes_table(tenant: str, listed: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (one["since"][:16].replace("T", " "), _parts(one["models"]), _approvers(one["models"]), one["actor"])
        for one in listed
    ]
    return table(f"who answered for {tenant}", ("since (UTC)", "version", "approved by", "assigned by"), rows)


def _parts(models: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['version']} ({one['mode']}, {one['weight']:.0%})" for one in models)


def _approvers(models: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(one["approved"]["by"] if one["approved"] else "not recorded" for one in models)


def _answer_table(lead: str, answer: Mapping[str, Any] | None, waiting: int) -> Table | str:
    if answer is None:
        more = f" {waiting} segments of the prediction log wait for the compaction." if waiting else ""
        return f"Nothing was said about {lead} by then.{more}"
    model, data = answer["model"], answer["model"].get("data") or {}
    approved = model.get("approved") or {}
    rows = [
        ("answered (UTC)", answer["answered_at"]),
        ("by", f"version {model['version']}, {model['digest']}"),
        ("told by", answer.get("served_by") or answer["told_by"]),
        ("as of", f"{answer['as_of']}, event {answer['seq']}"),
        ("trained on", f"{data.get('data')}, {data.get('data_digest')}"),
        ("known until", data.get("known_until")),
        ("approved by", f"{approved.get('by', 'not recorded')} ({approved.get('at', 'before states were kept')})"),
        ("because", approved.get("reason", "")),
    ]
    return table(f"lead {lead}", ("", ""), rows)
