"""`WS /v1/streams/twilio`: calls as Twilio Media Streams bring them, or any dialler that speaks the same.

The key comes in the `Authorization` header or in the custom parameter `key` of `start`. It has no place in the address:
addresses stand in the logs of every proxy on the way.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.security import HTTPAuthorizationCredentials
from starlette.websockets import WebSocketDisconnect, WebSocketState

from lintel.errors import LintelError, UnavailableError
from lintel.voice.consent import Policy
from serving.problems import RequestError
from serving.voice.calls import CallStart
from serving.voice.lines import Line
from serving.voice.runtime import VoiceRuntime, runtime_of
from serving.voice.track import Stretch, Track
from serving.voice.twilio_messages import (
    Format,
    Media,
    Message,
    MessageError,
    Start,
    StartError,
    is_readable,
    read_audio,
    read_message,
)

START_SECONDS = 10.0
"""How long a connection may take to say which call it carries, and with which key."""
SILENT_SECONDS = 30.0
"""A dialler sends audio all the time: after so long without a message it has vanished."""
AHEAD_SECONDS = 30.0
"""How far the audio may run ahead of the clock. What comes faster waits in the sender; what says it is from further
ahead than twice this is not believed."""
MOST_FAULTS = 50
"""Unreadable messages after which a connection is given up."""
MOST_UNKNOWN = 32
"""Connections that have not said yet who they are."""
_SPEAKERS = ("agent", "lead")
_NOTHING_TO_DO = {"connected", "start", "mark", "dtmf"}
_UNSUPPORTED, _POLICY, _TOO_MUCH, _LATER = 1003, 1008, 1002, 1013
_MOST_REASON_BYTES = 123  # of a close frame: RFC 6455 §5.5
_HUNG_UP = {1000, 1001}

router = APIRouter()


class StreamRefusedError(Exception):
    """The connection is closed with this code (RFC 6455 §7.4) and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@router.websocket("/v1/streams/twilio")
async def stream(socket: WebSocket) -> None:
    runtime = runtime_of(socket)
    await socket.accept()
    try:
        connection = await _begun(socket, runtime)
        await connection.listen()
    except StreamRefusedError as refused:
        await _close(socket, refused.code, refused.reason)
    except WebSocketDisconnect:
        return  # before it said anything
    else:
        await _close(socket, 1000, "")


async def _begun(socket: WebSocket, runtime: VoiceRuntime) -> "Connection":
    """The connection once it has said what it is. Raises StreamRefusedError."""
    waiting = runtime.unknown
    if waiting.borrowed_tokens >= MOST_UNKNOWN:
        raise StreamRefusedError(_LATER, "too many connections that have not started")
    async with waiting:
        try:
            async with asyncio.timeout(START_SECONDS):
                return await _started(socket, runtime)
        except TimeoutError:
            raise StreamRefusedError(_POLICY, f"no start within {START_SECONDS:g} s") from None


async def _started(socket: WebSocket, runtime: VoiceRuntime) -> "Connection":
    faults = 0
    while faults < MOST_FAULTS:
        try:
            message = read_message(await _text(socket))
        except StartError as error:
            raise StreamRefusedError(_POLICY, f"start: {error}") from None
        except MessageError:
            runtime.metrics.messages.labels("unreadable").inc()
            faults += 1
            continue
        if message.start is not None:
            return await _opened(socket, runtime, message.start)
    raise StreamRefusedError(_TOO_MUCH, "messages that nobody can read")


async def _opened(socket: WebSocket, runtime: VoiceRuntime, start: Start) -> "Connection":
    if not is_readable(start.media_format):
        raise StreamRefusedError(_UNSUPPORTED, "only G.711 (audio/x-mulaw, audio/x-alaw) at 8000 Hz, one channel")
    told = start.custom_parameters
    key = socket.headers.get("authorization", "").removeprefix("Bearer ") or told.get("key", "")
    try:
        credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=key) if key else None
        principal = await runtime.caller(credentials, "write")
        if line := _rejoined(runtime, principal.tenant, start):
            return Connection(socket, runtime, line, start, began=max(line.now, line.session.now))
        await runtime.check_not_erased(principal.tenant, told.get("lead_id"))
        line = _new_line(runtime, principal.tenant, start)
    except UnavailableError:
        raise StreamRefusedError(_LATER, "the store does not answer now") from None
    except LintelError as error:
        raise StreamRefusedError(_LATER if error.status == 503 else _POLICY, error.message) from None
    return Connection(socket, runtime, line, start, began=0.0)


def _rejoined(runtime: VoiceRuntime, tenant: str, start: Start) -> Line | None:
    """The live call that the stream belongs to: one whose connection broke, or whose other track has a stream of its
    own. What its speakers have agreed to since then stands, whatever the dialler knew at the beginning.

    Raises StreamRefusedError where consent was withdrawn: to dial in again does not bring it back."""
    line = runtime.lines.known(tenant, "twilio", start.call_sid) if start.call_sid else None
    if line is None or line.is_live:
        return line
    if line.session.ended == "consent_withdrawn":
        raise StreamRefusedError(_POLICY, "consent to this call was withdrawn")
    return None


def _new_line(runtime: VoiceRuntime, tenant: str, start: Start) -> Line:
    told = start.custom_parameters
    line = runtime.lines.open(_call_start(tenant, told), "twilio", start.call_sid or start.stream_sid)
    _tell_consent(line, told)
    return line


def _call_start(tenant: str, told: Mapping[str, str]) -> CallStart:
    policies: dict[str, Policy] = {"all_party": "all_party", "one_party": "one_party"}
    policy = policies.get(told.get("consent_policy", "all_party"))
    if policy is None:
        raise RequestError(422, "wrong-parameter", "consent_policy is all_party or one_party.")
    return CallStart(
        tenant=tenant,
        lead_id=told.get("lead_id"),
        agent_id=told.get("agent_id"),
        speakers=_SPEAKERS,
        language=told.get("language", "en"),
        consent_policy=policy,
    )


class Connection:
    """A stream that has begun: its tracks, and the call that hears them. Its times count from `began`, in seconds of
    the call, which may be older than the stream."""

    def __init__(self, socket: WebSocket, runtime: VoiceRuntime, line: Line, start: Start, *, began: float) -> None:
        self._socket, self._line, self._metrics = socket, line, runtime.metrics
        self._coding: Format = start.media_format
        inbound = 0 if start.custom_parameters.get("inbound") == "agent" else 1
        self._channels = {"inbound": inbound, "outbound": 1 - inbound}
        self._tracks = {name: Track(self._coding.sample_rate) for name in self._channels}
        self._chunks = dict.fromkeys(self._channels, 0)
        self._faults = 0
        self._began = began
        line.streams.add(self)

    async def listen(self) -> None:
        """Take messages until either side ends. Raises StreamRefusedError where there is nothing to be understood.

        A connection that breaks leaves the call waiting for another with the same CallSid, as long as a call may be
        without audio."""
        reading = asyncio.ensure_future(self._read())
        ending = asyncio.ensure_future(self._line.session.wait_ended())
        try:
            await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
            reason = reading.result() if reading.done() else ""
        except StreamRefusedError:
            self._leave("vanished")
            raise
        finally:
            for task in (reading, ending):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
        self._leave(reason)

    async def _read(self) -> str:
        """Why the call ends with the stream; nothing if only the connection broke."""
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    message = read_message(await _text(self._socket))
                if message.event == "stop":
                    return "hung_up"
                self._count(await self._take(message))
            except TimeoutError:
                return "vanished"
            except WebSocketDisconnect as left:
                return "hung_up" if left.code in _HUNG_UP else ""
            except MessageError:
                self._fault()

    async def _take(self, message: Message) -> str:
        """What became of a message."""
        if message.media is not None and message.event == "media":
            return await self._media(message.media)
        return "taken" if message.event in _NOTHING_TO_DO else "unknown"

    async def _media(self, media: Media) -> str:
        if media.chunk and media.chunk <= self._chunks[media.track]:
            return "late"
        samples, at = read_audio(media, self._coding), self._began + media.timestamp / 1000
        if at - self._line.now > 2 * AHEAD_SECONDS:
            return "ahead"
        self._chunks[media.track] = media.chunk
        self._push(media.track, self._tracks[media.track].push(samples, at))
        await asyncio.sleep(max(0.0, at - self._line.now - AHEAD_SECONDS))
        return "taken"

    def _push(self, track: str, stretches: list[Stretch]) -> None:
        for one in stretches:
            self._line.session.push(self._channels[track], one.samples, one.at)

    def _leave(self, reason: str) -> None:
        """Give what the filters hold back; the last stream that leaves for a reason ends the call."""
        for name, track in self._tracks.items():
            self._push(name, track.flush())
        self._line.streams.discard(self)
        if reason and not self._line.streams:
            self._line.session.end(reason)

    def _fault(self) -> None:
        self._count("unreadable")
        self._faults += 1
        if self._faults >= MOST_FAULTS:
            raise StreamRefusedError(_TOO_MUCH, "messages that nobody can read")

    def _count(self, outcome: str) -> None:
        self._metrics.messages.labels(outcome).inc()


def _tell_consent(line: Line, told: Mapping[str, str]) -> None:
    """What the dialler knows already: it asked, or played an announcement. Raises InputError for what is no state, with
    which there is no call."""
    try:
        if told.get("disclosed") == "true":
            line.session.disclose(line.now)
        for speaker in _SPEAKERS:
            if state := told.get(f"{speaker}_consent"):
                line.session.set_consent(speaker, state, line.now)
    except LintelError:
        line.session.end("hung_up")
        raise


async def _text(socket: WebSocket) -> str:
    """The next message's text. Raises MessageError for a binary one, WebSocketDisconnect at the end."""
    message: Any = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text: str | None = message.get("text")
    if text is None:
        raise MessageError("binary, where this protocol has text")
    return text


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError, OSError):  # the other side was faster
            await socket.close(code, reason.encode()[:_MOST_REASON_BYTES].decode(errors="ignore"))
