"""The models of one worker: they follow the traffic table, and what answers always says which rung it is."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import to_thread

from lintel.errors import LintelError
from lintel.registry.traffic import Traffic, TrafficEntry
from lintel.scoring.bundle import Bundle
from serving.problems import RequestError, not_ready

GLOBAL_SCOPE = "global"
CHAMPION, PREVIOUS, BAKED = "champion", "previous-champion", "baked-champion"
logger = logging.getLogger("lintel.serving")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded bundle, the version under which it is registered (None if only its files are known), and its rung."""

    bundle: Bundle
    name: str
    version: int | None
    digest: str
    served_by: str


@dataclass(frozen=True, slots=True)
class _Route:
    """What answers for one tenant; `fault` says why that is not what the traffic table names."""

    model: ServedModel | None
    fault: str | None = None


class Models:
    """Which bundle answers for which tenant.

    Ladder: the champion that the traffic table names for the tenant, else for everyone; the model that answered
    before, while the files of a newly named one are missing or broken; the bundle baked into the bento. A swap is
    one assignment: a request keeps the model it began with.

    Parameters
    ----------
    bundles: folder of bundles by digest. baked: a bundle's folder, which need not exist.
    on_change: told all models that answer now, after each change.
    """

    def __init__(
        self,
        traffic: Traffic,
        bundles: Path,
        baked: Path,
        *,
        on_change: Callable[[list[ServedModel]], None] = lambda _: None,
    ) -> None:
        self._traffic = traffic
        self._bundles = bundles
        self._baked = baked
        self._on_change = on_change
        self._lock = threading.Lock()
        self._routes: dict[str, _Route] = {}
        self._version: int | None = None
        self._fault: str | None = None

    def refresh(self) -> None:
        """Read the traffic table and swap what changed. Blocking; keeps what answers if the table cannot be read."""
        try:
            with self._lock:
                self._follow()
                self._fault = None
        except Exception as error:
            # whatever the table's driver raises: what answers now goes on answering, and readiness says why
            self._fault = f"The traffic table cannot be read ({type(error).__name__})."
            logger.warning("traffic table: %s", type(error).__name__)

    def serving(self, tenant: str) -> ServedModel:
        """The model that answers for a tenant. Blocking the first time. Raises RequestError (503) if there is none."""
        route = self._routes.get(tenant)
        if route is None:
            with self._lock:
                route = self._routes.get(tenant) or self._resolve(tenant)
                self._swap(self._routes | {tenant: route})
        if route.model is None:
            raise self._no_model(tenant, route)
        return route.model

    def faults(self, tenant: str) -> list[str]:
        """Why a tenant is not answered as the traffic table says; empty when all is well."""
        route = self._routes.get(tenant, _Route(None))
        return [fault for fault in (self._fault, route.fault) if fault]

    @property
    def unserved(self) -> list[str]:
        """Why tenants whose model the traffic table names have none that answers, not even a lower rung."""
        return sorted({route.fault for route in self._routes.values() if route.fault and route.model is None})

    @property
    def models(self) -> list[ServedModel]:
        """The models that answer now."""
        return list(_distinct(self._routes).values())

    def _follow(self) -> None:
        version = self._traffic.version()
        settled = version == self._version and not any(route.fault for route in self._routes.values())
        if settled:
            return
        tenants = {*self._routes, *self._traffic.scopes()} or {GLOBAL_SCOPE}
        self._swap({tenant: self._resolve(tenant) for tenant in sorted(tenants)})
        self._version = version

    def _swap(self, routes: dict[str, _Route]) -> None:
        before = _distinct(self._routes).keys()
        self._routes = routes
        after = _distinct(routes)
        if after.keys() != before:
            self._on_change(list(after.values()))

    def _resolve(self, tenant: str) -> _Route:
        for scope in dict.fromkeys((tenant, GLOBAL_SCOPE)):
            entry = next((one for one in self._traffic.read(scope) if one.mode == "champion"), None)
            if entry is not None:
                return self._route(tenant, entry)
        return _Route(self._baked_model(tenant))

    def _route(self, tenant: str, entry: TrafficEntry) -> _Route:
        bundle = self._load(self._bundles / entry.digest.removeprefix("sha256:"), entry.digest)
        if bundle is not None:
            return _Route(ServedModel(bundle, entry.model_name, entry.model_version, entry.digest, CHAMPION))
        short = entry.digest.removeprefix("sha256:")[:12]  # not the name: it holds the tenant, and readiness is public
        fault = f"The bundle {short} of model version {entry.model_version} cannot be loaded."
        return _Route(self._fallback(tenant), fault)

    def _fallback(self, tenant: str) -> ServedModel | None:
        previous = self._routes.get(tenant, _Route(None)).model
        if previous is None:
            return self._baked_model(tenant)
        rung = PREVIOUS if previous.served_by == CHAMPION else previous.served_by
        return replace(previous, served_by=rung)

    def _baked_model(self, tenant: str) -> ServedModel | None:
        """The bundle that came with the bento, for the tenants that it was made for."""
        bundle = self._load(self._baked, None) if self._baked.is_dir() else None
        if bundle is None or (bundle.manifest.scope not in {tenant, GLOBAL_SCOPE} and tenant != GLOBAL_SCOPE):
            return None
        return ServedModel(bundle, bundle.name, None, bundle.digest, BAKED)

    def _load(self, path: Path, digest: str | None) -> Bundle | None:
        """The bundle at `path`, or None if it is missing, broken or another one than `digest` says."""
        held = next((model.bundle for model in self.models if model.digest == digest), None)
        if held is not None:
            return held
        try:
            bundle = Bundle.load(path)
        except (LintelError, OSError, ValueError, KeyError) as error:
            logger.warning("bundle %s cannot be loaded: %s", path.name, type(error).__name__)
            return None
        if digest is not None and bundle.digest != digest:
            logger.warning("bundle %s is another one than its folder says", path.name)
            return None
        return bundle

    def _no_model(self, tenant: str, route: _Route) -> RequestError:
        return not_ready(
            route.fault or self._fault or "No model serves this tenant yet.",
            mend=f"Run `lintel nightly --tenant {tenant}`, which trains and promotes one; "
            f"`lintel models list --tenant {tenant}` shows what there is.",
        )


async def follow(models: Models, seconds: float) -> None:
    """Refresh every `seconds` until cancelled, off the event loop."""
    while True:
        await asyncio.sleep(seconds)
        await to_thread.run_sync(models.refresh)


def _distinct(routes: dict[str, _Route]) -> dict[tuple[str, str], ServedModel]:
    return {(route.model.digest, route.model.served_by): route.model for route in routes.values() if route.model}
