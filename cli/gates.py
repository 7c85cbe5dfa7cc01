"""`lintel gates`: what the data gates of a tenant's last night found."""

from typing import Annotated, Any

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.home import Home
from lintel.settings import settings

_COLUMNS = ("suite", "at", "rows", "result", "rule", "unexpected", "what must hold")


def gates(
    tenant: TenantId = DEFAULT_TENANT,
    history: Annotated[int, typer.Option(min=1, max=1_000, help="How many results of each gate to show.")] = 1,
    as_json: Json = False,
) -> None:
    """The last results of the data gates: events, their timeliness, features, examples, scores."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        found = _newest(home.monitoring.read(tenant, "data"), history)
        index = home.settings.data_docs_path / "site" / "index.html"
    value = {"tenant": tenant, "gates": found, "data_docs": str(index) if index.exists() else None}
    emit(
        value,
        as_json=as_json,
        table=table(f"data gates of {tenant}", _COLUMNS, [row for one in found for row in _rows(one)]),
    )


def _newest(findings: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The newest `count` findings of each suite, newest first."""
    suites = sorted({one["suite"] for one in findings})
    return [one for suite in suites for one in [f for f in findings if f["suite"] == suite][::-1][:count]]


def _rows(finding: dict[str, Any]) -> list[tuple[object, ...]]:
    head = (finding["suite"], finding["at"][:19], f"{finding['rows']:,}", _result(finding))
    if not finding["broken"]:
        return [(*head, f"all {finding['evaluated']} hold", None, None)]
    return [
        (*(head if not place else (None,) * 4), one["rule"], one["unexpected"], one["meaning"])
        for place, one in enumerate(finding["broken"])
    ]


def _result(finding: dict[str, Any]) -> str:
    if finding["blocked"]:
        return "blocked"
    if finding["set_aside"]:
        return f"{finding['set_aside']:,} set aside"
    return "warns" if finding["alarm"] else "passed"
