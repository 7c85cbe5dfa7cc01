"""The event log as the nightly run reads it."""

from datetime import UTC, datetime

import dagster as dg

from assets.gates import check_result
from assets.tenants import TENANTS
from expectations import events as events_suite
from expectations.suite import validate
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
        }
    )


@dg.asset_check(asset=event_lake, blocking=True, partitions_def=TENANTS)
def event_lake_is_sound(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Identity, order of times, registered kinds and finite values of every event."""
    frame = home.lake.read(context.partition_key).to_pandas()
    return check_result(validate(frame, events_suite.NAME, events_suite.expectations()))
