"""What the models of a tenant have learnt, read from what their bundles say about themselves, without loading them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.registry.champion import champion_entry

_BUNDLE, _MANIFEST = "bundle", "bundle.json"


@dataclass(frozen=True, slots=True)
class Learnt:
    """`version` is the champion's; `until`: UTC µs up to which it, or a later candidate, could know outcomes."""

    version: int
    until: int


def learnt(home: Home, tenant: str) -> Learnt | None:
    """None without a champion. A candidate that did not take over has tried the newer outcomes: they are not new."""
    entry = champion_entry(home.traffic, tenant)
    if entry is None:
        return None
    folders = (home.settings.bundles_path / entry.digest.removeprefix("sha256:"), home.work(tenant, _BUNDLE))
    known = [until for folder in folders if (until := _known_until(folder)) is not None]
    return Learnt(entry.model_version, max(known)) if known else None


def _known_until(folder: Path) -> int | None:
    """None where there is no bundle, or one is just being written."""
    try:
        told = json.loads((folder / _MANIFEST).read_bytes())["manifest"]["known_until"]
        return to_microseconds(datetime.fromisoformat(told))
    except (OSError, ValueError, KeyError):
        return None
