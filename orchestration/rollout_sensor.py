"""Carrying rollouts on: judged every half minute, for as long as one is under way."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from lintel.errors import LintelError
from lintel.home import Home
from lintel.rollouts.controller import advance

EVERY_SECONDS = 30


@dg.sensor(
    name="rollout_steps",
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def rollout_steps(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Iterator[dg.SkipReason]:
    """Judge every rollout that is under way by what its candidate did, and step, hold or roll back. It starts no run.

    One tenant's fault does not keep the others' rollouts from being judged.
    """
    told = []
    for scope in home.rollouts.scopes():
        try:
            decision = advance(home, scope, datetime.now(UTC))
        except LintelError as error:
            context.log.error("the rollout of %s could not be judged: %s", scope, error)
            told.append(f"{scope}: not judged, {error}")
            continue
        if decision is not None:
            told.append(f"{scope}: {decision.action}, {decision.reason}")
    yield dg.SkipReason("; ".join(told) or "Nothing is being rolled out.")
