"""Files handed in over HTTP: transcribed at once and forgotten, or accepted and analysed later."""

import asyncio
import io
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import InputError, NotFoundError, UnavailableError
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.calls import Call
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcription import loading
from serving.voice import recordings, transcriber
from serving.voice.analysis_process import Asked, Job, analyse_and_keep, analyse_apart
from tests.voice_doors.conftest import TENANT, Serve, Served, kept
from tests.voice_doors.tones import ToneDetector, ToneEngine, spoken

WORDS = ["hello", "house", "garden"]


def wav(*channels: Samples) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.stack(channels, axis=1) * 32_767).astype("<i2").tobytes())
    return target.getvalue()


@pytest.fixture(autouse=True)
def tone_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe = transcriber.transcribe
    monkeypatch.setattr(transcriber, "load", lambda *_: ToneEngine())
    monkeypatch.setattr(recordings, "found", lambda *_: None)
    monkeypatch.setattr(
        transcriber, "transcribe", lambda *given, **more: transcribe(*given, **more, detector=ToneDetector)
    )


def test_short_audio_as_a_body_or_in_a_form(served: Served) -> None:
    sound = wav(spoken(WORDS))
    with served.client() as client:
        body = client.post("/v1/transcribe", content=sound, headers={"Content-Type": "audio/wav"})
        form = client.post("/v1/transcribe", files={"file": ("call.wav", sound, "audio/wav")})
    assert body.status_code == 200, body.text
    assert body.json() == form.json()
    answer = body.json()
    assert (answer["text"].split(), answer["language"], answer["model"]) == (WORDS, "en", "tones")
    assert answer["duration_s"] == pytest.approx(len(spoken(WORDS)) / SAMPLE_RATE, abs=0.01)
    assert [word["text"] for one in answer["segments"] for word in one["words"]] == WORDS


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"no audio at all", 400), (wav(spoken(WORDS))[:60], 400), (b"x" * 3_000_000, 413)],
    ids=["empty", "no audio", "cut off", "too large"],
)
def test_what_is_no_short_audio_is_refused(serve: Serve, content: bytes, status: int) -> None:
    with serve(voice_short_bytes=2_000_000, voice_short_seconds=4.0) as served, served.client() as client:
        for sent in ({"content": content}, {"files": {"file": content}}, {"content": iter([content])}):
            answer = client.post("/v1/transcribe", **sent)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert client.get("/livez").status_code == 200


def test_audio_that_is_too_long_is_refused(serve: Serve) -> None:
    with serve(voice_short_seconds=1.0) as served, served.client() as client:
        answer = client.post("/v1/transcribe", content=wav(spoken(WORDS)))
    assert (answer.status_code, "longer than" in answer.json()["detail"]) == (400, True)


def test_a_form_without_audio_is_refused(served: Served) -> None:
    with served.client() as client:
        assert client.post("/v1/transcribe", data={"file": "text"}, files={"other": b"x"}).status_code == 422
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        assert client.post("/v1/transcribe", content=b"rubbish", headers=broken).status_code in (400, 422)


def test_nothing_is_kept_of_a_recording_without_consent(served: Served) -> None:
    with served.client() as client:
        answer = client.post("/v1/calls/analyse", content=wav(spoken(WORDS)))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:lintel:problem:no-consent")
    assert served.home.calls.newest(TENANT) == []
    assert not list(served.home.settings.voice_path.glob("**/*"))


def test_an_empty_recording_is_refused_at_the_door(served_recordings: Served) -> None:
    served, consent = served_recordings, {"consent": "granted"}
    with served.client() as client:
        for sent in ({"params": consent}, {"data": consent, "files": {"file": b""}}):
            answer = client.post("/v1/calls/analyse", **sent)
            assert (answer.status_code, answer.json()["type"]) == (400, "urn:lintel:problem:no-audio")
    assert served.home.calls.newest(TENANT) == []
    assert emptied(served.home.settings.voice_path)


def emptied(folder: Path, seconds: float = 10.0) -> bool:
    """Whether no recording is left in a folder, in time."""
    deadline = time.monotonic() + seconds
    while list(folder.glob("*/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not list(folder.glob("*/*"))


def stand_in(monkeypatch: pytest.MonkeyPatch, home: list[Home], seconds: float = 0.0) -> None:
    """In place of the process: keeps how many bytes a recording has, after a while."""

    async def analyse(job: Job, settings: Settings) -> float:
        await asyncio.sleep(seconds)
        size = Path(job.path).stat().st_size
        if size < 10:
            raise InputError("The recording is empty.", mend="Send sound.")
        with suppress(NotFoundError):
            call = home[0].calls.get(job.tenant, job.call_id)
            document = {"speakers": list(job.asked.speakers), "bytes": size}
            home[0].calls.put(replace(call, state="done", document=document))
        return 2.0

    monkeypatch.setattr(recordings, "analyse_apart", analyse)


def test_a_recording_is_analysed_though_its_caller_leaves(served_recordings: Served) -> None:
    served, sound = served_recordings, wav(spoken(WORDS))
    parts = {"consent": "granted", "channels": "lead,agent", "lead_id": "lead-7"}
    with served.client() as client:
        answer = client.post("/v1/calls/analyse", files={"file": sound}, data=parts)
    assert answer.status_code == 202
    status = answer.headers["location"]
    call = kept(served, answer.json()["call_id"])
    assert (call.state, call.source, call.lead_id) == ("done", "file", "lead-7")
    assert (call.document["speakers"], call.document["bytes"]) == (["lead", "agent"], len(sound))
    assert emptied(served.home.settings.voice_path)
    with served.client() as client, served.client(served.other_key) as other:
        assert client.get(status).json()["document"]["bytes"] == len(sound)
        assert other.get(status).status_code == 404


def test_an_empty_id_names_nobody_and_a_long_one_is_refused(served_recordings: Served) -> None:
    sound = {"file": wav(spoken(WORDS))}
    with served_recordings.client() as client:
        for ids, code in (({"lead_id": " "}, 202), ({"lead_id": "x" * 201}, 422), ({"agent_id": "x" * 201}, 422)):
            answer = client.post("/v1/calls/analyse", files=sound, data={"consent": "granted"} | ids)
            assert answer.status_code == code
            if code == 202:
                assert kept(served_recordings, answer.json()["call_id"]).lead_id is None


def test_what_a_recording_failed_of_is_told(served_recordings: Served) -> None:
    with served_recordings.client() as client:
        accepted = client.post("/v1/calls/analyse?consent=granted", content=b"x").json()
    call = kept(served_recordings, accepted["call_id"])
    assert (call.state, call.document["error"]["detail"]) == ("failed", "The recording is empty.")


@pytest.fixture
def served_recordings(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    home: list[Home] = []
    stand_in(monkeypatch, home, seconds=0.2)
    with serve() as served:
        home.append(served.home)
        yield served


def test_a_recording_that_was_not_finished_is_begun_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, [], seconds=60)
    with serve() as served, served.client() as client:
        accepted = client.post("/v1/calls/analyse?consent=granted", content=wav(spoken(WORDS))).json()
        assert client.get(accepted["status"]).json()["state"] == "working"
    folder = served.home.settings.voice_path / TENANT / accepted["call_id"]
    assert {path.name for path in folder.iterdir()} == {"audio", "job.json"}
    with Home(served.home.settings) as home:
        stand_in(monkeypatch, [home], seconds=0.1)
        with serve() as again:
            assert kept(again, accepted["call_id"]).state == "done"


def test_a_recording_whose_process_dies_is_begun_again_but_not_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    deaths = {"first": 2, "second": 99}

    async def dies(job: Job, settings: Settings) -> float:
        lead = str(job.asked.lead_id)
        began.append(lead)
        if began.count(lead) <= deaths[lead]:
            raise UnavailableError("The analysis of a recording ended without a result.")
        return 2.0

    monkeypatch.setattr(recordings, "analyse_apart", dies)
    with serve() as served, served.client() as client:
        for lead in deaths:
            client.post(f"/v1/calls/analyse?consent=granted&lead_id={lead}", content=wav(spoken(WORDS)))
        assert emptied(served.home.settings.voice_path)
        assert (began.count("first"), began.count("second")) == (3, 3)
        (failed,) = served.home.calls.newest(TENANT, lead_id="second")
        assert (failed.state, failed.document["error"]["type"]) == ("failed", "unavailable")


def test_without_weights_a_recording_is_refused_at_the_door(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "found", loading.found)
    with serve(weights_path=tmp_path / "none", voice_model="base") as served, served.client() as client:
        answer = client.post("/v1/calls/analyse?consent=granted", content=wav(spoken(WORDS)))
        assert answer.status_code == 503
        assert "lintel models pull base" in answer.json()["mend"]
        assert served.home.calls.newest(TENANT) == []


def test_a_failed_recording_that_was_erased_meanwhile_stays_erased(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, [], seconds=0.5)
    with serve() as served, served.client() as client:
        accepted = client.post("/v1/calls/analyse?consent=granted&lead_id=l", content=b"x").json()
        served.home.calls.erase(TENANT, ["l"])
        assert emptied(served.home.settings.voice_path)
        assert client.get(accepted["status"]).status_code == 404


def test_a_fault_of_one_recording_does_not_leave_the_others_undone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    home: list[Home] = []
    stand_in(monkeypatch, home)
    analyse, began = recordings.analyse_apart, []

    async def fails_first(job: Job, settings: Settings) -> float:
        began.append(job.call_id)
        if len(began) == 1:
            raise OSError("no process can be started")
        return await analyse(job, settings)

    monkeypatch.setattr(recordings, "analyse_apart", fails_first)
    with serve() as served, served.client() as client:
        home.append(served.home)
        sound = wav(spoken(WORDS))
        first, second = (client.post("/v1/calls/analyse?consent=granted", content=sound).json() for _ in range(2))
        assert kept(served, second["call_id"]).state == "done"
        assert client.get(first["status"]).json()["state"] == "working"
        assert (served.home.settings.voice_path / TENANT / first["call_id"] / "audio").is_file()


def test_the_process_says_what_it_refuses(served: Served, tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    audio.write_bytes(b"no audio")
    job = Job("call", TENANT, datetime.now(UTC), str(audio), Asked())
    served.home.calls.put(Call(TENANT, "call", None, None, "file", "working", job.received_at, None, {}))
    with pytest.raises(InputError, match="recording"):
        asyncio.run(analyse_apart(job, served.home.settings))


def test_a_recording_of_an_erased_lead_is_refused_at_the_door(served_recordings: Served) -> None:
    served_recordings.home.erase(TENANT, "gone", now=datetime.now(UTC))
    with served_recordings.client() as client:
        answer = client.post("/v1/calls/analyse?consent=granted&lead_id=gone", content=wav(spoken(WORDS)))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lintel:problem:erased-lead")
    assert served_recordings.home.calls.newest(TENANT) == []
    assert emptied(served_recordings.home.settings.voice_path)


def test_a_recording_whose_lead_was_erased_is_not_heard(served: Served) -> None:
    job = Job("gone", TENANT, datetime.now(UTC), "no such file", Asked(lead_id="gone"))
    assert analyse_and_keep(job, served.home) == 0.0
