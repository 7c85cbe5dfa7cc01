"""Whether what was served is what the lake says."""

from datetime import UTC, datetime

import dagster as dg

from assets.ingest import event_lake
from assets.tenants import TENANTS
from lintel.home import Home
from lintel.monitoring.consistency_check import AREA, check_consistency


@dg.asset(deps=[event_lake], group_name="monitoring", partitions_def=TENANTS, kinds={"numpy"}, code_version="1")
def consistency(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Logged answers since the last check, computed once more from the lake with the events that each could see: zero
    mismatches is the bar. What events that came late would have changed is told beside."""
    tenant, now = context.partition_key, datetime.now(UTC)
    finding = check_consistency(home, tenant, now=now)
    home.monitoring.write(tenant, AREA, now, finding)
    return dg.MaterializeResult(
        metadata={
            "alarm": finding["alarm"],
            "explanation": finding["explanation"],
            "answers": finding["answers"],
            "dagster/row_count": finding["compared"],
            "other_features": finding["digests"]["mismatched"],
            "other_scores": finding["scores"]["mismatched"],
            "by_feature": dg.MetadataValue.json(finding["features"]["by_feature"]),
            "changed_by_late_events": finding["late"]["answers"],
            "apart": dg.MetadataValue.json(finding["apart"]),
        }
    )
