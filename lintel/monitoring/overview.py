"""All that the monitoring page shows of a tenant, as plain data: the newest findings and what the stores say."""

from datetime import datetime, timedelta
from typing import Any

from lintel.errors import NotFoundError
from lintel.home import Home
from lintel.labels.definition import Undefined, load_label_set
from lintel.monitoring.readiness import outcome_counts, readiness
from lintel.monitoring.record import AREAS

EXAMPLES = "examples.parquet"
LOSSES_OF = timedelta(days=7)
_ANSWERS_OF = timedelta(days=1)
Json = dict[str, Any]


def overview(home: Home, tenant: str, *, now: datetime, examples: str = EXAMPLES) -> Json:
    """What is known of a tenant at `now`. Parts of which nothing is known yet are None or empty.

    `examples` is the name of the file of the newest training examples. Raises NotFoundError for no such tenant.
    """
    known = home.events.tenant(tenant)
    listed = home.rollouts.list(tenant, limit=1)
    rollout = home.rollouts.live(tenant) or (listed[0] if listed else None)
    gates = _gates(home, tenant)
    findings = {area: home.monitoring.newest(tenant, area) for area in AREAS}
    return {
        "tenant": tenant,
        "made_at": now.isoformat(),
        "simulated": known.simulated,
        "clock": known.clock.value,
        "traffic": [_entry(one) for one in home.traffic.read(tenant)],
        "answers": _answers(home, tenant, now),
        "findings": findings | {"data": next((one for one in gates if one["alarm"]), findings["data"])},
        "gates": gates,
        "rollout": None if rollout is None else rollout.to_json(),
        "readiness": _readiness(home, tenant, examples),
        "losses": _losses(home, now),
        "alerts": [_alert(one) for one in home.alerts.unresolved(tenant)],
    }


def _entry(entry: Any) -> Json:
    return {name: getattr(entry, name) for name in ("mode", "model_name", "model_version", "weight", "digest")}


def _answers(home: Home, tenant: str, now: datetime) -> Json:
    """Of the last day, as far as the log is compacted."""
    table = home.predictions.read(tenant, now - _ANSWERS_OF, now, columns=["served_by"])
    counts = table.group_by("served_by").aggregate([([], "count_all")]).to_pylist()
    return {"hours": 24, "count": len(table), "by_rung": {one["served_by"]: one["count_all"] for one in counts}}


def _gates(home: Home, tenant: str) -> list[Json]:
    """The newest finding of each data gate: one suite that passes says nothing of the others."""
    newest = {one["suite"]: one for one in home.monitoring.read(tenant, "data")}
    names = ("suite", "at", "alarm", "explanation")
    return [{name: newest[suite][name] for name in names} for suite in sorted(newest)]


def _readiness(home: Home, tenant: str, examples: str) -> list[Json]:
    try:
        labels = load_label_set(home.events.tenant(tenant).labels)
    except NotFoundError:  # a label file that is not on this machine
        return []
    undefined = {name: one.reason for name, one in labels.dimensions.items() if isinstance(one, Undefined)}
    return readiness(outcome_counts(home.work(tenant, examples)), undefined)


def _losses(home: Home, now: datetime) -> Json:
    """Of all tenants: a worker that dies cannot say whose answers it had."""
    found = home.predictions.losses(now - LOSSES_OF, now)
    return {
        "days": LOSSES_OF.days,
        "lost": sum(one.count or 0 for one in found),
        "without_count": sum(one.count is None for one in found),
        "reasons": sorted({one.reason for one in found if one.count != 0}),
    }


def _alert(alert: Any) -> Json:
    told = {name: str(getattr(alert, name)) for name in ("alert_id", "rule", "severity", "state", "summary", "runbook")}
    return told | {"first_at": alert.first_at.isoformat(), "last_at": alert.last_at.isoformat(), "count": alert.count}
