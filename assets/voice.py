"""Recorded calls: from the inbox to transcripts and insights, a partition each; and how well they are heard."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from assets.whole_file import whole_file
from lintel.errors import ErasedLeadError
from lintel.home import Home
from lintel.voice.affect.customer import CustomerVoice
from lintel.voice.analysis import conversation
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import seconds
from lintel.voice.inbox import Note, Recorded, recorded
from lintel.voice.keeping import keep_call
from lintel.voice.recorded import Heard, Tools, analysed, heard, usefulness
from lintel.voice.transcript import Segment, Word
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.reference import measured, references

RECORDINGS = dg.DynamicPartitionsDefinition(name="recordings")
_COMMON: dict[str, Any] = {"group_name": "voice", "partitions_def": RECORDINGS, "code_version": "1"}


@dg.asset(**_COMMON, kinds={"audio"})
def recordings(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """A recording that was put into the inbox with a note that everybody on it consented."""
    one, note = _recorded(context, home)
    recording = read(one.audio, longest_seconds=home.settings.voice_recording_hours * 3600)
    return dg.MaterializeResult(
        metadata={
            "seconds": seconds(recording.channels[0]),
            "channels": len(recording.channels),
            "rate": recording.rate,
            "codec": recording.codec,
            "language": note.language,
            "warnings": list(recording.warnings),
        }
    )


@dg.asset(**_COMMON, kinds={"whisper"}, deps=[recordings])
def transcripts(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """What was said, by channel or by voice, redacted before it is written."""
    options = home.settings
    one, note = _recorded(context, home)
    recording = read(one.audio, longest_seconds=options.voice_recording_hours * 3600)
    engine = load(options.transcription_model, options)
    told = _redacted(heard(recording, engine, options, speakers=note.channels, language=note.language))
    with whole_file(_path(home, one)) as path:
        path.write_text(json.dumps(asdict(told)), encoding="utf-8")
    if note.lead_id is not None and home.erase_late(one.tenant, [note.lead_id]):
        _path(home, one).unlink(missing_ok=True)
        raise ErasedLeadError
    words = sum(len(segment.words) for segment in told.segments)
    return dg.MaterializeResult(
        metadata={
            "seconds": told.seconds,
            "words": words,
            "speakers": list(told.speakers),
            "model": engine.name,
            "warnings": list(told.warnings),
        }
    )


@dg.asset(**_COMMON, kinds={"json"}, deps=[transcripts])
def call_insights(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """What the call came to, kept with its lead, and `call.completed` in the event log."""
    one, note = _recorded(context, home)
    told = _read(_path(home, one))
    analysis = analysed(told, Tools.load(home.settings), usefulness(home.calls.card_records(one.tenant)))
    appended = keep_call(
        home,
        analysis,
        tenant=one.tenant,
        call_id=one.name,
        lead_id=note.lead_id,
        agent_id=note.agent_id,
        source="file",
        began_at=note.began_at,
        now=datetime.now(UTC),
        warnings=told.warnings,
    )
    summary = analysis.summary
    return dg.MaterializeResult(
        metadata={
            "turns": len(analysis.turns),
            "events_appended": appended,
            "cards": sum(hasattr(moment, "card_id") for moment in analysis.moments),
            "steps_not_done": len(analysis.open_steps),
            "summary_by": summary.made_by,
            "claims_dropped": dict(summary.dropped),
            "talk_share": analysis.talk.talk_share,
        }
    )


@dg.asset(group_name="voice", kinds={"whisper"}, code_version="1")
def transcription_quality(home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Word error rate of the transcription in use, measured again on recordings whose words are known."""
    options = home.settings
    folder = options.voice_reference
    if folder is None:
        return dg.MaterializeResult(metadata={"waits_for": "LINTEL_VOICE_REFERENCE, a folder of recordings with words"})
    engine = load(options.transcription_model, options)
    known = references(folder)
    rate = measured(engine, known, np.random.default_rng(0))
    return dg.MaterializeResult(
        metadata={
            "word_error_rate": rate.rate,
            "low": rate.low,
            "high": rate.high,
            "errors": rate.errors,
            "words": rate.words,
            "recordings": len(known),
            "model": engine.name,
        }
    )


def _recorded(context: dg.AssetExecutionContext, home: Home) -> tuple[Recorded, Note]:
    """The recording of the partition and what its note says. Raises ErasedLeadError for a lead that was erased."""
    one = recorded(home.settings.inbox, context.partition_key)
    note = one.read_note()
    if note.lead_id is not None:
        home.events.check_not_erased(one.tenant, note.lead_id)
    return one, note


def _path(home: Home, one: Recorded) -> Path:
    folder = home.work(one.tenant, "calls")
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder / f"{one.name}.json"


def _redacted(told: Heard) -> Heard:
    turns = conversation(told.segments, told.speakers)
    segments = tuple(Segment(told.speakers.index(turn.speaker), turn.words) for turn in turns)
    return replace(told, segments=segments)


def _read(path: Path) -> Heard:
    plain = json.loads(path.read_text(encoding="utf-8"))
    segments = tuple(
        Segment(segment["channel"], tuple(Word(**word) for word in segment["words"])) for segment in plain["segments"]
    )
    voice = CustomerVoice.from_json(plain["voice"]) if plain["voice"] else None
    return Heard(segments, tuple(plain["speakers"]), plain["seconds"], tuple(plain["warnings"]), voice)
