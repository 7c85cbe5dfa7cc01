"""The analysis of one recorded call in a process of its own: `python -m serving.voice.analysis_process` reads what is
asked as JSON and answers with what it found, redacted."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from lintel.environment import child_environment
from lintel.errors import InputError, LintelError, UnavailableError
from lintel.settings import Settings
from lintel.settings import settings as our_settings
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import seconds
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.offline import transcribe
from serving.voice.call_document import redacted_segments
from serving.voice.transcriber import model_name

_NICENESS = 10


class Asked(msgspec.Struct, frozen=True):
    """What a caller says of a recording. `speakers` are by channel, in order."""

    speakers: tuple[str, ...] = ("agent", "lead")
    language: str = "en"
    lead_id: str | None = None
    agent_id: str | None = None


class Analysis(msgspec.Struct, frozen=True):
    """What came of a recording that lasted so many seconds."""

    seconds: float
    document: dict[str, Any]


class _Told(msgspec.Struct, frozen=True):
    path: str
    asked: Asked


def analyse(path: Path, asked: Asked, settings: Settings) -> Analysis:
    """Transcribe a recording. What comes back is for keeping: its texts are redacted.

    Raises InputError for what is no audio, is too long, or in a language that the model lacks; NotFoundError where no
    weights are installed.
    """
    with path.open("rb") as audio:
        recording = read(audio, longest_seconds=settings.voice_recording_hours * 3600)
    engine = load(model_name(settings), settings)
    segments = transcribe(recording, engine, language=asked.language)
    lasted = seconds(recording.channels[0])
    document = {
        "speakers": list(asked.speakers[: len(recording.channels)]),
        "duration_s": round(lasted, 3),
        "model": engine.name,
        "warnings": list(recording.warnings),
        "segments": redacted_segments(segments, asked.speakers),
    }
    return Analysis(lasted, document)


async def analyse_apart(path: Path, asked: Asked, settings: Settings) -> Analysis:
    """`analyse` in a child process, which ends when this is cancelled. Raises what it does, and UnavailableError if the
    process dies."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "serving.voice.analysis_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=child_environment(settings) | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        answer, _ = await child.communicate(msgspec.json.encode(_Told(str(path), asked)))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _result(answer)


def _result(answer: bytes) -> Analysis:
    try:
        told = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        raise UnavailableError("The analysis of a recording ended without a result.") from None
    if "error" in told:
        raise InputError(told["error"]["message"], mend=told["error"]["mend"])
    return msgspec.convert(told, Analysis)


def main() -> None:
    """Answer on standard output, in its last line."""
    os.nice(_NICENESS)
    told, out = msgspec.json.decode(sys.stdin.buffer.read(), type=_Told), sys.stdout
    sys.stdout = sys.stderr  # libraries may print
    try:
        answer: Any = analyse(Path(told.path), told.asked, our_settings())
    except LintelError as error:
        answer = {"error": {"message": error.message, "mend": error.mend}}
    out.buffer.write(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    main()
