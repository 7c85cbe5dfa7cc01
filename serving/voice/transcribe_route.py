"""`POST /v1/transcribe`: short audio in, words out; nothing is kept."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.voice.audio.samples import seconds
from lintel.voice.transcript import Segment
from serving import openapi
from serving.keys import bearer
from serving.voice.call_document import segment_json
from serving.voice.messages import Transcription
from serving.voice.runtime import runtime_of
from serving.voice.uploads import upload

AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The audio itself, in any common format, or a form with it as `file`.",
        "content": {
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}
_EXAMPLE = {
    "text": "We need three bedrooms.",
    "language": "en",
    "model": "tiny.en",
    "duration_s": 2.4,
    "segments": [{"channel": 0, "speaker": None, "start": 0.3, "end": 2.1, "text": "We need three bedrooms."}],
    "warnings": [],
}
_SAID = {
    400: "What was sent is no audio that can be read, is longer than allowed, or in a language that the model lacks.",
    404: "No weights are installed; `mend` says how to install them.",
    408: "The body stopped coming.",
    413: "The body is too large.",
}

router = APIRouter()


@router.post(
    "/v1/transcribe",
    summary="Transcribe short audio",
    openapi_extra=AUDIO_BODY,
    responses=openapi.answers(Transcription, _EXAMPLE, (400, 401, 403, 404, 408, 413, 422, 503), others=_SAID),
    response_class=Response,
)
async def transcribe(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    language: Annotated[str, Query(pattern="^[a-z]{2}$", description="What is spoken, as ISO 639-1.")] = "en",
) -> Response:
    """Each channel is heard by itself. Nothing of it is stored."""
    runtime = runtime_of(request)
    await runtime.caller(credentials, "write")
    runtime.transcriber.check()
    async with upload(request, limit=runtime.settings.voice_short_bytes) as sent:
        recording, segments, model = await runtime.transcriber.transcribe(sent.file, language=language)
    lasted = seconds(recording.channels[0])
    runtime.metrics.transcribed.labels("transcribe").inc(lasted)
    found = [segment_json(segment, ()) for segment in segments]
    answer = Transcription(_text(segments), language, model, round(lasted, 3), found, list(recording.warnings))
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})


def _text(segments: list[Segment]) -> str:
    return " ".join(segment.text for segment in segments)
