"""The event log as the nightly run reads it."""

from datetime import UTC, datetime

import dagster as dg

from assets.gates import gate, gated
from assets.tenants import TENANTS
from expectations import timeliness
from expectations.evaluation import evaluate
from expectations.event_gate import judge_log, rhythm
from lintel.home import Home


@dg.asset(group_name="ingest", partitions_def=TENANTS, kinds={"parquet"}, code_version="1")
def event_lake(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Columnar copy of the tenant's event log, partitioned by ingest day: what every nightly step reads."""
    tenant = context.partition_key
    report = home.lake.advance(home.events, tenant, now=datetime.now(UTC))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": home.events.count(tenant),
            "events_added": report.added,
            "watermark": home.lake.watermark(tenant),
            "digest": home.lake.digest(tenant),
            "quarantined": len(home.events.quarantined(tenant, limit=1_000)),
            "set_aside": len(home.events.seqs_aside(tenant)),
        }
    )


@dg.asset_check(asset=event_lake, blocking=True, partitions_def=TENANTS)
def event_lake_is_sound(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Identity, order of times, registered kinds, finite values and references of every event.

    Events that break a rule by themselves are set aside, and return when they are mended; too many of them stop the
    run.
    """
    tenant, now = context.partition_key, datetime.now(UTC)
    judged = judge_log(
        home.lake.recorded(tenant), home.events.released(tenant), now, home.settings.gate_set_aside_share
    )
    report = None
    if not judged.verdict.blocked:
        report = home.events.set_aside(tenant, judged.faults, now)
        home.lake.leave_out(home.events, tenant)
    figures = {} if report is None else {"newly_set_aside": report.added, "returned": report.returned}
    return gated(home, tenant, judged.verdict, now, figures)


@dg.asset_check(asset=event_lake, blocking=True, partitions_def=TENANTS)
def event_lake_is_timely(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """The newest event is as new, and the last days brought as many events, as this tenant's own weeks say: a warning.

    Of a log that has ended nothing is said: it is never stale.
    """
    tenant, now = context.partition_key, datetime.now(UTC)
    times = home.lake.read(tenant, columns=["known_at", "ingested_at"])
    fresh, days = rhythm(times, home.events.tenant(tenant), now)
    result = evaluate(timeliness.frame(fresh, days), timeliness.NAME, timeliness.rules())
    figures = {} if fresh is None else {"hours_since_newest": round(fresh.hours, 2)}
    return gate(home, tenant, result, now, figures)
