"""MLflow's alias as the mirror of the traffic table."""

from lintel.registry.champion import champion_entry
from lintel.registry.models import CHAMPION, ModelRegistry
from lintel.registry.traffic import Traffic


def mirror(registry: ModelRegistry, traffic: Traffic, *, scope: str) -> None:
    """Set MLflow's alias to what the traffic table says; nothing if there is no champion, or MLflow forgot it."""
    serving = champion_entry(traffic, scope)
    found = [one for one in registry.versions(scope) if serving is not None and one.digest == serving.digest]
    if found and (CHAMPION not in found[0].aliases or registry.mirrored(scope) != found[0].version):
        registry.mirror_champion(scope, found[0].version)
