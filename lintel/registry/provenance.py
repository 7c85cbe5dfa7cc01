"""Where a version comes from: data by digest, who trained it, who let it answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lintel.home import Home
from lintel.registry.lifecycle import subject_of

_LINES = 10_000
_DATA = ("data", "data_digest", "known_until", "tenants", "simulated", "pool")
_DEFINITIONS = ("feature_digest", "signal_version", "label_version", "label_digest", "settings_digest", "seed")


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let a version answer. A machine did where the policy leaves it to the gates."""

    by: str
    kind: str
    at: str  # ISO 8601
    reason: str


def approval(lines: Sequence[Mapping[str, Any]]) -> Approval | None:
    """The newest approval in lines of the audit log, newest first; None where it was never approved (or only before
    states were kept)."""
    found = next((one for one in lines if one["act"] == "model.approved"), None)
    return None if found is None else Approval(found["actor"], found["actor_kind"], found["at"], found["reason"])


def manifest_of(home: Home, digest: str) -> dict[str, Any] | None:
    """What a bundle says of itself, without loading its models; None if its files are not here."""
    path = home.settings.bundles_path / digest.removeprefix("sha256:") / "bundle.json"
    if not path.is_file():
        return None
    return _manifest(path)


@lru_cache(maxsize=64)
def _manifest(path: Path) -> dict[str, Any]:
    """The folder's name is the digest of what is in it: it never changes."""
    found: dict[str, Any] = json.loads(path.read_bytes())["manifest"]
    return found


def lineage(manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """Data and definitions by digest; empty where the bundle's files are not here."""
    if manifest is None:
        return {}
    return {name: manifest.get(name) for name in (*_DATA, *_DEFINITIONS)}


def provenance(home: Home, scope: str, version: int, digest: str, *, until: str | None = None) -> dict[str, Any]:
    """One version in plain JSON: digest, state, trained by, approved by (until a moment, ISO 8601), and its data."""
    lines = audit_lines(home, scope, version)
    known = [one for one in lines if until is None or one["at"] <= until]
    approved = approval(known)
    state = home.states.find(scope, version)
    trained = None if state is None else {"by": state.trained_by.name, "kind": str(state.trained_by.kind)}
    return {
        "version": version,
        "digest": digest,
        "state": None if state is None else str(state.state),
        "trained": trained,
        "approved": None if approved is None else asdict(approved),
        "data": lineage(manifest_of(home, digest)) or None,
    }


def audit_lines(home: Home, scope: str, version: int) -> list[dict[str, Any]]:
    """All lines about a version, newest first."""
    return home.audit.read(scope, subject_of(scope, version), limit=_LINES)
