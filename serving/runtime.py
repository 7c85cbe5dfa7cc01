"""What one worker holds open while it serves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi.security import HTTPAuthorizationCredentials

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.state import Principal
from serving.autoscaling.place import alone, heard
from serving.inference import Inference
from serving.keys import Keys
from serving.metrics import Metrics
from serving.model import Models, ServedModel
from serving.problems import not_ready

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

WORK_THREADS = 4
"""Calls that score or append at once in a worker: more would only take turns on the cores and the store's lock."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The stores, the models and the numbers of one worker."""

    home: Home
    keys: Keys
    models: Models
    metrics: Metrics
    now: Callable[[], datetime]
    threads: CapacityLimiter
    inference: Inference | None = None

    @property
    def scoring(self) -> Inference:
        """What answers scoring requests; there while the application runs."""
        if self.inference is None:
            raise not_ready("The worker is starting.")
        return self.inference

    @property
    def settings(self) -> Settings:
        return self.home.settings

    async def caller(self, credentials: HTTPAuthorizationCredentials | None, right: str) -> Principal:
        return await self.keys.principal(credentials, right)

    async def work(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Run blocking work off the event loop, so that health and other requests go on meanwhile."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.threads)


def open_runtime(settings: Settings, metrics: Metrics, baked: Path, now: Callable[[], datetime]) -> Runtime:
    """Open the stores and load what the traffic table names. Blocking.

    Raises UnavailableError if a store cannot be opened; a model that is missing shows in readiness instead.
    """
    home = Home(settings)
    place = alone if settings.supervisor is None else heard
    models = Models(home.traffic, settings.bundles_path, baked, on_change=ServedModels(metrics).show, place=place)
    models.refresh()
    threads = CapacityLimiter(WORK_THREADS)
    return Runtime(home, Keys(home.keys), models, metrics, now, threads)


class ServedModels:
    """Keeps the model gauge at what is loaded now: models that are let go of go to 0."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown: set[tuple[str, ...]] = set()

    def show(self, models: list[ServedModel]) -> None:
        current = {(one.digest, str(one.version or ""), one.served_by) for one in models}
        for labels in self._shown - current:
            self._metrics.model.labels(*labels).set(0)
        for labels in current:
            self._metrics.model.labels(*labels).set(1)
        self._shown |= current
