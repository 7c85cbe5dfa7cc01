"""The bundle that answers for a tenant, as the traffic table says."""

from dataclasses import dataclass
from pathlib import Path

from lintel.errors import NotFoundError, UnavailableError
from lintel.registry.traffic import Traffic, TrafficEntry
from lintel.scoring.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Champion:
    """A loaded bundle and the version under which it is registered."""

    bundle: Bundle
    version: int


def champion_entry(traffic: Traffic, scope: str) -> TrafficEntry | None:
    """What the traffic table says; None if nothing was promoted yet."""
    return next((one for one in traffic.read(scope) if one.mode == "champion"), None)


def champion_bundle(traffic: Traffic, bundles: Path, scope: str) -> Champion:
    """Load the champion of a scope. Raises NotFoundError if there is none, UnavailableError if its files are gone."""
    entry = champion_entry(traffic, scope)
    if entry is None:
        raise NotFoundError(f"No model serves {scope!r} yet.", mend=f"Run `lintel nightly --tenant {scope}`.")
    path = bundles / entry.digest.removeprefix("sha256:")
    if not path.exists():
        raise UnavailableError(
            f"The champion of {scope!r} (version {entry.model_version}) is not in the bundle folder.",
            mend=f"`lintel models fetch --tenant {scope} {entry.model_version}` brings it back from MLflow.",
        )
    return Champion(Bundle.load(path), entry.model_version)
