"""MLflow's alias `champion` under watch: it mirrors the traffic table, and who moves it by hand changes nothing that
answers. That is noticed, logged, and undone unless the settings say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.champion import champion_entry
from lintel.registry.models import CHAMPION, ModelVersion
from lintel.registry.rollout import mirror
from lintel.registry.traffic import TrafficEntry

WATCH = machine("alias watch")


@dataclass(frozen=True, slots=True)
class MovedAlias:
    """The alias of a scope is on version `found` (None: on none) and should be on `wanted`."""

    scope: str
    wanted: int
    found: int | None
    restored: bool

    @property
    def sentence(self) -> str:
        where = "on no version" if self.found is None else f"on version {self.found}"
        then = "It was put back." if self.restored else "It was left there, as the settings say."
        return f"MLflow's alias {CHAMPION!r} was moved by hand: it is {where}, version {self.wanted} answers. {then}"


def watch(home: Home, scope: str, *, now: datetime) -> MovedAlias | None:
    """Compare the alias with the traffic table. None if they agree, or where nobody moved it: a crash between the two
    leaves the mirror behind, which is mended without a word. What is left moved by policy is logged once."""
    serving = champion_entry(home.traffic, scope)
    versions = home.registry.versions(scope) if serving is not None else []
    own = next((one for one in versions if serving is not None and one.digest == serving.digest), None)
    if serving is None or own is None:
        return None
    holder = _holder(versions)
    if holder == own.version or home.registry.mirrored(scope) != own.version:
        mirror(home.registry, home.traffic, scope=scope)
        return None
    moved = MovedAlias(scope, own.version, holder, restored=home.settings.restore_alias)
    if moved.restored or not _logged(home, moved, serving):
        _log(home, moved, serving, now)
    if moved.restored:
        mirror(home.registry, home.traffic, scope=scope)
    return moved


def _holder(versions: Sequence[ModelVersion]) -> int | None:
    return next((one.version for one in versions if CHAMPION in one.aliases), None)


def _logged(home: Home, moved: MovedAlias, serving: TrafficEntry) -> bool:
    newest = home.audit.read(moved.scope, _subject(moved), limit=1)
    return bool(newest) and newest[0]["details"] == _details(moved, serving)


def _log(home: Home, moved: MovedAlias, serving: TrafficEntry, now: datetime) -> None:
    home.audit.append(
        tenant=moved.scope,
        actor=WATCH,
        act="alias.moved",
        subject=_subject(moved),
        reason=moved.sentence,
        details=_details(moved, serving),
        at=now,
    )


def _subject(moved: MovedAlias) -> str:
    return f"alias:{moved.scope}"


def _details(moved: MovedAlias, serving: TrafficEntry) -> dict[str, object]:
    return {
        "alias": CHAMPION,
        "wanted": moved.wanted,
        "found": moved.found,
        "restored": moved.restored,
        "traffic_version": serving.version,
    }
