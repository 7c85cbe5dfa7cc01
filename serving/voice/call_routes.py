"""`/v1/calls`: the calls of a tenant, live and kept; of a live one its events, consent, cards and end."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response, StreamingResponse

from lintel.errors import NotFoundError
from lintel.store.calls import Call
from lintel.store.state import Principal
from serving import openapi
from serving.bodies import read_json
from serving.keys import bearer
from serving.problems import RequestError
from serving.voice.call_document import segment_json
from serving.voice.lines import Line, seen_data
from serving.voice.live import MEDIA_TYPE, event_stream
from serving.voice.messages import CallAnswer, CallList, CallSummary, ConsentRequest, VerdictRequest
from serving.voice.runtime import VoiceRuntime, runtime_of

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
CallId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="As `GET /v1/calls` gives it.")]
_CONSENT = msgspec.json.Decoder(ConsentRequest)
_VERDICT = msgspec.json.Decoder(VerdictRequest)
_BODY_BYTES = 10_000
_ACT = (400, 401, 403, 404, 408, 413, 415, 422, 503)
_SAID = {404: "The tenant has no such call, or it is not live any more."}
_EXAMPLE: dict[str, Any] = {
    "call_id": "01KHZ3V7W8M5T2Q9R4X6Y1Z0AB",
    "state": "live",
    "source": "twilio",
    "began_at": "2026-03-01T12:00:00.000000Z",
    "speakers": ["agent", "lead"],
    "consent": {"state": "granted", "disclosed": True, "missing": []},
    "segments": [{"channel": 1, "speaker": "lead", "start": 3.1, "end": 4.6, "text": "We need three bedrooms."}],
}
_SUMMARY = {name: _EXAMPLE[name] for name in ("call_id", "state", "source", "began_at")}
_STREAM_SAYS = (
    "Events `consent`, `committed`, `tentative`, `turn`, `card`, `step`, `meter`, `lag`, `gap` and `ended`, each with "
    "`at`, seconds on the call's clock. The id counts the call's events; a watcher who comes back sends the last one "
    "as `Last-Event-ID` and misses none."
)

router = APIRouter()


@router.get(
    "/v1/calls",
    summary="List calls",
    responses=openapi.answers(CallList, {"calls": [_SUMMARY]}, (401, 403, 422, 503)),
    response_class=Response,
)
async def calls(
    request: Request,
    credentials: Credentials,
    lead_id: Annotated[str | None, Query(max_length=200, description="Only this lead's.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most calls of the answer that ended.")] = 50,
) -> Response:
    """Live calls first, then those that were kept, the newest first."""
    runtime, principal = await _caller(request, credentials, "read")
    live = [_live_summary(line) for line in runtime.lines.of(principal.tenant) if lead_id in (None, line.start.lead_id)]
    found = await runtime.work(runtime.home.calls.newest, principal.tenant, lead_id=lead_id, limit=limit)
    known = {one.call_id for one in live}
    return _json(CallList([*live, *(_kept_summary(call) for call in found if call.call_id not in known)]))


@router.get(
    "/v1/calls/{call_id}",
    summary="Show a call",
    responses=openapi.answers(CallAnswer, _EXAMPLE, (401, 403, 404, 422, 503), others=_SAID),
    response_class=Response,
)
async def call(call_id: CallId, request: Request, credentials: Credentials) -> Response:
    """A live call as it stands, or what is kept of one that ended, or how far the analysis of a recording is."""
    runtime, principal = await _caller(request, credentials, "read")
    line = runtime.lines.find(principal.tenant, call_id)
    if line is not None and line.is_live:
        return _json(_live(line))
    try:
        return _json(_kept(await runtime.work(runtime.home.calls.get, principal.tenant, call_id)))
    except NotFoundError:
        if line is None:
            raise
    return _json(_live(line))  # it has just ended, and is still being read, or nothing of it may be kept


@router.get(
    "/v1/calls/{call_id}/live",
    summary="Watch a live call",
    responses={
        200: {"description": _STREAM_SAYS, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **openapi.refused((401, 403, 404, 422, 503), _SAID),
    },
    response_class=Response,
)
async def live(
    call_id: CallId,
    request: Request,
    credentials: Credentials,
    last_event_id: Annotated[
        str | None, Header(description="Number of the last event that was seen; what came after it follows.")
    ] = None,
) -> Response:
    """Server-sent events, from the call's beginning unless told otherwise, until it has ended."""
    runtime, principal = await _caller(request, credentials, "read")
    line = runtime.lines.get(principal.tenant, call_id)
    events = line.session.watch(_seen(last_event_id))
    return StreamingResponse(
        event_stream(events),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.post(
    "/v1/calls/{call_id}/consent",
    summary="Tell what a speaker said on being listened to",
    openapi_extra=openapi.body(ConsentRequest, {"speaker": "lead", "state": "granted", "disclosed": True}),
    responses=openapi.answers(CallAnswer, _EXAMPLE, _ACT, others=_SAID),
    response_class=Response,
)
async def consent(call_id: CallId, request: Request, credentials: Credentials) -> Response:
    """Nothing is heard, measured or kept before the consent that the call's policy asks for; after a withdrawal the
    call ends."""
    runtime, principal = await _caller(request, credentials, "write")
    line = runtime.lines.get(principal.tenant, call_id)
    sent = await read_json(request, _CONSENT, limit=_BODY_BYTES)
    if (sent.speaker is None) != (sent.state is None) or not (sent.speaker or sent.disclosed):
        raise RequestError(422, "wrong-form", "Give `speaker` and `state`, or `disclosed`, or all three.")
    if sent.disclosed:
        line.session.disclose(line.now)
    if sent.speaker is not None and sent.state is not None:
        line.session.set_consent(sent.speaker, sent.state, line.now)
    return _json(_live(line))


@router.post(
    "/v1/calls/{call_id}/cards/{card_id}",
    summary="Judge a card",
    openapi_extra=openapi.body(VerdictRequest, {"verdict": "useful"}),
    responses=openapi.answers(
        CallAnswer, _EXAMPLE, _ACT, others={404: "No such live call, or it showed no such card."}
    ),
    response_class=Response,
)
async def card(
    call_id: CallId,
    card_id: Annotated[str, Path(max_length=200, description="As the event `card` names it.")],
    request: Request,
    credentials: Credentials,
) -> Response:
    """Dismissed or useful: what a rule's cards were worth is known from this, and one that nobody wants is muted."""
    runtime, principal = await _caller(request, credentials, "write")
    line = runtime.lines.get(principal.tenant, call_id)
    sent = await read_json(request, _VERDICT, limit=_BODY_BYTES)
    line.session.judge(card_id, sent.verdict)
    await runtime.work(runtime.home.calls.judge, principal.tenant, call_id, card_id, sent.verdict)
    return _json(_live(line))


@router.post(
    "/v1/calls/{call_id}/end",
    summary="End a live call",
    responses=openapi.answers(CallAnswer, _EXAMPLE, (401, 403, 404, 422, 503), others=_SAID),
    response_class=Response,
)
async def end(call_id: CallId, request: Request, credentials: Credentials) -> Response:
    """Stop listening. What was heard by now is still written down."""
    runtime, principal = await _caller(request, credentials, "write")
    line = runtime.lines.get(principal.tenant, call_id)
    line.session.end("hung_up")
    return _json(_live(line))


async def _caller(
    request: Request, credentials: HTTPAuthorizationCredentials | None, right: str
) -> tuple[VoiceRuntime, Principal]:
    runtime = runtime_of(request)
    return runtime, await runtime.caller(credentials, right)


def _seen(last_event_id: str | None) -> int:
    """Raises RequestError (422) for what is no number of an event."""
    if last_event_id is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,15}", last_event_id):
        raise RequestError(422, "wrong-parameter", "`Last-Event-ID` is not the id of an event of this stream.")
    return int(last_event_id)


def _live_summary(line: Line) -> CallSummary:
    return CallSummary(
        line.session.call_id,
        "live",
        line.door,
        line.began_at.isoformat(),
        line.start.lead_id,
        line.start.agent_id,
        line.external_id,
        line.session.consent.state,
    )


def _live(line: Line) -> CallAnswer:
    session, said = line.session, line.session.consent
    return CallAnswer(
        session.call_id,
        "live" if line.is_live else "done",
        line.door,
        line.began_at.isoformat(),
        speakers=tuple(session.speakers),
        lead_id=line.start.lead_id,
        agent_id=line.start.agent_id,
        external_id=line.external_id,
        now=round(line.now, 3),
        consent={"state": said.state, "disclosed": said.disclosed, "missing": list(said.missing)},
        talk=seen_data(line, "meter"),
        lag=seen_data(line, "lag"),
        segments=[segment_json(segment, session.speakers, words=False) for segment in session.transcript()],
    )


def _kept_summary(call: Call) -> CallSummary:
    return CallSummary(call.call_id, call.state, call.source, call.began_at.isoformat(), call.lead_id, call.agent_id)


def _kept(call: Call) -> CallAnswer:
    return CallAnswer(
        call.call_id,
        call.state,
        call.source,
        call.began_at.isoformat(),
        ended_at=call.ended_at.isoformat() if call.ended_at else None,
        lead_id=call.lead_id,
        agent_id=call.agent_id,
        document=dict(call.document),
    )


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
