"""The HTTP application: its routes, its lifespan and its way to refuse. BentoML mounts it; tests call it directly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI

from lintel.settings import Settings
from serving import events, governance, health, leads, scores
from serving.head import HeadAsGet
from serving.inference import open_inference
from serving.metrics import Metrics
from serving.model import follow
from serving.observation import Observation
from serving.refusals import TELEMETRY_OFF, refuse_with_problems
from serving.runtime import open_runtime, utc_now

TITLE = "Lintel lead scoring"
VERSION = "1"
_NO_BUNDLE = Path("no-bundle-is-baked-in")


def application(settings: Settings, *, baked: Path = _NO_BUNDLE, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application. Nothing is opened before its lifespan begins.

    Parameters
    ----------
    baked: folder of the bundle that answers when the traffic table names none that can be loaded.
    now: the wall clock.
    """
    metrics = Metrics()
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        openapi_url="/docs.json",  # where BentoML has its own
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, metrics, baked, now),
        telemetry=TELEMETRY_OFF,
    )
    app.add_middleware(HeadAsGet)
    app.add_middleware(Observation, metrics=metrics)
    refuse_with_problems(app)
    app.include_router(scores.router(settings))
    app.include_router(events.router(settings))
    app.include_router(leads.router)
    app.include_router(governance.router(settings))
    app.include_router(health.router(metrics))
    return app


def _lifespan(
    settings: Settings, metrics: Metrics, baked: Path, now: Callable[[], datetime]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runtime = await to_thread.run_sync(open_runtime, settings, metrics, baked, now)
        following = asyncio.create_task(follow(runtime.models, settings.traffic_poll_seconds))
        try:
            async with open_inference(runtime.home, runtime.models, metrics.scoring, runtime.now) as inference:
                app.state.runtime = replace(runtime, inference=inference)
                yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await to_thread.run_sync(runtime.home.close)
            metrics.close()

    return lifespan
