"""Recorded calls through Dagster: the sensor finds them, a run hears them, the log knows of them."""

import json
import shutil
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from assets.voice import RECORDINGS, call_insights, recordings, transcription_quality, transcripts
from lintel.events.validation import table_from_rows
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from lintel.voice.recorded import Heard
from orchestration.definitions import defs
from orchestration.recordings_sensor import recordings_by_night, recordings_folder
from tests.voice.published import published

NOTE = {"consent": "granted", "began_at": "2026-03-01T12:00:00Z", "lead_id": "lead1", "agent_id": "ann"}
LEAD = {"event_id": "e1", "lead_id": "lead1", "kind": "lead.created", "occurred_at": "2026-02-01T12:00:00Z"}
NIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
KEY = "acme~call-1"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        yield home


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def put(home: Home, tenant: str, name: str) -> Path:
    folder = home.settings.inbox / tenant
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(2 * 16_000, np.int16).tobytes())
    (folder / f"{name}.json").write_text(json.dumps(NOTE))
    return folder


def made(home: Home, instance: dg.DagsterInstance, *, whole: bool = True) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(str(RECORDINGS.name), [KEY])
    assets = [recordings, transcripts, call_insights] if whole else [recordings]
    return dg.materialize(assets, partition_key=KEY, resources={"home": home}, instance=instance, raise_on_error=False)


def test_a_tick_asks_for_each_recording_of_a_known_tenant_once(home: Home, instance: dg.DagsterInstance) -> None:
    put(home, "acme", "call-1")
    put(home, "stranger", "call-1")
    first = recordings_folder(dg.build_sensor_context(instance), home=home)
    assert [one.partition_key for one in first.run_requests] == [KEY]
    instance.add_dynamic_partitions(str(RECORDINGS.name), [KEY])
    assert not recordings_folder(dg.build_sensor_context(instance), home=home).run_requests


def test_a_night_asks_again_for_what_came_to_nothing(home: Home, instance: dg.DagsterInstance) -> None:
    put(home, "acme", "call-1")
    context = dg.build_schedule_context(instance, scheduled_execution_time=NIGHT)
    assert isinstance(recordings_by_night(context, home=home), dg.SkipReason)
    instance.add_dynamic_partitions(str(RECORDINGS.name), [KEY])
    (asked,) = recordings_by_night(context, home=home)
    assert (asked.partition_key, asked.run_key) == (KEY, f"{KEY}:2026-03-02")


def test_a_recording_without_consent_is_not_read(home: Home, instance: dg.DagsterInstance) -> None:
    folder = put(home, "acme", "call-1")
    (folder / "call-1.json").write_text(json.dumps({**NOTE, "consent": "refused"}))
    assert not made(home, instance, whole=False).success


def test_the_jobs_of_tenants_leave_recordings_alone() -> None:
    nightly = defs.resolve_job_def("nightly")
    assert not {"recordings", "transcripts", "call_insights", "transcription_quality"} & set(nightly.graph.node_dict)


def test_quality_waits_for_a_reference(home: Home) -> None:
    done = dg.materialize([transcription_quality], resources={"home": home})
    (told,) = done.asset_materializations_for_node("transcription_quality")
    assert "waits_for" in told.metadata


def test_a_call_goes_from_the_inbox_into_the_log(with_weights: Settings, instance: dg.DagsterInstance) -> None:
    clip = published("misc_speech/audio/stereo_two_channel.flac")
    with Home(with_weights) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        folder = put(home, "acme", "call-1")
        (folder / "call-1.wav").unlink()
        shutil.copy(clip, folder / "call-1.flac")
        assert made(home, instance).success
        assert made(home, instance).success
        (event,) = home.events.by_time("acme").to_pylist()
        assert (event["kind"], event["lead_id"], event["agent_id"]) == ("call.completed", "lead1", "ann")
        call = home.calls.get("acme", "call-1")
        assert "wizard" in call.document["turns"][0]["text"]
        assert call.document["speakers"] == ["agent", "lead"]


def test_an_erased_lead_leaves_no_recording_and_no_transcript(home: Home) -> None:
    home.events.append("acme", table_from_rows([LEAD]).events, now=NIGHT)
    folder = put(home, "acme", "call-1")
    put(home, "acme", "call-2")
    (folder / "call-2.json").write_text(json.dumps(NOTE | {"lead_id": "lead2"}))
    transcript = home.work("acme", "calls") / "call-1.json"
    transcript.parent.mkdir()
    transcript.write_text("{}")
    home.erase("acme", "lead1", now=NIGHT)
    assert sorted(path.name for path in folder.iterdir()) == ["call-2.json", "call-2.wav"]
    assert not transcript.exists()


def test_nobody_speaks_and_nothing_is_made_up(with_weights: Settings, instance: dg.DagsterInstance) -> None:
    with Home(with_weights) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        put(home, "acme", "call-1")
        assert made(home, instance).success
        assert home.calls.get("acme", "call-1").document["turns"] == []


def test_a_recording_of_an_erased_lead_is_refused_and_left_where_it_is(
    home: Home, instance: dg.DagsterInstance
) -> None:
    home.erase("acme", "lead1", now=NIGHT)
    folder = put(home, "acme", "call-1")
    assert not made(home, instance, whole=False).success
    assert sorted(path.name for path in folder.iterdir()) == ["call-1.json", "call-1.wav"]


def test_a_lead_that_is_erased_while_its_recording_is_heard_leaves_no_transcript(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(home, "acme", "call-1")

    def erasing(*_: object, **__: object) -> Heard:
        home.erase("acme", "lead1", now=NIGHT)
        return Heard((), ("agent", "lead"), 1.0, ())

    monkeypatch.setattr("assets.voice.load", lambda *_: None)
    monkeypatch.setattr("assets.voice.heard", erasing)
    assert not made(home, instance).success
    assert (list(folder.iterdir()), list(home.work("acme", "calls").iterdir())) == ([], [])
