"""Whether each tenant's night and the compaction of the prediction log really happened, and whether training is asked
for in vain."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from lintel.automation.refusals import refusals
from lintel.automation.regularity import missed
from lintel.errors import LintelError
from lintel.home import Home
from orchestration.alert_sensor import DagsterRuns
from orchestration.failed_runs import AREA
from orchestration.jobs import nightly, prediction_log

_TRIGGERS = 100
"""The newest of a tenant, which are more than a day's."""
_KEPT = 100
"""Findings of a kind: what was wrong in the last months."""


@dg.sensor(minimum_interval_seconds=1_800, default_status=dg.DefaultSensorStatus.RUNNING)
def regularity(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Iterator[dg.SkipReason]:
    """Each half hour: a finding where a night or a compaction did not happen, or training is refused again and again,
    and one where all is well again.

    The cursor keeps when each tenant was first seen with events: a new one has a day before its night is missed.
    """
    now = datetime.now(UTC)
    tenants = [one.id for one in home.events.tenants() if home.events.has_events(one.id)]
    seen = {one: now.isoformat() for one in tenants} | json.loads(context.cursor or "{}")
    context.update_cursor(json.dumps({one: seen[one] for one in tenants}))
    runs = DagsterRuns(context.instance)
    succeeded = runs.succeeded(nightly.name, tenants)
    found = missed(
        {one: succeeded.get(one) for one in tenants},
        {one: datetime.fromisoformat(moment) for one, moment in seen.items()},
        _compacted_at(context.instance),
        len(home.predictions.waiting()),
        now,
    )
    late = {one.tenant: one.explanation for one in found}
    told = [f"{who or 'all'}: {words}" for who, words in late.items()]
    for tenant in tenants:
        refused = refusals(home.triggers.newest(tenant, _TRIGGERS), now)
        told += [f"{tenant}: {refused}"] if refused else []
        try:
            _write(home, tenant, {"night": late.get(tenant), "compaction": late.get(""), "refusals": refused})
        except LintelError as error:
            context.log.error("findings of %s cannot be read: %s", tenant, error)
    yield dg.SkipReason("; ".join(told) or "All in time.")


def _compacted_at(instance: dg.DagsterInstance) -> datetime | None:
    filters = dg.RunsFilter(job_name=prediction_log.name, statuses=[dg.DagsterRunStatus.SUCCESS])
    records = instance.get_run_records(filters, limit=1)
    return records[0].update_timestamp.astimezone(UTC) if records else None


def _write(home: Home, tenant: str, told: Mapping[str, str | None]) -> None:
    """Only what has changed since the last finding of its kind, each at a moment of its own; None is all well."""
    before = {finding.get("kind"): bool(finding["alarm"]) for finding in home.monitoring.read(tenant, AREA)}
    for kind, words in told.items():
        if before.get(kind, False) != (words is not None):
            finding = {"kind": kind, "alarm": words is not None, "explanation": words or "It is as it should be again."}
            home.monitoring.write(tenant, AREA, datetime.now(UTC), finding)
    home.monitoring.forget(tenant, AREA, kept=_KEPT, by="kind")
