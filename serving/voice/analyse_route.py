"""`POST /v1/calls/analyse`: a recorded call in, an address where to ask for what came of it out."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.events.schema import MAX_ID_LENGTH
from serving import openapi
from serving.keys import bearer
from serving.problems import RequestError
from serving.voice.analysis_process import Asked
from serving.voice.messages import AcceptedRecording
from serving.voice.runtime import runtime_of
from serving.voice.transcribe_route import AUDIO_BODY
from serving.voice.uploads import upload

_EXAMPLE = {"call_id": "0f3c...", "state": "working", "status": "/v1/calls/0f3c..."}
_SAID = {
    202: "The recording is kept until it is analysed; the address in `Location` says how far it is.",
    403: "Another tenant, a role that is too weak, or nobody says that the speakers have agreed.",
    408: "The body stopped coming.",
    409: "The lead was erased; what comes of it is kept out.",
    413: "The body is too large.",
    503: "The store cannot answer now, or too many recordings wait; Retry-After says when to ask again.",
}
_LANGUAGE = re.compile("[a-z]{2}")
_SPEAKERS = {"agent,lead": ("agent", "lead"), "lead,agent": ("lead", "agent"), "agent": ("agent",), "lead": ("lead",)}

router = APIRouter()


def _responses() -> dict[int | str, openapi.Document]:
    found = openapi.answers(AcceptedRecording, _EXAMPLE, (400, 401, 403, 408, 409, 413, 422, 503), others=_SAID)
    found[202] = {**found.pop(200), "description": _SAID[202]}
    return found


@router.post(
    "/v1/calls/analyse",
    status_code=202,
    summary="Analyse a recorded call",
    openapi_extra=AUDIO_BODY,
    responses=_responses(),
    response_class=Response,
)
async def analyse(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    _consent: Annotated[
        Literal["granted"] | None,
        Query(alias="consent", description="`granted`: the speakers have agreed to this. Without it nothing is kept."),
    ] = None,
    _channels: Annotated[
        Literal["agent,lead", "lead,agent", "agent", "lead"],
        Query(alias="channels", description="Who speaks on which channel."),
    ] = "agent,lead",
    _language: Annotated[
        str, Query(alias="language", pattern="^[a-z]{2}$", description="What is spoken, as ISO 639-1.")
    ] = "en",
    _lead_id: Annotated[str | None, Query(alias="lead_id", max_length=200, description="Whom it is about.")] = None,
    _agent_id: Annotated[str | None, Query(alias="agent_id", max_length=200, description="Who spoke for us.")] = None,
) -> Response:
    """Answers as soon as the recording is safe; the analysis goes on whether or not anybody waits. The parameters may
    also be parts of the form."""
    runtime = runtime_of(request)
    principal = await runtime.caller(credentials, "write")
    runtime.recordings.check()
    async with upload(request, limit=runtime.settings.voice_recording_bytes) as sent:
        asked = _asked(sent.fields)
        await runtime.check_not_erased(principal.tenant, asked.lead_id)
        call_id = await runtime.recordings.accept(principal.tenant, sent.file, asked)
    answer = AcceptedRecording(call_id, "working", f"/v1/calls/{call_id}")
    headers = {"Location": answer.status, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(answer), 202, headers, "application/json")


def _asked(fields: Mapping[str, str]) -> Asked:
    """Raises RequestError: 403 without consent, 422 for channels, a language or ids that are none; an
    empty id names nobody."""
    if fields.get("consent") != "granted":
        raise RequestError(
            403,
            "no-consent",
            "Nobody says that the speakers of this recording have agreed to its analysis; nothing was kept.",
            mend="Send `consent=granted` if they have.",
        )
    speakers = _SPEAKERS.get(fields.get("channels", "agent,lead"))
    language = fields.get("language", "en")
    if speakers is None or not _LANGUAGE.fullmatch(language):
        raise RequestError(422, "wrong-parameter", "`channels` or `language` is not acceptable.")
    lead_id, agent_id = (fields.get(name, "").strip() or None for name in ("lead_id", "agent_id"))
    if any(len(one or "") > MAX_ID_LENGTH for one in (lead_id, agent_id)):
        raise RequestError(422, "wrong-parameter", f"`lead_id` or `agent_id` has more than {MAX_ID_LENGTH} characters.")
    return Asked(speakers, language, lead_id, agent_id)
