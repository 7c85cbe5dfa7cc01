"""`lintel transcribe`: what was said in recordings, with the time of every word."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.options import Json
from cli.output import emit, progress
from lintel.errors import InputError, LintelError
from lintel.settings import settings
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import seconds
from lintel.voice.transcript import Segment
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.loading import EngineName, load
from lintel.voice.transcription.offline import transcribe as transcribe_recording

DEFAULT_MODEL = "tiny.en"

Files = Annotated[list[Path], typer.Argument(help="Recordings: wav, flac, mp3, m4a, ogg and more, by their content.")]
Model = Annotated[
    str | None,
    typer.Option(
        help=f"Weights that `lintel models pull` lists, or the path of a model; {DEFAULT_MODEL} unless "
        "LINTEL_VOICE_MODEL_PATH says otherwise."
    ),
]


def transcribe(
    files: Files,
    *,
    model: Model = None,
    engine: Annotated[EngineName | None, typer.Option(help="faster-whisper unless given.")] = None,
    language: Annotated[str, typer.Option(help="Two-letter code of what is spoken.")] = "en",
    beam: Annotated[int, typer.Option(min=1, max=20, help="Beams of the search; 1 is the fastest.")] = 5,
    longest_minutes: Annotated[float, typer.Option(min=0.1, help="Refuse longer recordings.")] = 120.0,
    as_json: Json = False,
) -> None:
    """Write down recordings, each channel by itself; one that cannot be read does not stop the others."""
    chosen = load(model or str(settings().voice_model_path or DEFAULT_MODEL), settings(), engine=engine)
    chosen.decode([], language=language)  # refuses the language before any file is read
    told = [_told(file, chosen, language, beam, longest_minutes * 60) for file in files]
    emit({"files": told}, as_json=as_json, table=_page(told))
    if any("error" in one for one in told):
        raise SystemExit(InputError.exit_code)


def _told(file: Path, engine: Engine, language: str, beam: int, longest_seconds: float) -> dict[str, Any]:
    """What the file says, or why that cannot be told."""
    try:
        recording = read(file, longest_seconds=longest_seconds)
        total = round(sum(map(seconds, recording.channels)))
        with progress(f"transcribing {file.name}", total) as bar:
            segments = transcribe_recording(
                recording, engine, language=language, beam_size=beam, progress=lambda done: bar(round(done))
            )
    except LintelError as error:
        return {"file": str(file), "error": {"type": error.slug, "message": str(error)}}
    listed = [_segment(segment) for segment in segments]
    text = " ".join(segment.text for segment in segments)
    return {"file": str(file), "text": text, "segments": listed, "warnings": list(recording.warnings)}


def _segment(segment: Segment) -> dict[str, Any]:
    words = [
        {
            "text": word.text,
            "start": round(word.start, 3),
            "end": round(word.end, 3),
            "probability": round(word.probability, 3),
        }
        for word in segment.words
    ]
    times = {"start": round(segment.start, 3), "end": round(segment.end, 3)}
    return {**times, "channel": segment.channel, "text": segment.text, "words": words}


def _page(told: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A heading and a line a segment for every file; channels are told where there are several."""
    lines: list[Text] = []
    for one in told:
        lines.append(Text(one["file"], style="bold"))
        if "error" in one:
            lines.append(Text(one["error"]["message"], style="red"))
            continue
        lines += [Text(warning, style="yellow") for warning in one["warnings"]]
        several = len({segment["channel"] for segment in one["segments"]}) > 1
        lines += [Text(_line(segment, several)) for segment in one["segments"]] or [Text("Nobody speaks.")]
    return Group(*lines)


def _line(segment: Mapping[str, Any], several: bool) -> str:
    minutes, rest = divmod(segment["start"], 60)
    channel = f"channel {segment['channel'] + 1}: " if several else ""
    return f"{int(minutes):3d}:{rest:04.1f}  {channel}{segment['text']}"
