"""Putting a version in front of callers: the traffic table first, MLflow's alias as its mirror."""

from datetime import datetime

from lintel.registry.actor import Actor
from lintel.registry.champion import champion_entry
from lintel.registry.models import CHAMPION, ModelRegistry, ModelVersion
from lintel.registry.traffic import Traffic, TrafficEntry


def promote(
    registry: ModelRegistry,
    traffic: Traffic,
    version: ModelVersion,
    *,
    scope: str,
    actor: Actor,
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
    mirror(registry, traffic, scope=scope)


def mirror(registry: ModelRegistry, traffic: Traffic, *, scope: str) -> None:
    """Set MLflow's alias to what the traffic table says; nothing if there is no champion, or MLflow forgot it."""
    serving = champion_entry(traffic, scope)
    found = [one for one in registry.versions(scope) if serving is not None and one.digest == serving.digest]
    if found and CHAMPION not in found[0].aliases:
        registry.mirror_champion(scope, found[0].version)
