"""The voice service's HTTP application: its routes and its lifespan. BentoML mounts it; tests call it directly."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI

from lintel.errors import LintelError
from lintel.home import Home
from lintel.settings import Settings
from serving.ending import before_end
from serving.head import HeadAsGet
from serving.keys import Keys
from serving.observation import Observation
from serving.refusals import TELEMETRY_OFF, refuse_with_problems
from serving.runtime import utc_now
from serving.voice import analyse_route, call_routes, health, page_routes, transcribe_route, twilio, webrtc
from serving.voice.lines import Lines
from serving.voice.listening import Listening, open_listening
from serving.voice.metrics import VoiceMetrics
from serving.voice.recordings import Recordings, working
from serving.voice.runtime import VoiceRuntime
from serving.voice.transcriber import Transcriber

TITLE = "Lintel voice"
VERSION = "1"
WORK_THREADS = 4
logger = logging.getLogger("lintel.serving.voice")

OpenListening = Callable[[Settings, Home], Listening]


def application(
    settings: Settings, *, now: Callable[[], datetime] = utc_now, listening: OpenListening = open_listening
) -> FastAPI:
    """The application. Nothing is opened before its lifespan begins.

    Parameters
    ----------
    now: the wall clock.
    listening: opens what live calls are heard with.
    """
    metrics = VoiceMetrics()
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        openapi_url="/docs.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, metrics, now, listening),
        telemetry=TELEMETRY_OFF,
    )
    app.add_middleware(HeadAsGet)
    app.add_middleware(Observation, metrics=metrics)
    refuse_with_problems(app)
    for part in (transcribe_route, analyse_route, webrtc, twilio, call_routes, page_routes, health):
        app.include_router(part.router)
    return app


def _lifespan(
    settings: Settings, metrics: VoiceMetrics, now: Callable[[], datetime], listening: OpenListening
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(metrics.close)
            home = stack.enter_context(Home(settings))
            await to_thread.run_sync(_open_stores, home)
            lines = Lines(*await to_thread.run_sync(_listening, listening, home), home, metrics, now=now)
            runtime = _runtime(home, metrics, lines, now)
            stack.push_async_callback(_finish, runtime)
            await stack.enter_async_context(working(runtime.recordings))
            await stack.enter_async_context(before_end(lines.close))
            app.state.runtime = runtime
            yield

    return lifespan


def _runtime(home: Home, metrics: VoiceMetrics, lines: Lines, now: Callable[[], datetime]) -> VoiceRuntime:
    return VoiceRuntime(
        home,
        Keys(home.keys),
        metrics,
        lines,
        Transcriber(home.settings),
        Recordings(home, metrics, now=now),
        now,
        threads=CapacityLimiter(WORK_THREADS),
        unknown=CapacityLimiter(twilio.MOST_UNKNOWN),
        tasks=set(),
    )


def _open_stores(home: Home) -> None:
    """Raises UnavailableError if a store cannot be opened."""
    home.events.tenants()
    home.calls.newest("-", limit=1)


def _listening(listening: OpenListening, home: Home) -> tuple[Listening | None, str | None]:
    """What live calls are heard with, or why there is nothing: the service starts without a model too, for it can say
    so and needs none for what is kept."""
    try:
        return listening(home.settings, home), None
    except LintelError as error:
        logger.error("no live calls: %s", error)
        return None, str(error)


async def _finish(runtime: VoiceRuntime) -> None:
    """End all calls, and what carries them."""
    await runtime.lines.close()
    await asyncio.gather(*runtime.tasks, return_exceptions=True)
