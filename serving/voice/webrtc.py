"""`POST /v1/webrtc/offer`: calls from a browser, and the servers by which it finds us."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.errors import InputError
from lintel.settings import Settings
from serving import openapi
from serving.bodies import read_json
from serving.keys import bearer
from serving.problems import RequestError
from serving.voice.calls import CallStart
from serving.voice.lines import Line
from serving.voice.messages import IceServers, OfferAnswer, OfferRequest
from serving.voice.runtime import VoiceRuntime, runtime_of
from serving.voice.track import Stretch

if TYPE_CHECKING:
    from serving.voice.peer import Peer

_BODY_BYTES = 200_000
_STEREO_SPEAKERS = 2
_OFFER = msgspec.json.Decoder(OfferRequest)
_REQUEST = {"sdp": "v=0\r\n...", "type": "offer", "granted": ["agent", "lead"], "disclosed": True}
_ANSWER = {
    "call_id": "01KHZ3V7W8M5T2Q9R4X6Y1Z0AB",
    "sdp": "v=0\r\n...",
    "type": "answer",
    "speakers": ["agent", "lead"],
    "unused_tracks": 0,
}
_SAID = {
    409: "The lead was erased; what comes of it is kept out.",
    422: "The offer is none, or has fewer audio tracks than speakers.",
    503: "As many calls as this service takes are live; Retry-After says when to ask again.",
}
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]

router = APIRouter()


@router.get(
    "/v1/webrtc/servers",
    summary="STUN and TURN servers for a browser",
    responses=openapi.answers(IceServers, {"ice_servers": []}, (401, 403, 503)),
    response_class=Response,
)
async def servers(request: Request, credentials: Credentials) -> Response:
    """What the operator has set, for `RTCPeerConnection`. Needs a key that may write, as calls do."""
    runtime = runtime_of(request)
    await runtime.caller(credentials, "write")
    return _json(IceServers(ice_servers(runtime.settings)))


@router.post(
    "/v1/webrtc/offer",
    summary="Begin a call from a browser",
    openapi_extra=openapi.body(OfferRequest, _REQUEST),
    responses=openapi.answers(OfferAnswer, _ANSWER, (400, 401, 403, 408, 409, 413, 415, 422, 503), others=_SAID),
    response_class=Response,
)
async def offer(request: Request, credentials: Credentials) -> Response:
    """Answers with all our candidates. Frames that come before the consent is complete are dropped unheard."""
    runtime = runtime_of(request)
    principal = await runtime.caller(credentials, "write")
    sent = await read_json(request, _OFFER, limit=_BODY_BYTES)
    _check(sent)
    await runtime.check_not_erased(principal.tenant, sent.lead_id)
    line = runtime.lines.open(_call_start(principal.tenant, sent), "webrtc")
    try:
        peer, sdp = await _answered(runtime, sent)
        tell_consent(line, sent)
    except BaseException:
        line.session.end("vanished")
        raise
    runtime.keep(asyncio.create_task(_carry(line, peer)))
    return _json(OfferAnswer(line.session.call_id, sdp, "answer", sent.speakers, peer.unused_tracks))


def ice_servers(settings: Settings) -> list[dict[str, Any]]:
    """The servers of the settings. Raises InputError where they are not what the setting asks for."""
    if settings.voice_ice_servers is None:
        return []
    try:
        found = json.loads(settings.voice_ice_servers.get_secret_value())
        if isinstance(found, list) and all(isinstance(one["urls"], str | list) for one in found):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    raise InputError("LINTEL_VOICE_ICE_SERVERS is no list of servers.", mend='Give it as [{"urls": "stun:..."}].')


def tell_consent(line: Line, sent: OfferRequest) -> None:
    """What the page has asked for before the call."""
    if sent.disclosed:
        line.session.disclose(line.now)
    for speaker in sent.granted:
        line.session.set_consent(speaker, "granted", line.now)


def _check(sent: OfferRequest) -> None:
    if sent.layout == "stereo" and len(sent.speakers) != _STEREO_SPEAKERS:
        raise RequestError(422, "wrong-form", "A stereo track has two speakers.")
    if len(set(sent.speakers)) != len(sent.speakers):
        raise RequestError(422, "wrong-form", "Two speakers have the same name.")
    if not set(sent.granted) <= set(sent.speakers):
        raise RequestError(422, "wrong-form", "Somebody has agreed who is none of the speakers.")


def _call_start(tenant: str, sent: OfferRequest) -> CallStart:
    return CallStart(
        tenant=tenant,
        lead_id=sent.lead_id,
        agent_id=sent.agent_id,
        speakers=sent.speakers,
        language=sent.language,
        consent_policy=sent.consent_policy,
    )


async def _answered(runtime: VoiceRuntime, sent: OfferRequest) -> tuple["Peer", str]:
    """A peer and its answer. aiortc is imported with the first call: it belongs to the voice extra."""
    from aiortc import RTCIceServer  # noqa: PLC0415

    from serving.voice.peer import Peer  # noqa: PLC0415

    known = [
        RTCIceServer(one["urls"], one.get("username"), one.get("credential")) for one in ice_servers(runtime.settings)
    ]
    peer = Peer(known, len(sent.speakers), sent.layout)
    try:
        return peer, await peer.answer(sent.sdp)
    except BaseException:
        await peer.close()
        raise


async def _carry(line: Line, peer: "Peer") -> None:
    """Feed a call from its peer until one of them is over, then end the other."""

    def push(channel: int, stretch: Stretch) -> None:
        line.session.push(channel, stretch.samples, stretch.at)

    listening = asyncio.create_task(peer.listen(push, lambda: line.now))
    ending = asyncio.create_task(line.session.wait_ended())
    try:
        await asyncio.wait([listening, ending], return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            line.session.end("vanished" if listening.exception() else listening.result())
    finally:
        for task in (listening, ending):
            task.cancel()
        await asyncio.gather(listening, ending, return_exceptions=True)
        await peer.close()


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
