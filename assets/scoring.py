"""Scores of all open leads."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.features import lead_features
from assets.gates import gate, gated
from assets.recalibration import recalibrated_bundle
from assets.registry import champion
from assets.tenants import TENANTS
from assets.waiting import without_champion
from expectations.scores import judge
from expectations.verdict import verdict
from lintel.home import Home
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.scoring.answers import score_batch, store_batch

Answer = dict[str, Any]
_ALL = 1_000_000_000  # answers on one page


@dg.asset(
    deps=[champion, recalibrated_bundle, lead_features],
    group_name="scoring",
    partitions_def=TENANTS,
    kinds={"xgboost"},
    code_version="1",
)
def lead_scores(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Every open lead's answer from the champion, stored for lists and as the last resort of an outage; none while the
    first version of a tenant waits for a person's approval."""
    tenant = context.partition_key
    if champion_entry(home.traffic, tenant) is None:
        return without_champion()
    log = home.log(tenant, now=datetime.now(UTC))
    model = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
    now = datetime.now(UTC)
    seq = home.lake.watermark(tenant)
    made = score_batch(model.bundle, log, seq=seq, model_version=model.version, scores=home.scores, now=now)
    answers = _sound(home, tenant, made, log.as_of, now)
    retired = store_batch(home.scores, log, model.bundle.digest, answers, now)
    home.last_scores.write(tenant, answers, now)
    home.erase_late(tenant, [answer["lead_id"] for answer in answers])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(answers),
            "withheld": len(made) - len(answers),
            "off_the_list": retired,
            "as_of": log.as_of.isoformat(),
            "model_version": model.version,
        }
    )


@dg.asset_check(asset=lead_scores, blocking=True, partitions_def=TENANTS)
def lead_scores_are_sound(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """What the list shows: one answer a lead, as of one moment, by one bundle, chances in 0..1 inside their doubt."""
    tenant, now = context.partition_key, datetime.now(UTC)
    stored = home.scores.page(tenant, limit=_ALL).leads
    clock = max((datetime.fromisoformat(one["as_of"]) for one in stored), default=now)
    return gate(home, tenant, judge(stored, clock, home.lake.watermark(tenant)), now)


def _sound(home: Home, tenant: str, made: Sequence[Answer], as_of: datetime, now: datetime) -> list[Answer]:
    """The answers that break no rule; the others are withheld before anyone sees them, and too many stop the run."""
    found = verdict(judge(made, as_of, home.lake.watermark(tenant)), home.settings.gate_set_aside_share)
    if found.blocked:
        gated(home, tenant, found, now)
        raise dg.Failure(found.explanation, allow_retries=False)
    return [answer for answer, withheld in zip(made, found.set_aside, strict=True) if not withheld]
