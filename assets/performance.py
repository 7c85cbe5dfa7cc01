"""How the models that answered did, and how they are expected to do where outcomes are not known yet."""

from datetime import UTC, datetime

import dagster as dg

from assets.pictures import picture
from assets.scoring import lead_scores
from assets.tenants import TENANTS
from assets.waiting import without_champion
from lintel.home import Home
from lintel.monitoring.page import performance_pictures
from lintel.monitoring.performance import performance_finding
from lintel.monitoring.track_record import COHORT_DAYS, track_record
from lintel.registry.champion import champion_bundle, champion_entry

AREA = "performance"


@dg.asset(deps=[lead_scores], group_name="monitoring", partitions_def=TENANTS, kinds={"numpy"}, code_version="1")
def performance(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Answers of the last cohorts, held against what became of their leads and against what they promised; before
    outcomes are known, what the probabilities let expect. Nothing while a tenant's first version waits for approval."""
    tenant, now, settings = context.partition_key, datetime.now(UTC), home.settings
    if champion_entry(home.traffic, tenant) is None:
        return without_champion()
    record = track_record(home, tenant, now=now, days=COHORT_DAYS)
    serving = champion_bundle(home.traffic, settings.bundles_path, tenant)
    finding = performance_finding(record.cohorts, serving.bundle.metrics["dimensions"], seed=settings.seed)
    finding |= {"champion": serving.version, "cohort_days": record.days, "left_out": record.left_out}
    home.monitoring.write(tenant, AREA, now, finding | {"rungs": record.rungs})
    pictures = {f"plot/{name}": picture(image) for name, image in performance_pictures(finding).items()}
    return dg.MaterializeResult(
        metadata={
            "alarm": finding["alarm"],
            "status": finding["status"],
            "explanation": finding["explanation"],
            "tests": finding["tests"],
            "answers_by_rung": dg.MetadataValue.json(record.rungs),
            "left_out": dg.MetadataValue.json(record.left_out),
            **pictures,
        }
    )
