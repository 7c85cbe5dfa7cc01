"""`lintel monitor`: the monitoring page of a tenant, as of now."""

import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table, write_page
from lintel.home import Home
from lintel.monitoring.overview import overview
from lintel.monitoring.page import monitoring_html
from lintel.settings import settings

_FILE = "monitoring.html"


def monitor(
    tenant: TenantId = DEFAULT_TENANT,
    *,
    output: Annotated[Path | None, typer.Option(help="Where to write the page; in the home by default.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Write the monitoring page of a tenant, as of now: who answers, performance expected and realised, drift,
    calibration, rollout, consistency, data readiness, lost answers, open alerts. Findings are of the newest night."""
    with Home(settings()) as home:
        found = overview(home, tenant, now=datetime.now(UTC))
        path = (output or home.work(tenant, _FILE)).resolve()
    write_page(path, monitoring_html(found))
    if open_:
        webbrowser.open(path.as_uri())
    findings = {area: one for area, one in found["findings"].items() if one is not None}
    rows = [(area, "alarm" if one["alarm"] else "no alarm", one["explanation"]) for area, one in findings.items()]
    rows += [("readiness", one["dimension"], one["sentence"]) for one in found["readiness"]]
    emit(found | {"path": str(path)}, as_json=as_json, table=table(str(path), ("", "", ""), rows))
