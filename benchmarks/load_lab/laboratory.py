"""What is under load: a copy of a home, its champion, and the leads that were open at one moment.

A closed lead costs next to nothing to answer, so leads are drawn at random from those that were open.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lintel.errors import InputError, NotFoundError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.bundle import Bundle
from lintel.scoring.standing import Standing, standings
from lintel.settings import Settings
from lintel.store.log import TenantLog

WORKERS = 2
_COPIED = ("events.db*", "state.db*", "bundles", "lake", "last_scores")
_MOMENTS = 16
"""As-of times that are tried; the one with the most open leads is taken."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A home of our own that may be loaded, changed and broken."""

    settings: Settings
    tenant: str
    key: str
    as_of: datetime
    leads: tuple[str, ...]  # open at `as_of`
    digest: str  # of the champion
    version: int
    simulated: bool

    @property
    def bundle_path(self) -> Path:
        return self.settings.bundles_path / self.digest.removeprefix("sha256:")

    @property
    def title(self) -> str:
        data = "a SIMULATED brokerage" if self.simulated else self.tenant
        short = self.digest.removeprefix("sha256:")[:12]
        return f"{data}, champion {short}, {len(self.leads):,} leads open as of {self.as_of:%Y-%m-%d %H:%M} UTC"


def laboratory(home: Path, scratch: Path, *, tenant: str | None = None, as_of: datetime | None = None) -> Laboratory:
    """Copy a home to `scratch` and look what is in it.

    `tenant` is the first that has a champion by default, `as_of` the best of some moments of its log.
    Raises InputError if there is no home, NotFoundError if it has no champion.
    """
    if not (home / "state.db").is_file():
        raise InputError(
            f"There is no Lintel home in {home.name!r}.",
            mend="`make demo` makes one in .lintel; give another by --home, or take --simulated.",
        )
    copy_home(home, scratch / "home")
    settings = lab_settings(scratch / "home")
    with Home(settings) as opened:
        chosen = tenant or _first_tenant(opened)
        champion = champion_bundle(opened.traffic, settings.bundles_path, chosen)
        log = opened.log(chosen, now=datetime.now(UTC))
        moment, leads = busiest(log, champion.bundle, [as_of] if as_of else _moments(log))
        key = opened.keys.create(chosen, "load laboratory", "write")
    simulated = log.tenant.simulated or champion.bundle.manifest.simulated
    return Laboratory(settings, chosen, key, moment, leads, champion.bundle.digest, champion.version, simulated)


def copy_home(home: Path, target: Path) -> None:
    """What scoring needs of a home; the rest of it is history."""
    target.mkdir(parents=True)
    for pattern in _COPIED:
        for path in home.glob(pattern):
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, target / path.name)


def lab_settings(home: Path, *, cached_scores: int = 0) -> Settings:
    """Of a service that is measured: two workers, no cache unless a row says so, and quotas that nobody meets."""
    measured = {"store_url": None, "inference_workers": WORKERS, "score_cache_entries": cached_scores}
    return Settings(home=home, **measured)  # type: ignore[arg-type]


def _first_tenant(home: Home) -> str:
    found = [scope for scope in home.traffic.scopes() if scope in {tenant.id for tenant in home.events.tenants()}]
    if not found:
        raise NotFoundError("No tenant of this home has a champion.", mend="`make demo` trains and promotes one.")
    return found[0]


def _moments(log: TenantLog) -> list[datetime]:
    """Spread over the second half of the log, whose leads the champion was trained before or on."""
    known = log.columns.known_at
    first, last = from_microseconds(int(known.min())), min(log.as_of, from_microseconds(int(known.max())))
    middle = first + (last - first) / 2
    step: timedelta = (last - middle) / _MOMENTS
    return [(middle + step * count).replace(microsecond=0) for count in range(1, _MOMENTS + 1)]


def busiest(log: TenantLog, bundle: Bundle, moments: Sequence[datetime]) -> tuple[datetime, tuple[str, ...]]:
    """The moment with the most open leads, and these. Raises InputError if none was open at any of them."""
    found = [(moment, _open_leads(log, bundle, moment)) for moment in moments]
    moment, leads = max(found, key=lambda one: len(one[1]))
    if not leads:
        raise InputError("No lead was open then.", mend="Give another --as-of.")
    return moment, leads


def _open_leads(log: TenantLog, bundle: Bundle, moment: datetime) -> tuple[str, ...]:
    found = standings(log.columns, len(log.lead_ids), to_microseconds(moment), bundle.manifest.asked.outcomes)
    return tuple(lead for lead, standing in zip(log.lead_ids, found.standing, strict=True) if standing is Standing.OPEN)
