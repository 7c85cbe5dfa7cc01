"""`/livez`, `/startupz`, `/readyz` and `/metrics` of the voice service."""

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from serving import openapi
from serving.http_metrics import MEDIA_TYPE
from serving.problems import RETRY_AFTER_SECONDS, problem
from serving.store_check import OK
from serving.voice.messages import VoiceReadiness
from serving.voice.runtime import VoiceRuntime, runtime_of

STORE_SECONDS = 2.0
"""How long a read of the stores may take: callers of the check wait no longer."""
_READY = {"ready": True, "store": OK, "model": OK, "calls": 1, "most_calls": 4}

router = APIRouter()


@router.get("/livez", summary="Is the process alive?", response_class=PlainTextResponse)
async def livez() -> Response:
    """Answers as long as the event loop turns; a process that does not should be restarted."""
    return PlainTextResponse(OK)


@router.get(
    "/startupz",
    summary="Has it started?",
    responses=openapi.refused((503,), {503: "The stores and the model are being opened."}),
    response_class=PlainTextResponse,
)
async def startupz(request: Request) -> Response:
    """Answers once the stores are open and the model is loaded, or found missing."""
    runtime_of(request)
    return PlainTextResponse(OK)


@router.get(
    "/readyz",
    summary="Can it listen?",
    responses=openapi.answers(VoiceReadiness, _READY, (503,)),
    response_class=Response,
)
async def readyz(request: Request) -> Response:
    """Reads the store and looks whether a model listens. A service at its most calls is ready: it refuses the next one
    with 503 and goes on."""
    readiness = await _readiness(runtime_of(request))
    if readiness.ready:
        return Response(msgspec.json.encode(readiness), media_type="application/json")
    members = msgspec.to_builtins(readiness)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem(503, "not-ready", "This worker cannot listen now.", headers=headers, **members)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_class=PlainTextResponse,
)
async def prometheus(request: Request) -> Response:
    """Of the one worker of this service."""
    runtime = runtime_of(request)
    return Response(await runtime.work(runtime.metrics.exposition), media_type=MEDIA_TYPE)


async def _readiness(runtime: VoiceRuntime) -> VoiceReadiness:
    store = await runtime.stores(runtime.home.events.tenants, STORE_SECONDS)
    model, calls = runtime.lines.fault or OK, runtime.lines.live
    most = runtime.settings.voice_calls
    return VoiceReadiness(ready=store == model == OK, store=store, model=model, calls=calls, most_calls=most)
