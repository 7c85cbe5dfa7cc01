"""What follows when a person approves a version, and when one moves MLflow's alias."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.tenants import TENANTS
from lintel.errors import LintelError
from lintel.home import Home
from lintel.registry.acts import obstacle
from lintel.registry.alias import watch
from lintel.registry.lifecycle import ModelState, State
from orchestration.abandoned import run_at_work
from orchestration.jobs import take_over

APPROVALS_SECONDS, ALIAS_SECONDS = 60, 300


@dg.sensor(job=take_over, minimum_interval_seconds=APPROVALS_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def approved_versions(
    context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Bring the newest version of a tenant in front of callers soon after a person approved it, not the next night.

    Once an approval; a version that a rollout stands in the way of is asked again when that is over.
    """
    asked = 0
    for tenant in context.instance.get_dynamic_partitions(TENANTS.name or ""):  # those that ever had a run
        approved = _approved(home, tenant)
        if approved is None or run_at_work(context.instance, tenant) is not None:
            continue
        asked += 1
        key = f"{tenant}/{approved.version}/{approved.changed_at.isoformat()}"
        yield dg.RunRequest(run_key=key, partition_key=tenant)
    if not asked:
        yield dg.SkipReason("No approved version waits.")


@dg.sensor(minimum_interval_seconds=ALIAS_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def champion_alias(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Iterator[dg.SkipReason]:
    """Hold MLflow's alias against the traffic table; it starts no run."""
    told = []
    for scope in home.traffic.scopes():
        try:
            moved = watch(home, scope, now=datetime.now(UTC))
        except LintelError as error:
            context.log.error("the alias of %s could not be looked at: %s", scope, error)
            told.append(f"{scope}: {error}")
            continue
        if moved is not None:
            told.append(f"{scope}: {moved.sentence}")
    yield dg.SkipReason("; ".join(told) or "Every alias mirrors the traffic table.")


def _approved(home: Home, tenant: str) -> ModelState | None:
    """The newest version, if it may answer and does not yet."""
    newest = next(iter(home.states.all(tenant)), None)
    if newest is None or newest.state is not State.APPROVED or obstacle(home, tenant, newest.version):
        return None
    return newest
