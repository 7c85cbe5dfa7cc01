"""Calls of real speech through the bento, as its own process, with real weights: a dialler plays LibriSpeech clips, and
so does a browser's microphone."""

import json
import os
import re
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from tests.voice_doors.chromium import chromium
from tests.voice_doors.test_live_page import CLICK, write
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


@dataclass(frozen=True)
class Said:
    """A clip, who says it, and its words."""

    side: str
    samples: Samples
    text: str


PAUSE = np.zeros(SAMPLE_RATE, np.float32)


def turns(seconds: float) -> list[Said]:
    """Two speakers who take turns, a second between them, for as long as asked."""
    folder = published("librispeech_test_other")
    rows = [line.split("\t") for line in (folder / "refs.tsv").read_text().splitlines()[1:]]
    said: list[Said] = []
    length = 0
    while length < seconds * SAMPLE_RATE:
        row = rows[len(said) % len(rows)]
        clip = read(folder / row[1], longest_seconds=60).channels[0]
        said.append(Said(("agent", "lead")[len(said) % 2], clip, row[6]))
        length += len(clip) + len(PAUSE)
    return said


def audio(said: Sequence[Said], side: str | None = None) -> Samples:
    """What is heard of one side, or of both on one microphone."""
    heard = [one.samples if side in (None, one.side) else np.zeros_like(one.samples) for one in said]
    return np.concatenate([piece for samples in heard for piece in (samples, PAUSE)])


def words(said: Sequence[Said], side: str | None = None) -> str:
    return " ".join(one.text for one in said if side in (None, one.side))


def called(running: Running, seconds: float, speed: float) -> tuple[dict[str, float], dict[str, object]]:
    """Word error rates by speaker of a call, and what is kept of it."""
    said = turns(seconds)
    with dialled(running.endpoint.url.replace("http", "ws", 1)) as dial:
        connection = dial(running.key, **CONSENTED)
        play(connection, audio(said, "agent"), audio(said, "lead"), speed=speed)
        listed = running.client.get("/v1/calls").json()["calls"]
        (call_id,) = [one["call_id"] for one in listed if one["state"] == "live"]
        assert stop(connection) == 1000
    kept = document(running.client, call_id)
    sides = ("agent", "lead")
    heard = {side: " ".join(one["text"] for one in kept["turns"] if one["speaker"] == side) for side in sides}
    return {side: rate(words(said, side), heard[side]) for side in sides}, kept


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


@dataclass
class Observed:
    """What a call told while it went on: its lag in ms, the seconds lost of it, and the memory of its process."""

    lags: list[float] = field(default_factory=list)
    lost_s: float = 0.0
    megabytes: list[float] = field(default_factory=list)

    @property
    def lag_halves(self) -> tuple[float, float]:
        """Medians of the first and of the second half."""
        middle = len(self.lags) // 2
        return statistics.median(self.lags[:middle]), statistics.median(self.lags[middle:])

    def take(self, kind: str, data: dict[str, object]) -> None:
        if kind == "lag":
            self.lags.append(max(dict(data["lag_ms"]).values()))
        elif kind == "gap":
            self.lost_s += float(str(data["seconds"]))


@contextmanager
def observed(running: Running, call_id: str, worker: psutil.Process, every_s: float = 30.0) -> Iterator[Observed]:
    """Watch a call while the block lasts; at its end the call has ended, or is ended."""
    seen, over = Observed(), threading.Event()

    def watch() -> None:
        with running.client.stream("GET", f"/v1/calls/{call_id}/live", timeout=None) as answer:
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                kind = value if name == "event" else kind
                if name == "data":
                    seen.take(kind, json.loads(value))

    def measure() -> None:
        while True:
            seen.megabytes.append(round(worker.memory_info().rss / 1e6, 1))
            if over.wait(every_s):
                return

    threads = [threading.Thread(target=target, daemon=True) for target in (watch, measure)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        running.client.post(f"/v1/calls/{call_id}/end")
        for thread in threads:
            thread.join(30)


def settled(megabytes: Sequence[float]) -> bool:
    """Whether memory grew less in the second half than what a call itself leaves behind."""
    return megabytes[-1] - megabytes[len(megabytes) // 2] < 40


@pytest.mark.slow
def test_ten_minutes_in_real_time(running: Running) -> None:
    (worker,) = psutil.Process(running.endpoint.pid).children()
    called(running, 20, speed=1.0)
    before = worker.memory_info().rss
    rates, kept = called(running, 600, speed=1.0)
    assert max(rates.values()) < 0.35
    assert worker.memory_info().rss < before + 150_000_000
    assert kept["ended"] == {"reason": "hung_up"}


@pytest.mark.slow
def test_ten_minutes_from_a_browser(running: Running, tmp_path: Path) -> None:
    pytest.importorskip("aiortc", reason="the voice extra is not installed")
    (worker,) = psutil.Process(running.endpoint.pid).children()
    said = turns(600)
    lasts = len(audio(said)) / SAMPLE_RATE
    with chromium(tmp_path, write(tmp_path / "microphone.wav", audio(said), SAMPLE_RATE)) as page:
        page.open(f"{running.endpoint.url}/live")
        page.fill("#key", running.key)
        page.press("Enter")
        page.until("document.body.dataset.view === 'lobby'")
        page.evaluate("document.getElementById('agreed').focus()")
        page.press("Space")
        page.evaluate(CLICK.format("start"))
        page.until("document.body.dataset.view === 'call'")
        call_id = page.evaluate("location.hash").removeprefix("#call=")
        with observed(running, call_id, worker) as seen:
            until = time.monotonic() + lasts + 3
            while time.monotonic() < until:
                page.until("document.getElementById('consent').textContent === 'Listening'")
                time.sleep(min(2.0, max(0.0, until - time.monotonic())))
            page.evaluate(CLICK.format("end"))
            page.until("document.getElementById('consent').dataset.state === 'ended'")
        assert page.complaints == []
    kept = document(running.client, call_id)
    heard = " ".join(one["text"] for one in kept["turns"])
    wrong = rate(words(said), heard)
    print({"wrong": wrong, "lag_ms": seen.lag_halves, "lost_s": seen.lost_s, "megabytes": seen.megabytes})
    assert kept["ended"] == {"reason": "hung_up"}
    assert wrong < 0.35
    assert kept["turns"][-1]["end"] > lasts - 10
    assert seen.lost_s < 1
    assert seen.lag_halves[1] < seen.lag_halves[0] + 1000
    assert settled(seen.megabytes)
