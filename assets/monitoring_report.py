"""The monitoring page of a tenant."""

from datetime import UTC, datetime

import dagster as dg

from assets.consistency import consistency
from assets.drift import drift
from assets.performance import performance
from assets.tenants import TENANTS
from assets.training import EXAMPLES
from assets.whole_file import whole_file
from lintel.home import Home
from lintel.monitoring.overview import overview
from lintel.monitoring.page import monitoring_html

FILE = "monitoring.html"


@dg.asset(
    deps=[performance, consistency, drift],
    group_name="monitoring",
    partitions_def=TENANTS,
    kinds={"html"},
    code_version="1",
)
def monitoring_report(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """One page: who answers, performance expected and realised, drift, calibration, rollout, consistency, data
    readiness, open alerts. `lintel monitor` shows it as of now."""
    tenant = context.partition_key
    found = overview(home, tenant, now=datetime.now(UTC), examples=EXAMPLES)
    path = home.work(tenant, FILE)
    with whole_file(path) as partial:
        partial.write_text(monitoring_html(found), encoding="utf-8")
    alarms = [area for area, one in found["findings"].items() if one is not None and one["alarm"]]
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(path),
            "alarms": ", ".join(alarms) or "none",
            "open_alerts": len(found["alerts"]),
            "readiness": dg.MetadataValue.md(_table(found["readiness"])),
        }
    )


def _table(readiness: list[dict[str, str]]) -> str:
    lines = ["| dimension | |", "|---|---|", *(f"| {one['dimension']} | {one['sentence']} |" for one in readiness)]
    return "\n".join(lines)
