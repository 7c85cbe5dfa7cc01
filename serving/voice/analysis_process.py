"""The analysis of one recorded call in a process of its own: `python -m serving.voice.analysis_process` reads a job as
JSON, keeps what the call came to, and answers with how long it was."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from lintel.environment import child_environment
from lintel.errors import ErasedLeadError, InputError, LintelError, NotFoundError, UnavailableError
from lintel.home import Home
from lintel.settings import Settings
from lintel.settings import settings as our_settings
from lintel.voice.audio.files import read
from lintel.voice.keeping import keep_call
from lintel.voice.recorded import Tools, analysed, heard, usefulness
from lintel.voice.transcription.loading import load

_NICENESS = 10
_KINDS: dict[str, type[LintelError]] = {one.slug: one for one in (NotFoundError, UnavailableError)}
"""What is no fault of the recording."""


class Asked(msgspec.Struct, frozen=True):
    """What a caller says of a recording. `speakers` are by channel, in order."""

    speakers: tuple[str, ...] = ("agent", "lead")
    language: str = "en"
    lead_id: str | None = None
    agent_id: str | None = None


class Job(msgspec.Struct, frozen=True):
    """A recording that waits for its analysis. `received_at` is UTC; `path` is of the audio."""

    call_id: str
    tenant: str
    received_at: datetime
    path: str
    asked: Asked


def analyse_and_keep(job: Job, home: Home) -> float:
    """Analyse a recording and keep what it came to, redacted, unless it was erased meanwhile; its length in seconds.

    Raises InputError for what is no audio, is too long, or in a language that the model lacks; NotFoundError where no
    weights are installed.
    """
    settings, asked = home.settings, job.asked
    if not _is_expected(home, job):
        return 0.0
    with Path(job.path).open("rb") as audio:
        recording = read(audio, longest_seconds=settings.voice_recording_hours * 3600)
    engine = load(settings.transcription_model, settings)
    told = heard(recording, engine, settings, speakers=asked.speakers, language=asked.language)
    analysis = analysed(told, Tools.load(settings), usefulness(home.calls.card_records(job.tenant)))
    if _is_expected(home, job):
        with suppress(ErasedLeadError):
            keep_call(
                home,
                analysis,
                tenant=job.tenant,
                call_id=job.call_id,
                lead_id=asked.lead_id,
                agent_id=asked.agent_id,
                source="file",
                began_at=job.received_at - timedelta(seconds=told.seconds),
                now=datetime.now(UTC),
                warnings=told.warnings,
            )
    return told.seconds


def _is_expected(home: Home, job: Job) -> bool:
    """Whether the call is there still: it goes with its lead."""
    try:
        home.calls.get(job.tenant, job.call_id)
    except NotFoundError:
        return False
    return True


async def analyse_apart(job: Job, settings: Settings) -> float:
    """`analyse_and_keep` in a child process, which ends when this is cancelled. Raises InputError with what the child
    refused, NotFoundError without weights, UnavailableError if it dies."""
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
        answer, _ = await child.communicate(msgspec.json.encode(job))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _result(answer)


def _result(answer: bytes) -> float:
    try:
        told = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        raise UnavailableError("The analysis of a recording ended without a result.") from None
    if "error" in told:
        said = told["error"]
        raise _KINDS.get(said["kind"], InputError)(said["message"], mend=said["mend"])
    return float(told["seconds"])


def main() -> None:
    """Answer on standard output, in its last line."""
    os.nice(_NICENESS)
    job, out = msgspec.json.decode(sys.stdin.buffer.read(), type=Job), sys.stdout
    sys.stdout = sys.stderr  # libraries may print
    try:
        with Home(our_settings()) as home:
            answer: Any = {"seconds": analyse_and_keep(job, home)}
    except LintelError as error:
        answer = {"error": {"kind": error.slug, "message": error.message, "mend": error.mend}}
    out.buffer.write(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    main()
