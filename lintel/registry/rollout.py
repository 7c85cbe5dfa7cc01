"""Putting a version in front of callers: the traffic table first, MLflow's alias as its mirror."""

from datetime import datetime

from lintel.registry.models import ModelRegistry, ModelVersion
from lintel.registry.traffic import Traffic, TrafficEntry


def promote(
    registry: ModelRegistry,
    traffic: Traffic,
    version: ModelVersion,
    *,
    scope: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Make `version` the only model of `scope`. Promoting what is champion already changes nothing but the mirror.

    The table is written before the alias: a crash between the two leaves the mirror stale, and the next call mends it.
    """
    registry.fetch(scope, version.version)
    current = [(one.digest, one.weight, one.mode) for one in traffic.read(scope)]
    if current != [(version.digest, 1.0, "champion")]:
        entry = TrafficEntry(
            digest=version.digest, model_name=version.name, model_version=version.version, weight=1.0, mode="champion"
        )
        traffic.assign(scope, [entry], actor=actor, reason=reason, now=now)
    registry.mirror_champion(scope, version.version)
