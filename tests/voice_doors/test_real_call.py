"""Calls of real speech through the bento, as its own process, with real weights: a dialler plays LibriSpeech clips."""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcription.weights import RECORD
from lintel.voice.transcription.word_error_rate import word_errors
from serving.autoscaling.targets import VOICE, of_voice
from serving.process import Endpoint, bento
from tests.voice.published import published
from tests.voice_doors.twilio_client import CONSENTED, dialled, play, stop

TENANT = "acme"
WEIGHTS = os.environ.get("LINTEL_TEST_WEIGHTS")
pytestmark = pytest.mark.skipif(
    not WEIGHTS or not (Path(WEIGHTS) / "tiny.en" / RECORD).is_file(),
    reason="no weights of tiny.en at hand (set LINTEL_TEST_WEIGHTS to a folder of them)",
)


@dataclass(frozen=True)
class Running:
    endpoint: Endpoint
    client: httpx.Client
    key: str


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    settings = Settings(home=tmp_path / "home", weights_path=Path(str(WEIGHTS)), voice_calls=2)
    with Home(settings) as home:
        home.events.put_tenant(Tenant(id=TENANT, labels="simulator"))
        key = home.keys.create(TENANT, "tests", "write")
    headers = {"Authorization": f"Bearer {key}"}
    with (
        bento(of_voice(settings), VOICE, port=0, log=tmp_path / "voice.log") as endpoint,
        httpx.Client(base_url=endpoint.url, headers=headers, timeout=60, trust_env=False) as client,
    ):
        yield Running(endpoint, client, key)


def clips(seconds: float) -> tuple[dict[str, Samples], dict[str, list[str]]]:
    """Two sides of a call that take turns, as long as asked, and what each says."""
    folder = published("librispeech_test_other")
    rows = [line.split("\t") for line in (folder / "refs.tsv").read_text().splitlines()[1:]]
    sides: dict[str, list[Samples]] = {"agent": [], "lead": []}
    said: dict[str, list[str]] = {"agent": [], "lead": []}
    length, turn = 0, 0
    while length < seconds * SAMPLE_RATE:
        row = rows[turn % len(rows)]
        clip = read(folder / row[1], longest_seconds=60).channels[0]
        pause = np.zeros(SAMPLE_RATE, np.float32)
        for number, side in enumerate(sides):
            speaks = number == turn % 2
            sides[side] += [clip if speaks else np.zeros_like(clip), pause]
            said[side] += row[6].split() if speaks else []
        length, turn = length + len(clip) + len(pause), turn + 1
    return {side: np.concatenate(pieces) for side, pieces in sides.items()}, said


def called(running: Running, seconds: float, speed: float) -> tuple[dict[str, float], dict[str, object]]:
    """Word error rates by speaker of a call, and what is kept of it."""
    audio, said = clips(seconds)
    with dialled(running.endpoint.url.replace("http", "ws", 1)) as dial:
        connection = dial(running.key, **CONSENTED)
        play(connection, audio["agent"], audio["lead"], speed=speed)
        listed = running.client.get("/v1/calls").json()["calls"]
        (call_id,) = [one["call_id"] for one in listed if one["state"] == "live"]
        assert stop(connection) == 1000
    kept = document(running.client, call_id)
    heard = {side: " ".join(one["text"] for one in kept["turns"] if one["speaker"] == side) for side in said}
    return {side: rate(" ".join(said[side]), heard[side]) for side in said}, kept


def rate(said: str, heard: str) -> float:
    """Word error rate, of spellings as they are: an upper bound of the true one."""
    return word_errors(said.split(), re.sub(r"[^a-z' ]", " ", heard.lower()).split()) / len(said.split())


def document(client: httpx.Client, call_id: str) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = client.get(f"/v1/calls/{call_id}").json()
        if found.get("document"):
            return dict(found["document"])
        time.sleep(0.1)
    raise AssertionError("nothing was kept")


def test_twenty_seconds_of_two_speakers(running: Running) -> None:
    rates, kept = called(running, 20, speed=2.0)
    assert max(rates.values()) < 0.5
    assert kept["ended"] == {"reason": "hung_up"}
    log = running.endpoint.log.read_text()
    assert not any(one["text"] in log for one in kept["turns"])


def test_a_recording_is_transcribed_by_the_process_of_its_own(running: Running, tmp_path: Path) -> None:
    folder = published("librispeech_test_other")
    row = (folder / "refs.tsv").read_text().splitlines()[1].split("\t")
    sound = (folder / row[1]).read_bytes()
    short = running.client.post("/v1/transcribe", content=sound).json()
    assert rate(row[6], short["text"]) < 0.3
    accepted = running.client.post("/v1/calls/analyse?consent=granted&channels=lead", content=sound).json()
    kept = document(running.client, accepted["call_id"])
    assert rate(row[6], " ".join(one["text"] for one in kept["turns"])) < 0.3
    assert kept["speakers"] == ["lead"]


@pytest.mark.slow
def test_ten_minutes_in_real_time(running: Running) -> None:
    (worker,) = psutil.Process(running.endpoint.pid).children()
    called(running, 20, speed=1.0)
    before = worker.memory_info().rss
    rates, kept = called(running, 600, speed=1.0)
    assert max(rates.values()) < 0.35
    assert worker.memory_info().rss < before + 150_000_000
    assert kept["ended"] == {"reason": "hung_up"}
