"""Candidate, gates, champion, and the bento that serves it."""

from datetime import UTC, datetime

import dagster as dg

from assets.tenants import TENANTS
from assets.trainer import trainer
from assets.training import BUNDLE, EXAMPLES, score_bundle, stated_groups
from assets.waiting import without_champion
from bentos.lead_scoring.build import build
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.groups import FILE as GROUPS
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import machine
from lintel.registry.alias import watch
from lintel.registry.champion import champion_entry
from lintel.registry.code_version import environment_tags
from lintel.registry.examination import examine
from lintel.registry.gates import Examined
from lintel.registry.lifecycle import State
from lintel.registry.models import ModelVersion
from lintel.registry.promotion import gate
from lintel.registry.rollout import mirror
from lintel.registry.rulings import gates_markdown, ruling
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


@dg.asset(deps=[score_bundle], group_name="registry", partitions_def=TENANTS, kinds={"mlflow"}, code_version="2")
def model_version(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """The bundle as a version in the MLflow registry, a draft. The MLflow run and the Dagster run name each other."""
    tenant, now = context.partition_key, datetime.now(UTC)
    tags = {"dagster_run_id": context.run.run_id, "lintel.tenant": tenant, **environment_tags()}
    version = home.registry.register(home.work(tenant, BUNDLE), scope=tenant, tags=tags)
    state = acts.register(home, tenant, version, trained_by=trainer(context.run.tags), actor=ACTOR, now=now)
    return dg.MaterializeResult(
        metadata={
            "name": version.name,
            "version": version.version,
            "digest": version.digest,
            "mlflow_run_id": version.run_id,
            "state": str(state.state),
            "trained_by": f"{state.trained_by.name} ({state.trained_by.kind})",
        }
    )


@dg.asset(deps=[model_version], group_name="registry", partitions_def=TENANTS, kinds={"mlflow"}, code_version="1")
def model_gates(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """What the gates say of the new version, and what the policy makes of it: approved, pending, or rejected."""
    tenant, now = context.partition_key, datetime.now(UTC)
    version = _candidate(home, tenant)
    if acts.awaits_judgement(home, tenant, version.version, now=now):
        acts.judge(home, tenant, version.version, _examined(home, tenant), actor=ACTOR, now=now)
    acts.show(home, tenant)
    state = acts.state_of(home, tenant, version.version, now=now)
    return dg.MaterializeResult(
        metadata={
            "version": version.version,
            "state": str(state.state),
            "risk": str(state.risk),
            "reason": ruling(state),
            "gates": dg.MetadataValue.md(gates_markdown(state.gates)),
            **{f"gate/{one.name}": one.figure for one in state.gates if one.figure is not None},
        }
    )


@dg.asset(deps=[model_gates], group_name="registry", partitions_def=TENANTS, kinds={"mlflow"}, code_version="2")
def champion(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Who answers: an approved version takes over, at once or by a rollout; one that is pending waits for a person."""
    tenant, now = context.partition_key, datetime.now(UTC)
    moved = watch(home, tenant, now=now)
    state = acts.state_of(home, tenant, _awaited(home, tenant), now=now)
    reason = ruling(state)
    home.registry.note_decision(tenant, state.version, reason)
    waits = acts.obstacle(home, tenant, state.version) if state.state is State.APPROVED else None
    rollout = None
    if state.state is State.APPROVED and waits is None:
        rollout = acts.roll_out(home, tenant, state.version, actor=ACTOR, reason=reason, now=now)
    mirror(home.registry, home.traffic, scope=tenant)
    serving = champion_entry(home.traffic, tenant)
    after = acts.state_of(home, tenant, state.version, now=now)
    return dg.MaterializeResult(
        metadata={
            "promoted": after.state is State.CHAMPION,
            "state": str(after.state),
            "reason": f"{reason}; it waits: {waits}" if waits else reason,
            "challenger": state.version,
            "version": serving.model_version if serving else None,
            "digest": serving.digest if serving else None,
            "rollout": rollout,
            "alias": moved.sentence if moved else "it mirrors the traffic table",
        }
    )


def _candidate(home: Home, tenant: str) -> ModelVersion:
    """The version of the newest bundle."""
    return home.registry.by_digest(tenant, Bundle.load(home.work(tenant, BUNDLE)).digest)


def _awaited(home: Home, tenant: str) -> int:
    """The newest version, if it may answer (a person may have approved the champion calibrated anew, of which there is
    no newest bundle), else the candidate."""
    newest = next(iter(home.states.all(tenant)), None)
    if newest is not None and newest.state is State.APPROVED:
        return newest.version
    return _candidate(home, tenant).version


def _examined(home: Home, tenant: str) -> Examined:
    """Fairness is measured where groups were supplied; a broken file of groups is told by its own check."""
    path, examples = home.work(tenant, BUNDLE), Examples.load(home.work(tenant, EXAMPLES))
    stated = stated_groups(home.work(tenant, GROUPS))
    fairness = stated and bundle_fairness(Bundle.load(path), examples, stated, seed=home.settings.seed)
    current = champion_entry(home.traffic, tenant)
    return examine(path, current, examples, registry=home.registry, scope=tenant, fairness=fairness or None)


@dg.asset(
    deps=[champion, "recalibrated_bundle"],  # by name: it is made with what is here
    group_name="registry",
    partitions_def=TENANTS,
    kinds={"bentoml"},
    code_version="1",
)
def lead_scoring_bento(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """The service, with tonight's champion inside as its last resort; it follows the traffic table by itself. None is
    built while the first version of a tenant waits for a person's approval."""
    serving = champion_entry(home.traffic, context.partition_key)
    if serving is None:
        return without_champion()
    path = home.registry.fetch_digest(context.partition_key, serving.digest)
    tag = build(path, serving.digest, settings=home.settings)
    return dg.MaterializeResult(metadata={"tag": tag, "bundle": serving.digest})
