"""`lintel call`: what recorded calls came to, which calls are kept, and which cards agents find useful."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.call_training import train_command
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, progress, table
from lintel.errors import InputError
from lintel.events.schema import MAX_ID_LENGTH
from lintel.home import Home
from lintel.settings import settings
from lintel.voice.analysis import CallAnalysis
from lintel.voice.audio.files import Recording, read
from lintel.voice.audio.samples import seconds
from lintel.voice.keeping import check_whose, keep_call
from lintel.voice.recorded import Tools, analysed, heard, usefulness
from lintel.voice.summary.claims import FIELDS
from lintel.voice.transcription.loading import load

_SPEAKER = re.compile(r"[a-z][a-z0-9-]{0,30}")

app = typer.Typer(help="Calls: what was said, what it means, and what a coach would have said.")
LeadId = Annotated[str | None, typer.Option("--lead", help="Keep the call with this lead, in its log too.")]


@dataclass(frozen=True, slots=True)
class _Whose:
    """Where a call is kept."""

    tenant: str
    lead_id: str
    agent_id: str | None
    began_at: datetime | None


@app.command("analyse")
def analyse_command(
    file: Annotated[Path, typer.Argument(help="A recording: wav, flac, mp3, m4a, ogg and more.")],
    *,
    channels: Annotated[str, typer.Option(help="Who speaks on each channel, in order.")] = "agent,lead",
    model: Annotated[str | None, typer.Option(help="Weights, as of `lintel transcribe`.")] = None,
    language: Annotated[str, typer.Option(help="Two-letter code of what is spoken.")] = "en",
    tenant: TenantId = DEFAULT_TENANT,
    lead: LeadId = None,
    agent: Annotated[str | None, typer.Option(help="Who of us spoke; kept with the call.")] = None,
    began_at: Annotated[datetime | None, typer.Option(help="When the call began, UTC; else it ended just now.")] = None,
    as_json: Json = False,
) -> None:
    """Transcribe a call and tell what it came to, redacted; nothing is kept unless a lead is named."""
    options = settings()
    speakers = _speakers(channels)
    if lead is not None and not 0 < len(lead.strip()) <= MAX_ID_LENGTH:
        raise InputError(
            f"--lead names nobody: an id has 1 to {MAX_ID_LENGTH} characters.",
            mend="Name the lead, or leave the option out and keep nothing.",
        )
    began = None if began_at is None else _utc(began_at)
    with Home(options) as home:
        if lead:
            home.events.check_not_erased(tenant, lead)
        recording = read(file, longest_seconds=options.voice_recording_hours * 3600)
        if lead:
            check_whose(home, tenant, _call_id(recording), lead)
        engine = load(model or options.transcription_model, options)
        records = usefulness(home.calls.card_records(tenant)) if lead else []
        total = round(sum(map(seconds, recording.channels)))
        with progress(f"analysing {file.name}", total) as bar:
            told = heard(
                recording,
                engine,
                options,
                speakers=speakers,
                language=language,
                progress=lambda done: bar(round(done)),
            )
            analysis = analysed(told, Tools.load(options), records)
        warnings = list(told.warnings)
        value = {"file": str(file), "model": engine.name, **analysis.to_json(), "warnings": warnings, "kept": None}
        if lead:
            value["kept"] = _keep(home, recording, analysis, warnings, _Whose(tenant, lead, agent, began))
    emit(value, as_json=as_json, table=_page(value))


def _speakers(channels: str) -> tuple[str, ...]:
    """Raises InputError for names that no playbook could know."""
    speakers = tuple(name.strip() for name in channels.split(",") if name.strip())
    if len(set(speakers)) != len(speakers) or not speakers:
        raise InputError(f"--channels {channels!r} names nobody, or somebody twice.", mend="Try agent,lead.")
    if not all(_SPEAKER.fullmatch(name) for name in speakers):
        raise InputError(
            f"--channels {channels!r} has a name that is none: small letters, digits and hyphens.",
            mend="Say the role, such as agent,lead.",
        )
    return speakers


def _utc(moment: datetime) -> datetime:
    """A moment that is UTC unless it has a zone. Raises InputError for one to come."""
    found = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if found > datetime.now(UTC):
        raise InputError(f"--began-at {found:%Y-%m-%dT%H:%M:%S}Z lies in the future.", mend="Say when it began, UTC.")
    return found


def _keep(
    home: Home, recording: Recording, analysis: CallAnalysis, warnings: list[str], whose: _Whose
) -> dict[str, Any]:
    now, call_id = datetime.now(UTC), _call_id(recording)
    began_at = whose.began_at or now - timedelta(seconds=analysis.seconds)
    events = keep_call(
        home,
        analysis,
        tenant=whose.tenant,
        call_id=call_id,
        lead_id=whose.lead_id,
        agent_id=whose.agent_id,
        source="file",
        began_at=began_at,
        now=now,
        warnings=warnings,
    )
    return {"tenant": whose.tenant, "call_id": call_id, "lead_id": whose.lead_id, "events": events}


def _call_id(recording: Recording) -> str:
    """Of the sound itself, so that the same recording is the same call."""
    digest = hashlib.sha256()
    for channel in recording.channels:
        digest.update(memoryview(channel))
    return digest.hexdigest()[:32]


@app.command("list")
def list_command(
    tenant: TenantId = DEFAULT_TENANT,
    lead: Annotated[str | None, typer.Option("--lead", help="Of this lead alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Calls that are kept, the newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        found = home.calls.newest(tenant, lead_id=lead, limit=limit)
    listed = [
        {
            "call_id": one.call_id,
            "lead_id": one.lead_id,
            "agent_id": one.agent_id,
            "source": one.source,
            "state": one.state,
            "began_at": one.began_at.isoformat(),
            "seconds": one.document.get("seconds", one.document.get("duration_s")),
        }
        for one in found
    ]
    names = ("call_id", "lead_id", "agent_id", "source", "state", "began_at", "seconds")
    emit(
        {"tenant": tenant, "calls": listed},
        as_json=as_json,
        table=table(f"calls of {tenant}", names, [[one[name] for name in names] for one in listed]),
    )


@app.command("show")
def show_command(
    call_id: Annotated[str, typer.Argument(help="As `lintel call list` shows it.")],
    tenant: TenantId = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """All that is kept of one call."""
    with Home(settings()) as home:
        call = home.calls.get(tenant, call_id)
    value = {"tenant": tenant, "call_id": call.call_id, "lead_id": call.lead_id, "state": call.state, **call.document}
    emit(value, as_json=as_json, table=_page(value))


@app.command("cards")
def cards_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """How agents took each card: shown, useful, dismissed, and whether it is muted by now."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        records = home.calls.card_records(tenant)
    listed = []
    for record, use in zip(records, usefulness(records), strict=True):
        low, high = use.interval
        listed.append(
            {
                "rule": record.rule,
                "shown": record.shown,
                "useful": record.useful,
                "dismissed": record.dismissed,
                "precision": use.share,
                "interval": [round(low, 3), round(high, 3)],
                "muted": use.muted,
            }
        )
    names = ("rule", "shown", "useful", "dismissed", "precision", "interval", "muted")
    emit(
        {"tenant": tenant, "cards": listed},
        as_json=as_json,
        table=table(f"cards of {tenant}", names, [[one[name] for name in names] for one in listed]),
    )


def _page(value: Mapping[str, Any]) -> RenderableType:
    return Group(*_lines(value))


def _lines(value: Mapping[str, Any]) -> Iterator[Text]:
    for warning in value.get("warnings", ()):
        yield Text(warning, style="yellow")
    summary = value.get("summary", {})
    for name in FIELDS:
        claims = summary.get(name, ())
        if claims:
            yield Text(name.replace("_", " ").capitalize(), style="bold")
        for claim in claims:
            quote = "" if claim["quote"] == claim["text"] else f"  “{claim['quote']}”"
            yield Text(f"  {_clock(claim['start'])}  {claim['text']}{quote}")
    if value.get("moments"):
        yield Text("What the coach would have said", style="bold")
    for moment in value.get("moments", ()):
        mark = "✓" if moment["kind"] == "step" else moment["severity"]
        yield Text(f"  {_clock(moment['at'])}  {mark}: {moment['title']}  “{moment['quote']}”")
    voice = value.get("affect", {})
    if voice.get("changes"):
        yield Text("When the customer's voice changed most", style="bold")
    for change in voice.get("changes", ()):
        yield Text(
            f"  {_clock(change['start'])}  {change['direction']} ({', '.join(change['why'])})  “{change['quote']}”"
        )
    if value.get("open_steps"):
        yield Text("Not done: " + "; ".join(value["open_steps"]))
    yield Text("What was said", style="bold")
    for turn in value.get("turns", ()):
        yield Text(f"  {_clock(turn['start'])}  {turn['speaker']}: {turn['text']}")


def _clock(at: float) -> str:
    minutes, rest = divmod(at, 60)
    return f"{int(minutes):3d}:{rest:04.1f}"


app.command("train")(train_command)
