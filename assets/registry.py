"""Candidate, gate, champion, and the bento that serves it."""

from datetime import UTC, datetime

import dagster as dg

from assets.tenants import TENANTS
from assets.training import BUNDLE, EXAMPLES, score_bundle
from bentos.lead_scoring.build import build
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.champion import champion_entry
from lintel.registry.promotion import challenge, gate
from lintel.registry.rollout import mirror, promote
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples

ACTOR = machine("nightly")


@dg.asset_check(asset=score_bundle, blocking=True, partitions_def=TENANTS)
def score_bundle_beats_the_base_rate(
    context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]
) -> dg.AssetCheckResult:
    """The gate: better than the base rate in log loss, on the newest fold, in every dimension that it scores."""
    verdict = gate(Bundle.load(home.work(context.partition_key, BUNDLE)).metrics)
    return dg.AssetCheckResult(passed=verdict.passed, metadata={"reasons": "\n".join(verdict.reasons)})


@dg.asset(deps=[score_bundle], group_name="registry", partitions_def=TENANTS, kinds={"mlflow"}, code_version="1")
def model_version(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """The bundle as a version in the MLflow registry. The MLflow run and the Dagster run name each other."""
    tenant = context.partition_key
    tags = {"dagster_run_id": context.run.run_id, "lintel.tenant": tenant}
    version = home.registry.register(home.work(tenant, BUNDLE), scope=tenant, tags=tags)
    return dg.MaterializeResult(
        metadata={
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            "mlflow_run_id": version.run_id,
        }
    )


@dg.asset(deps=[model_version], group_name="registry", partitions_def=TENANTS, kinds={"mlflow"}, code_version="1")
def champion(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Who answers: the new version if it is better beyond noise than the one that answers now, on the same rows."""
    tenant = context.partition_key
    candidate = Bundle.load(home.work(tenant, BUNDLE))
    version = home.registry.by_digest(tenant, candidate.digest)
    examples = Examples.load(home.work(tenant, EXAMPLES))
    current = champion_entry(home.traffic, tenant)
    verdict = challenge(candidate, current, examples, registry=home.registry, scope=tenant)
    reason = "; ".join(verdict.reasons)
    home.registry.note_decision(tenant, version.version, reason)
    if verdict.passed:
        promote(home.registry, home.traffic, version, scope=tenant, actor=ACTOR, reason=reason, now=datetime.now(UTC))
    mirror(home.registry, home.traffic, scope=tenant)
    serving = champion_entry(home.traffic, tenant)
    return dg.MaterializeResult(
        metadata={
            "promoted": verdict.passed,
            "reason": reason,
            "challenger": version.version,
            "version": serving.model_version if serving else None,
            "digest": serving.digest if serving else None,
        }
    )


@dg.asset(deps=[champion], group_name="registry", partitions_def=TENANTS, kinds={"bentoml"}, code_version="1")
def lead_scoring_bento(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """The service, with tonight's champion inside as its last resort; it follows the traffic table by itself."""
    serving = champion_entry(home.traffic, context.partition_key)
    if serving is None:
        raise dg.Failure(f"no champion serves {context.partition_key!r}", allow_retries=False)
    path = home.registry.fetch_digest(context.partition_key, serving.digest)
    tag = build(path, serving.digest, settings=home.settings)
    return dg.MaterializeResult(metadata={"tag": tag, "bundle": serving.digest})
