"""Features of the leads as they are tonight."""

from datetime import UTC, datetime

import dagster as dg
import pyarrow.parquet as pq

from assets.gates import gate
from assets.ingest import event_lake
from assets.tenants import TENANTS
from assets.whole_file import whole_file
from expectations import features as features_suite
from expectations.evaluation import evaluate
from lintel.features.catalogue import catalogue
from lintel.features.drivers import nightly_features
from lintel.home import Home

FILE = "lead_features.parquet"


@dg.asset(
    deps=[event_lake], group_name="features", partitions_def=TENANTS, kinds={"numpy", "parquet"}, code_version="1"
)
def lead_features(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Every declared feature of every lead, as of the tenant's clock: what the scores of tonight are computed from."""
    log = home.log(context.partition_key, now=datetime.now(UTC))
    frame = nightly_features(
        log.columns, log.lead_ids, as_of=log.as_of, time_zone=log.tenant.time_zone, context=log.context
    )
    table = frame.table()
    with whole_file(home.work(log.tenant.id, FILE)) as path:
        pq.write_table(table, path, compression="zstd")
    home.erase_late(log.tenant.id, log.lead_ids)
    constant = [name for name in catalogue().names if frame.is_constant(name)]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(table),
            "as_of": log.as_of.isoformat(),
            "features": len(catalogue()),
            "feature_version": catalogue().digest,
            "market_observations": len(log.context),
            "constant_here": len(constant),
            "constant_features": dg.MetadataValue.md(", ".join(f"`{name}`" for name in constant) or "none"),
        }
    )


@dg.asset_check(asset=lead_features, blocking=True, partitions_def=TENANTS)
def lead_features_are_sound(
    context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]
) -> dg.AssetCheckResult:
    """The catalogue's columns in full, one row a lead, counts that are not negative, shares in 0..1."""
    tenant, now = context.partition_key, datetime.now(UTC)
    log = home.log(tenant, now=now)
    table = features_suite.frame(pq.read_table(home.work(tenant, FILE)), catalogue(), log.as_of)
    rules = features_suite.rules(catalogue(), len(log.lead_ids))
    return gate(home, tenant, evaluate(table, features_suite.NAME, rules), now)
