"""Recordings that were put into the inbox: each becomes a partition and a run."""

import dagster as dg

from assets.voice import RECORDINGS
from lintel.home import Home
from lintel.voice.inbox import ready
from orchestration.jobs import recorded_calls, transcription_quality

_A_TICK = 20
"""Runs that one tick asks for; the rest follow with the next."""


@dg.sensor(job=recorded_calls, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def recordings_folder(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> dg.SensorResult:
    """Every half minute: recordings of known tenants that no run has been asked for."""
    name = str(RECORDINGS.name)
    known = set(context.instance.get_dynamic_partitions(name))
    tenants = {tenant.id for tenant in home.events.tenants()}
    fresh = [one.key for one in ready(home.settings.inbox) if one.key not in known and one.tenant in tenants][:_A_TICK]
    requests = [dg.RunRequest(run_key=key, partition_key=key) for key in fresh]
    added = [RECORDINGS.build_add_request(fresh)] if fresh else []
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=added)


@dg.schedule(
    job=recorded_calls,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def recordings_by_night(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Each night: recordings still in the inbox of which no insights came, once more."""
    done = context.instance.get_materialized_partitions(dg.AssetKey("call_insights"))
    left = [one.key for one in ready(home.settings.inbox) if one.key not in done]
    known = set(context.instance.get_dynamic_partitions(str(RECORDINGS.name)))
    night = context.scheduled_execution_time.date().isoformat()
    requests = [dg.RunRequest(run_key=f"{key}:{night}", partition_key=key) for key in left if key in known]
    return requests or dg.SkipReason("Every recording has its insights.")


@dg.schedule(
    job=transcription_quality,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def quality_by_week() -> dg.RunRequest:
    """Each week: how well transcription hears."""
    return dg.RunRequest()


SCHEDULES = [recordings_by_night, quality_by_week]
