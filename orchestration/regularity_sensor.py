"""Whether each tenant's night and the compaction of the prediction log really happened."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from lintel.automation.regularity import Missed, missed
from lintel.home import Home
from orchestration.alert_sensor import DagsterRuns
from orchestration.failed_runs import AREA
from orchestration.jobs import nightly, prediction_log

_KINDS = ("night", "compaction")


@dg.sensor(minimum_interval_seconds=1_800, default_status=dg.DefaultSensorStatus.RUNNING)
def regularity(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Iterator[dg.SkipReason]:
    """Each half hour: a finding where a night or a compaction did not happen, and one where it does again.

    The cursor keeps when each tenant was first seen: a new one has a day before its night is missed.
    """
    now = datetime.now(UTC)
    tenants = [one.id for one in home.events.tenants()]
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
    for tenant in tenants:
        _write(home, tenant, found)
    yield dg.SkipReason("; ".join(f"{one.tenant or 'all'}: {one.explanation}" for one in found) or "All in time.")


def _compacted_at(instance: dg.DagsterInstance) -> datetime | None:
    filters = dg.RunsFilter(job_name=prediction_log.name, statuses=[dg.DagsterRunStatus.SUCCESS])
    records = instance.get_run_records(filters, limit=1)
    return records[0].update_timestamp.astimezone(UTC) if records else None


def _write(home: Home, tenant: str, found: Sequence[Missed]) -> None:
    """Only what has changed since the last finding of its kind."""
    own = {
        kind: next((one for one in found if one.tenant == owner), None)
        for kind, owner in zip(_KINDS, (tenant, ""), strict=True)
    }
    for kind, one in own.items():
        before = [finding for finding in home.monitoring.read(tenant, AREA) if finding.get("kind") == kind]
        was = bool(before and before[-1]["alarm"])
        if was != (one is not None):
            words = one.explanation if one else "It happens in time again."
            home.monitoring.write(
                tenant, AREA, datetime.now(UTC), {"kind": kind, "alarm": one is not None, "explanation": words}
            )
