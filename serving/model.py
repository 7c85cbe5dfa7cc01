"""The models of one worker: they follow the traffic table, and what answers always says which rung it is."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import to_thread

from lintel.registry.traffic import Mode, Traffic, TrafficEntry
from lintel.rollouts.draw import salt_of
from lintel.scoring.bundle import Bundle
from lintel.store.prediction import SHADOW
from serving.autoscaling.place import Place, alone
from serving.bundle_loader import BundleLoader, RefusedBundleError
from serving.heap import give_back
from serving.problems import RequestError, not_ready

GLOBAL_SCOPE = "global"
CHAMPION, CANARY, PREVIOUS, BAKED = "champion", "canary", "previous-champion", "baked-champion"
STANDBY = "standby"
_TRIMS = 3
"""Refreshes after a swap that give memory back: requests in flight keep the model they began with for a while."""

logger = logging.getLogger("lintel.serving")


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A loaded bundle, the version under which it is registered (None if only its files are known), and its rung.

    The same object for as long as nothing of it changes, so that it can be a key.
    """

    bundle: Bundle
    name: str
    version: int | None
    digest: str
    served_by: str


@dataclass(frozen=True, slots=True)
class Share:
    """A canary's or a shadow's part of the leads; `model` is None while its bundle cannot be loaded."""

    model: ServedModel | None
    weight: float


@dataclass(frozen=True, slots=True)
class Route:
    """What answers for one scope. `salt` draws the canaries' leads; `faults` say why it is not what the traffic table
    names. Shadows score beside what answers, standbys do nothing."""

    champion: ServedModel | None
    canaries: tuple[Share, ...] = ()
    salt: str = ""
    faults: tuple[str, ...] = ()
    scope: str = ""
    shadows: tuple[Share, ...] = ()
    standbys: tuple[ServedModel, ...] = ()

    @property
    def models(self) -> list[ServedModel]:
        offered = (self.champion, *(share.model for share in (*self.canaries, *self.shadows)), *self.standbys)
        return [model for model in offered if model is not None]


_NOWHERE = Route(None)


class Models:
    """Which bundles answer for which tenant.

    Ladder: what the traffic table names for the tenant, else for everyone; the champion that answered before, while
    the files of a newly named one are missing, broken or compute other numbers; the bundle baked into the bento. A
    newly named bundle is loaded and asked its golden request beside those that answer. A swap is one assignment: a
    request keeps the model it began with, and none waits for a load.

    On the workers of a rolling bundle's share it is the canary of all leads, and the champion the one of before.

    Parameters
    ----------
    bundles: folder of bundles by digest. baked: a bundle's folder, which need not exist.
    on_change: told all models that are loaded now, after each change.
    place: this worker's among those that run.
    """

    def __init__(
        self,
        traffic: Traffic,
        bundles: Path,
        baked: Path,
        *,
        on_change: Callable[[list[ServedModel]], None] = lambda _: None,
        place: Callable[[], Place | None] = alone,
    ) -> None:
        self._traffic = traffic
        self._bundles = bundles
        self._baked = baked
        self._on_change = on_change
        self._place = place
        self._placed: Place | None = None
        self._loader = BundleLoader(Bundle.load)
        self._refreshing = threading.Lock()
        self._entries: dict[str, list[TrafficEntry]] = {}
        self._routes: dict[str, Route] = {}
        self._last_resort: ServedModel | None = None
        self._version: int | None = None
        self._fault: str | None = None
        self._trims = 0
        self.swaps = 0
        """How often other models began to answer, the first ones not counted."""

    def refresh(self) -> None:
        """Read the traffic table, load what is new, swap. Blocking; what answers goes on if the table cannot be
        read."""
        with self._refreshing:
            try:
                self._follow()
                self._fault = None
            except Exception as error:
                # whatever the table's driver raises: what answers now goes on answering, and readiness says why
                self._fault = f"The traffic table cannot be read ({type(error).__name__})."
                self._swap(self._routes)
                logger.warning("traffic table: %s", type(error).__name__)
            if self._trims:
                self._trims -= 1
                give_back()

    def route(self, tenant: str) -> Route:
        """What answers for a tenant: its own scope, else everyone's. Never waits."""
        routes = self._routes
        route = routes.get(tenant) or routes.get(GLOBAL_SCOPE)
        return Route(self._baked_for(tenant)) if route is None else route

    def serving(self, tenant: str) -> ServedModel:
        """The champion that answers for a tenant. Raises RequestError (503) if there is none.

        Never waits, but where nothing answers for the tenant: then it looks whether something was promoted just now.
        """
        route = self.route(tenant)
        if route.champion is None:
            self.refresh()
            route = self.route(tenant)
        if route.champion is None:
            raise self._no_model(tenant, route)
        return route.champion

    def answering(self, tenant: str) -> ServedModel:
        """What all leads of a tenant are given to in this worker: a canary that has all of them, as on a rolled worker,
        else the champion. Raises as `serving`."""
        champion = self.serving(tenant)
        whole = (one.model for one in self.route(tenant).canaries if one.weight >= 1.0 and one.model is not None)
        return next(whole, champion)

    def faults(self, tenant: str) -> list[str]:
        """Why a tenant is not answered as the traffic table says; empty when all is well."""
        return [fault for fault in (self._fault, *self.route(tenant).faults) if fault]

    @property
    def all_faults(self) -> list[str]:
        """Whatever is amiss with any tenant's models; no tenant is named."""
        found = {fault for route in self._routes.values() for fault in route.faults}
        return [*([self._fault] if self._fault else []), *sorted(found)]

    @property
    def unserved(self) -> list[str]:
        """Why tenants whose model the traffic table names have none that answers, not even a lower rung."""
        return sorted({fault for route in self._routes.values() if route.champion is None for fault in route.faults})

    @property
    def models(self) -> list[ServedModel]:
        """The models that are loaded: those that answer now, shadows and standbys."""
        return _distinct(self._routes.values(), self._last_resort)

    @property
    def refused(self) -> int:
        """How many bundles were not taken: missing, broken, or computing other numbers than where they were trained."""
        return self._loader.refused

    @property
    def version(self) -> int:
        """The version of the traffic table that is followed; 0 before the first."""
        return self._version or 0

    @property
    def missing(self) -> frozenset[str]:
        """Digests of the bundles that the table names and that are not loaded."""
        named = {entry.digest for entries in self._entries.values() for entry in entries}
        return frozenset(named - {model.digest for model in self.models})

    def _follow(self) -> None:
        version = self._traffic.version()
        moved = version != self._version
        if moved:
            self._entries = {scope: self._traffic.read(scope) for scope in self._traffic.scopes()}
        open_scopes = [scope for scope in self._entries if moved or self._routes[scope].faults]
        open_scopes += self._displaced() if not moved else []
        if not moved and not open_scopes:
            return
        routes = self._routes | {scope: self._resolve(scope) for scope in open_scopes}
        self._swap({scope: routes[scope] for scope in self._entries})
        self._version = version

    def _displaced(self) -> list[str]:
        """Scopes with a rolling bundle, if this worker has another place than when they were resolved."""
        if self._place() == self._placed:
            return []
        return [scope for scope, entries in self._entries.items() if any(one.mode == Mode.ROLLING for one in entries)]

    def _swap(self, routes: dict[str, Route]) -> None:
        before = self.models
        self._last_resort = None if GLOBAL_SCOPE in routes else self._last_resort or self._baked_model()
        self._routes = routes
        after = self.models
        if set(after) != set(before):
            self.swaps += 1 if before else 0
            self._trims = _TRIMS
            self._on_change(after)

    def _resolve(self, scope: str) -> Route:
        entries = self._entries[scope]
        champion, faults = self._champion(scope, next(one for one in entries if one.mode == Mode.CHAMPION))
        canaries, more = self._shares([one for one in entries if one.mode == Mode.CANARY], CANARY)
        shadows, amiss = self._shares([one for one in entries if one.mode == Mode.SHADOW], SHADOW)
        standbys, absent = self._shares([one for one in entries if one.mode == Mode.STANDBY], STANDBY)
        route = Route(
            champion,
            canaries,
            salt_of(scope, [one.digest for one in entries if one.mode == Mode.CANARY]),
            (*faults, *more, *amiss, *absent),
            scope,
            shadows,
            tuple(one.model for one in standbys if one.model is not None),
        )
        rolling = next((one for one in entries if one.mode == Mode.ROLLING), None)
        return route if rolling is None else self._rolled(route, rolling)

    def _rolled(self, route: Route, entry: TrafficEntry) -> Route:
        """The route with a rolling bundle, which is loaded everywhere and answers on its share of the workers."""
        (share,), faults = self._shares([entry], CANARY)
        place = self._placed = self._place()
        faults = (*route.faults, *faults)
        if share.model is None or place is None or not place.is_within(entry.weight):
            idle = () if share.model is None else (self._kept(replace(share.model, served_by=STANDBY)),)
            return replace(route, standbys=(*route.standbys, *idle), faults=faults)
        before = route.champion
        if before is not None and before.served_by == CHAMPION:
            before = self._kept(replace(before, served_by=PREVIOUS))
        return replace(route, champion=before, canaries=(replace(share, weight=1.0),), faults=faults)

    def _shares(self, entries: Iterable[TrafficEntry], rung: str) -> tuple[tuple[Share, ...], tuple[str, ...]]:
        """The bundles of some entries, and why some of them are not loaded."""
        shares: list[Share] = []
        faults: tuple[str, ...] = ()
        for entry in entries:
            model, fault = self._named(entry, rung)
            shares.append(Share(model, entry.weight))
            faults += fault
        return tuple(shares), faults

    def _champion(self, scope: str, entry: TrafficEntry) -> tuple[ServedModel | None, tuple[str, ...]]:
        model, faults = self._named(entry, CHAMPION)
        return (model, faults) if model is not None else (self._fallback(scope), faults)

    def _named(self, entry: TrafficEntry, rung: str) -> tuple[ServedModel | None, tuple[str, ...]]:
        """The model of an entry, or why there is none."""
        plain = entry.digest.removeprefix("sha256:")
        try:
            bundle = self._loader.load(self._bundles / plain, entry.digest)
        except RefusedBundleError as error:
            # not the name: it holds the tenant, and readiness is public
            return None, (f"The bundle {plain[:12]} of model version {entry.model_version} {error}.",)
        return self._kept(ServedModel(bundle, entry.model_name, entry.model_version, entry.digest, rung)), ()

    def _kept(self, model: ServedModel) -> ServedModel:
        """The object that stands for this model already, if there is one."""
        return next((one for one in self.models if _identity(one) == _identity(model)), model)

    def _fallback(self, scope: str) -> ServedModel | None:
        route = self._routes.get(scope) or self._routes.get(GLOBAL_SCOPE) or _NOWHERE
        previous = route.champion
        if previous is None:
            baked = self._last_resort or self._baked_model()
            return baked if baked is not None and _made_for(baked, scope) else None
        return self._kept(replace(previous, served_by=PREVIOUS)) if previous.served_by == CHAMPION else previous

    def _baked_for(self, tenant: str) -> ServedModel | None:
        baked = self._last_resort
        return baked if baked is not None and _made_for(baked, tenant) else None

    def _baked_model(self) -> ServedModel | None:
        """The bundle that came with the bento."""
        if not self._baked.is_dir():
            return None
        try:
            bundle = self._loader.load(self._baked, None)
        except RefusedBundleError:
            return None
        return self._kept(ServedModel(bundle, bundle.name, None, bundle.digest, BAKED))

    def _no_model(self, tenant: str, route: Route) -> RequestError:
        return not_ready(
            " ".join(route.faults) or self._fault or "No model serves this tenant yet.",
            mend=f"Run `lintel nightly --tenant {tenant}`, which trains and promotes one; "
            f"`lintel models list --tenant {tenant}` shows what there is.",
        )


async def follow(models: Models, seconds: float) -> None:
    """Refresh every `seconds` until cancelled, off the event loop."""
    while True:
        await asyncio.sleep(seconds)
        await to_thread.run_sync(models.refresh)


def _made_for(baked: ServedModel, tenant: str) -> bool:
    """A bundle that was made for one tenant answers no other."""
    return baked.bundle.manifest.scope in {tenant, GLOBAL_SCOPE} or tenant == GLOBAL_SCOPE


def _identity(model: ServedModel) -> tuple[int, str, int | None, str, str]:
    return id(model.bundle), model.name, model.version, model.digest, model.served_by


def _distinct(routes: Iterable[Route], last_resort: ServedModel | None) -> list[ServedModel]:
    found = [model for route in routes for model in route.models]
    return list(dict.fromkeys([*found, *([last_resort] if last_resort else [])]))
