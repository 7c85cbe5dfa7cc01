"""`/livez`, `/readyz`, `/startupz`, `/metrics` and `GET /v1/model`: how this worker is and what answers in it."""

from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import PlainTextResponse, Response

from serving import openapi
from serving.http_metrics import MEDIA_TYPE
from serving.keys import bearer
from serving.messages import ModelAnswer, Readiness
from serving.metrics import Metrics
from serving.problems import RETRY_AFTER_SECONDS, not_ready, problem
from serving.runtime import Runtime
from serving.store_check import OK, StoreCheck

STORE_SECONDS = 2.0
"""How long a read of the stores may take: callers of the check wait no longer."""
HANGS_SECONDS, LOST_SECONDS = 10.0, 60.0
"""A batch that computes for longer than the first hangs: no traffic. Than the second: the process should be ended."""
_MODEL_EXAMPLE = {
    "name": "lead-scoring.bpic2012",
    "version": 7,
    "digest": "sha256:6f0c...",
    "served_by": "champion",
    "faults": [],
}


def router(metrics: Metrics) -> APIRouter:
    routes = APIRouter()
    stores = StoreCheck()

    @routes.get(
        "/livez",
        summary="Is the process alive?",
        responses=openapi.refused((503,), {503: "A computation has hung for a minute: restart the process."}),
        response_class=PlainTextResponse,
    )
    async def livez(request: Request) -> Response:
        """Answers as long as the event loop turns; a process that does not, or that says 503, should be restarted."""
        if _computing_seconds(request) > LOST_SECONDS:
            return problem(503, "compute-hangs", "A computation does not end.", mend="Restart this process.")
        return PlainTextResponse(OK)

    @routes.get(
        "/startupz",
        summary="Has it started?",
        responses=openapi.refused((503,), {503: "Stores and models are being opened."}),
        response_class=PlainTextResponse,
    )
    async def startupz(request: Request) -> Response:
        """Answers once the stores are open and the models that the traffic table names were loaded, or found missing;
        until then, do not ask whether the process is alive."""
        _running(request)
        return PlainTextResponse(OK)

    @routes.get(
        "/readyz",
        summary="Can it answer?",
        responses=openapi.answers(Readiness, {"ready": True, "store": OK, "model": OK, "compute": OK}, (503,)),
        response_class=Response,
    )
    async def readyz(request: Request) -> Response:
        """Reads the store, looks whether a model answers and whether a computation hangs; send no traffic to a worker
        that is not ready."""
        readiness = await _readiness(_running(request), stores)
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
        """The model that answers for the key's tenant in this worker, its rung, and whatever is amiss. A canary is
        named where it has all leads."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "read")
        served = await runtime.work(runtime.models.answering, principal.tenant)
        answer = ModelAnswer(
            served.name, served.version, served.digest, served.served_by, runtime.models.faults(principal.tenant)
        )
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return routes


async def _readiness(runtime: Runtime, stores: StoreCheck) -> Readiness:
    store, models = await stores(partial(_read, runtime), STORE_SECONDS), runtime.models
    model = OK if models.models and not models.unserved else "; ".join(models.unserved) or "no model answers"
    seconds = runtime.scoring.batcher.computing_seconds()
    compute = OK if seconds <= HANGS_SECONDS else f"has computed one batch for {seconds:.0f} s"
    return Readiness(ready=store == model == compute == OK, store=store, model=model, compute=compute)


def _running(request: Request) -> Runtime:
    """Raises RequestError (503) before the application has started."""
    runtime: Runtime | None = getattr(request.app.state, "runtime", None)
    if runtime is None:
        raise not_ready("The worker is starting.")
    return runtime


def _computing_seconds(request: Request) -> float:
    """Of the batch that is computed now; 0 before the start."""
    runtime: Runtime | None = getattr(request.app.state, "runtime", None)
    return 0.0 if runtime is None else runtime.scoring.batcher.computing_seconds()


def _read(runtime: Runtime) -> None:
    runtime.home.events.tenants()
    runtime.home.traffic.version()
