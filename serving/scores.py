"""`POST /v1/score`: the six dimensions of some leads, as of a moment."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.events.schema import EPOCH_MIN
from lintel.events.validation import FUTURE_TOLERANCE
from lintel.scoring.answers import score_leads
from lintel.settings import Settings
from serving import openapi
from serving.bodies import read_json
from serving.keys import bearer, own_tenant
from serving.lead_answer import EXAMPLE
from serving.messages import ScoreAnswer, ScoreRequest
from serving.problems import Fault, RequestError
from serving.runtime import Runtime

_EARLIEST = datetime.fromisoformat(EPOCH_MIN)
_DECODER = msgspec.json.Decoder(ScoreRequest)
_REQUEST_EXAMPLE = {"lead_ids": ["173688", "nobody"], "as_of": None, "explain": True}
_UNKNOWN = {"lead_id": "nobody", "error": {"type": "unknown-lead", "detail": "There is no lead 'nobody'."}}
_ANSWER_EXAMPLE = {"scores": [EXAMPLE, _UNKNOWN]}


def router(settings: Settings) -> APIRouter:
    routes = APIRouter()
    bounds = {"lead_ids": {"maxItems": settings.max_leads}}

    @routes.post(
        "/v1/score",
        summary="Score leads",
        openapi_extra=openapi.body(ScoreRequest, _REQUEST_EXAMPLE, bounds),
        responses=openapi.answers(ScoreAnswer, _ANSWER_EXAMPLE, (400, 401, 403, 408, 413, 415, 422, 503)),
        response_class=Response,
    )
    async def score(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> Response:
        """Six dimensions for each lead, in the order asked. A lead that is not known has an error in its place."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "read")
        asked = await read_json(request, _DECODER, limit=settings.max_body_bytes)
        tenant = own_tenant(principal, asked.tenant)
        _check(asked, settings.max_leads, runtime.now())
        answers = await runtime.work(_score, runtime, tenant, asked)
        return Response(msgspec.json.encode({"scores": answers}), media_type="application/json")

    return routes


def _check(asked: ScoreRequest, most: int, now: datetime) -> None:
    if len(asked.lead_ids) > most:
        fault = Fault("/lead_ids", f"has {len(asked.lead_ids)} entries; at most {most} are taken")
        raise RequestError(422, "too-many-leads", f"At most {most} leads a request.", faults=[fault])
    if asked.as_of is not None and asked.as_of > now + FUTURE_TOLERANCE:
        raise RequestError(
            422,
            "as-of-in-the-future",
            "Nothing is known of the future.",
            faults=[Fault("/as_of", "lies in the future")],
        )
    if asked.as_of is not None and asked.as_of < _EARLIEST:
        fault = Fault("/as_of", f"lies before {EPOCH_MIN}")
        raise RequestError(422, "as-of-too-early", f"No event is taken from before {EPOCH_MIN}.", faults=[fault])


def _score(runtime: Runtime, tenant: str, asked: ScoreRequest) -> list[dict[str, Any]]:
    model = runtime.models.serving(tenant)
    answers = score_leads(
        runtime.home.events,
        model.bundle,
        runtime.home.events.tenant(tenant),
        asked.lead_ids,
        asked.as_of,
        explain=asked.explain,
        model_version=model.version,
        served_by=model.served_by,
        scores=runtime.home.scores,
        now=runtime.now(),
    )
    failed = sum("error" in answer for answer in answers)
    runtime.metrics.scoring.leads.labels("interactive", model.served_by, "scored").inc(len(answers) - failed)
    runtime.metrics.scoring.leads.labels("interactive", model.served_by, "error").inc(failed)
    return answers
