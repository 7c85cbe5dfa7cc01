"""Scores of all open leads."""

from datetime import UTC, datetime

import dagster as dg

from assets.features import lead_features
from assets.registry import champion
from assets.tenants import TENANTS
from lintel.home import Home
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.scoring.answers import score_batch, store_batch


@dg.asset(
    deps=[champion, lead_features], group_name="scoring", partitions_def=TENANTS, kinds={"xgboost"}, code_version="1"
)
def lead_scores(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Every open lead's answer from the champion, stored for lists and as the last resort of an outage; none while the
    first version of a tenant waits for a person's approval."""
    tenant = context.partition_key
    if champion_entry(home.traffic, tenant) is None:
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "waits_for": "the approval of a first version"})
    log = home.log(tenant, now=datetime.now(UTC))
    model = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
    now = datetime.now(UTC)
    seq = home.lake.watermark(tenant)
    answers = score_batch(model.bundle, log, seq=seq, model_version=model.version, scores=home.scores, now=now)
    retired = store_batch(home.scores, log, model.bundle.digest, answers, now)
    home.last_scores.write(tenant, answers, now)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(answers),
            "off_the_list": retired,
            "as_of": log.as_of.isoformat(),
            "model_version": model.version,
        }
    )
