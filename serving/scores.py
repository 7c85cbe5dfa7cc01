"""`POST /v1/score`: the six dimensions of some leads, as of a moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from fastapi import APIRouter, Request, Security
from starlette.responses import Response

from lintel.events.schema import EPOCH_MIN
from lintel.events.validation import FUTURE_TOLERANCE
from lintel.settings import Settings
from lintel.store.state import Principal
from serving import openapi
from serving.admission.classification import (
    LONGEST_TIMEOUT_MS,
    TIMEOUT_HEADER,
    URGENCY_HEADER,
    deadline_of,
    urgency_of,
    urgency_of_leads,
)
from serving.bodies import read_json
from serving.direct import DirectRoute, credentials_of
from serving.disconnection import while_connected
from serving.inference import Inference
from serving.keys import bearer, own_tenant
from serving.lead_answer import EXAMPLE
from serving.messages import ScoreAnswer, ScoreRequest
from serving.problems import Fault, RequestError
from serving.questions import Asked
from serving.runtime import Runtime
from serving.scoring_metrics import ScoringMetrics
from serving.tracing import trace_id_of
from serving.urgency import Urgency

_EARLIEST = datetime.fromisoformat(EPOCH_MIN)
_DECODER = msgspec.json.Decoder(ScoreRequest)
_REQUEST_EXAMPLE = {"lead_ids": ["173688", "nobody"], "as_of": None, "explain": True}
_UNKNOWN = {"lead_id": "nobody", "error": {"type": "unknown-lead", "detail": "There is no lead 'nobody'."}}
_UNDECLARED = "undeclared"
_HEADERS = [
    openapi.header(
        URGENCY_HEADER,
        {"type": "string", "enum": [urgency.label for urgency in Urgency]},
        "How soon the answer is needed; else as `Priority` (RFC 9218) says, else by the number of leads.",
    ),
    openapi.header(
        TIMEOUT_HEADER,
        {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT_MS},
        "For how many milliseconds the answer is of use; nothing is computed later, and a lesser answer says so.",
    ),
    openapi.header(
        "traceparent", {"type": "string"}, "The trace (W3C) under which the prediction log has the answers."
    ),
]
_ANSWER_EXAMPLE = {"scores": [EXAMPLE, _UNKNOWN]}


def router(settings: Settings) -> APIRouter:
    routes = APIRouter(route_class=DirectRoute)
    bounds = {"lead_ids": {"maxItems": settings.max_leads}}

    @routes.post(
        "/v1/score",
        summary="Score leads",
        openapi_extra=openapi.body(ScoreRequest, _REQUEST_EXAMPLE, bounds) | {"parameters": _HEADERS},
        responses=openapi.answers(ScoreAnswer, _ANSWER_EXAMPLE, (400, 401, 403, 408, 413, 415, 422, 429, 503)),
        dependencies=[Security(bearer)],
        response_class=Response,
    )
    async def score(request: Request) -> Response:
        """Six dimensions for each lead, in the order asked. A lead that is not known has an error in its place."""
        began = time.monotonic()
        runtime: Runtime = request.app.state.runtime
        scoring = runtime.scoring
        principal = await runtime.caller(credentials_of(request), "read")
        urgency = urgency_of(request.headers, scoring.bounds)
        with _counted(runtime.metrics.scoring, urgency):
            scoring.admission.expect(principal, urgency, began)
        sent = await read_json(request, _DECODER, limit=settings.max_body_bytes)
        own_tenant(principal, sent.tenant)
        _check(sent, settings.max_leads, runtime.now())
        asked = _asked(request, principal, sent, scoring, began)
        with _counted(runtime.metrics.scoring, asked.urgency):
            now = time.monotonic()  # the body may have taken its time
            ticket = await scoring.admission.admit(principal, asked.urgency, len(asked.lead_ids), now)
            with ticket:
                answers = await while_connected(request, scoring.engine.answers(asked), rows=len(asked.lead_ids))
        return Response(b'{"scores":[' + b",".join(answers) + b"]}", 200, dict(ticket.headers), "application/json")

    return routes


@contextmanager
def _counted(metrics: ScoringMetrics, urgency: Urgency | None) -> Iterator[None]:
    """Counts what is refused because there is too much of it, or nothing to answer it."""
    try:
        yield
    except RequestError as error:
        if error.status in (429, 503):
            metrics.shed.labels(_UNDECLARED if urgency is None else urgency.label, error.slug).inc()
        raise


def _asked(request: Request, principal: Principal, sent: ScoreRequest, scoring: Inference, began: float) -> Asked:
    urgency = urgency_of_leads(request.headers, len(sent.lead_ids), scoring.bounds)
    return Asked(
        principal,
        sent.lead_ids,
        sent.as_of,
        sent.explain,
        urgency,
        began,
        deadline_of(request.headers, urgency, scoring.timeouts, began),
        trace_id_of(request.headers.get("traceparent", "")),
    )


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
