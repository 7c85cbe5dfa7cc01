"""The champion, calibrated anew each night on outcomes that have matured since; its members stay as they are."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.registry import ACTOR, champion
from assets.tenants import TENANTS
from assets.trainer import trainer
from assets.training import EXAMPLES, shown, stated_groups
from assets.waiting import without_champion
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.groups import FILE as GROUPS
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.registry.code_version import environment_tags
from lintel.registry.examination import examine
from lintel.registry.lifecycle import State
from lintel.registry.models import ModelVersion
from lintel.registry.promotion import contest, no_worse
from lintel.registry.rulings import ruling
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples
from lintel.scoring.recalibration import recalibrated

FOLDER = "recalibrated"


@dg.asset(deps=[champion], group_name="training", partitions_def=TENANTS, kinds={"numpy"}, code_version="1")
def recalibrated_bundle(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """The champion's members with a calibration of newer outcomes: a candidate like any other, if it does no worse on
    the newest fold. Made only where the setting `recalibrate` asks for it."""
    tenant = context.partition_key
    if champion_entry(home.traffic, tenant) is None:
        return without_champion()
    if not home.settings.recalibrate:
        return _told("not made: the setting `recalibrate` is off")
    examples = Examples.load(home.work(tenant, EXAMPLES))
    serving = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
    found = recalibrated(serving.bundle, examples, seed=home.settings.seed)
    if found is None:
        return _told("not made: too few outcomes are new to the champion's calibration")
    saved = _saved(found, home.work(tenant, FOLDER))
    verdict = no_worse(contest(saved, serving.bundle, examples), seed=home.settings.seed)
    told = {"recalibrated_from": serving.bundle.digest, "reason": "\n".join(verdict.reasons), **shown(saved)}
    if not verdict.passed:
        return dg.MaterializeResult(metadata={"made": True, "registered": False, **told})
    tags = {"dagster_run_id": context.run.run_id, "lintel.tenant": tenant, **environment_tags()}
    tags["lintel.recalibrated_from"] = serving.bundle.digest
    version = home.registry.register(home.work(tenant, FOLDER), scope=tenant, tags=tags)
    acts.register(home, tenant, version, trained_by=trainer(context.run.tags), actor=ACTOR, now=datetime.now(UTC))
    state = _onward(home, tenant, version, examples)
    return dg.MaterializeResult(
        metadata={"made": True, "registered": True, "version": version.version, "state": state, **told}
    )


def _onward(home: Home, tenant: str, version: ModelVersion, examples: Examples) -> str:
    """Gates, policy and traffic, as of any candidate; the state it ends in."""
    number, now = version.version, datetime.now(UTC)
    if acts.awaits_judgement(home, tenant, number, now=now):
        path, groups = home.work(tenant, FOLDER), stated_groups(home.work(tenant, GROUPS))
        fairness = groups and bundle_fairness(Bundle.load(path), examples, groups, seed=home.settings.seed)
        current = champion_entry(home.traffic, tenant)
        judged = examine(path, current, examples, registry=home.registry, scope=tenant, fairness=fairness or None)
        acts.judge(home, tenant, number, judged, actor=ACTOR, now=now)
    state = acts.state_of(home, tenant, number, now=now)
    if state.state is State.APPROVED and acts.obstacle(home, tenant, number) is None:
        acts.roll_out(home, tenant, number, actor=ACTOR, reason=ruling(state), now=now)
    return str(acts.state_of(home, tenant, number, now=now).state)


def _saved(bundle: Bundle, path: Path) -> Bundle:
    shutil.rmtree(path, ignore_errors=True)
    return bundle.save(path)


def _told(reason: str) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"made": False, "registered": False, "reason": reason})
