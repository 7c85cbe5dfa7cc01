"""`/livez`, `/readyz`, `/metrics` and `GET /v1/model`: how this worker is and what answers in it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import PlainTextResponse, Response

from lintel.errors import LintelError
from serving import openapi
from serving.keys import bearer
from serving.messages import ModelAnswer, Readiness
from serving.metrics import MEDIA_TYPE, Metrics
from serving.problems import RETRY_AFTER_SECONDS, problem
from serving.runtime import Runtime

OK = "ok"
_MODEL_EXAMPLE = {
    "name": "lead-scoring.bpic2012",
    "version": 7,
    "digest": "sha256:6f0c...",
    "served_by": "champion",
    "faults": [],
}


def router(metrics: Metrics) -> APIRouter:
    routes = APIRouter()

    @routes.get("/livez", summary="Is the process alive?", response_class=PlainTextResponse)
    async def livez() -> Response:
        """Answers as long as the event loop turns; a process that does not should be restarted."""
        return PlainTextResponse(OK)

    @routes.get(
        "/readyz",
        summary="Can it answer?",
        responses=openapi.answers(Readiness, {"ready": True, "store": OK, "model": OK}, (503,)),
        response_class=Response,
    )
    async def readyz(request: Request) -> Response:
        """Reads the store and looks whether a model answers; send no traffic to a worker that is not ready."""
        readiness = await _readiness(request.app.state.runtime)
        if readiness.ready:
            return Response(msgspec.json.encode(readiness), media_type="application/json")
        members = msgspec.to_builtins(readiness)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(503, "not-ready", "This worker cannot score now.", headers=headers, **members)

    @routes.get(
        "/metrics",
        summary="Prometheus metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=PlainTextResponse,
    )
    async def prometheus(request: Request) -> Response:
        """Of all workers of the service."""
        runtime: Runtime = request.app.state.runtime
        return Response(await runtime.work(metrics.exposition), media_type=MEDIA_TYPE)

    @routes.get(
        "/v1/model",
        summary="What answers now",
        responses=openapi.answers(ModelAnswer, _MODEL_EXAMPLE, (401, 403, 503)),
        response_class=Response,
    )
    async def model(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> Response:
        """The model that answers for the key's tenant, its rung, and whatever is amiss."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "read")
        served = await runtime.work(runtime.models.serving, principal.tenant)
        answer = ModelAnswer(
            served.name, served.version, served.digest, served.served_by, runtime.models.faults(principal.tenant)
        )
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return routes


async def _readiness(runtime: Runtime) -> Readiness:
    store = await runtime.work(_store, runtime)
    models = runtime.models
    model = OK if models.models and not models.unserved else "; ".join(models.unserved) or "no model answers"
    return Readiness(ready=store == model == OK, store=store, model=model)


def _store(runtime: Runtime) -> str:
    try:
        runtime.home.events.tenants()
        runtime.home.traffic.version()
    except LintelError as error:
        return error.slug
    return OK
