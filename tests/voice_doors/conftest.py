"""The voice service on a real socket, in this process; what it hears with is a stand-in (`tones`)."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
import uvicorn
from websockets.sync.client import ClientConnection

from lintel.errors import NotFoundError
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.calls import Call
from lintel.store.tenants import Tenant
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.recorded import Tools
from lintel.voice.understanding.understanding import Understanding
from serving.autoscaling.server import WorkerServer
from serving.voice.application import application
from serving.voice.calls import CallLimits, Calls
from serving.voice.listening import Listening
from tests.voice_doors.tones import ToneDetector, ToneEngine
from tests.voice_doors.twilio_client import dialled

TENANT, OTHER = "acme", "zenith"
PLAYBOOK = b"""
name: tones
cards:
  - id: price
    title: They ask what it costs
    category: objection
    severity: info
    suggestion: Say the range.
    when: {phrases: ["price"], speaker: lead}
"""


@dataclass(frozen=True)
class Served:
    """A running service: keys that may write of two tenants, and one that may only read."""

    url: str
    home: Home
    engine: ToneEngine
    key: str
    other_key: str
    reader_key: str

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def client(self, key: str | None = "") -> httpx.Client:
        token = self.key if key == "" else key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)


Dial = Callable[..., ClientConnection]
Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves with the limits and settings given, until the block ends."""

    @contextmanager
    def serving(limits: CallLimits | None = None, **chosen: object) -> Iterator[Served]:
        settings = Settings(home=tmp_path / "home", **chosen)
        engine = ToneEngine()

        def listening(_: Settings, home: Home) -> Listening:
            tools = Tools(Understanding(), Playbook.parse(PLAYBOOK, "tones"), None, None, "")
            calls = Calls([engine], coach=lambda _: tools.coach(), detectors=ToneDetector, limits=limits)
            return Listening(calls, tools)

        with Home(settings) as home:
            for tenant in (TENANT, OTHER):
                home.events.put_tenant(Tenant(id=tenant, labels="simulator"))
            keys = [
                home.keys.create(TENANT, token_hex(4), "write"),
                home.keys.create(OTHER, token_hex(4), "write"),
                home.keys.create(TENANT, token_hex(4), "read"),
            ]
            with _running(application(settings, listening=listening)) as url:
                yield Served(url, home, engine, *keys)

    return serving


@pytest.fixture
def served(serve: Serve) -> Iterator[Served]:
    with serve(CallLimits(calls=3)) as running:
        yield running


@pytest.fixture
def dial(served: Served) -> Iterator[Dial]:
    """Connections of a dialler to the service."""
    with dialled(served.socket_url) as dial:
        yield dial


@contextmanager
def _running(app: object) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = WorkerServer(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.02)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()


def live_call(served: Served, external_id: str) -> str:
    """The id of the live call that its dialler calls so."""
    with served.client() as client:
        calls = client.get("/v1/calls").json()["calls"]
    return next(one["call_id"] for one in calls if one["state"] == "live" and one["external_id"] == external_id)


def kept(served: Served, call_id: str, seconds: float = 10.0) -> Call:
    """What is kept of a call, once it is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(NotFoundError):
            call = served.home.calls.get(TENANT, call_id)
            if call.state in ("done", "failed"):
                return call
        time.sleep(0.02)
    raise AssertionError("nothing was kept")


def said(call: Call, speaker: str) -> list[str]:
    return " ".join(one["text"] for one in call.document["turns"] if one["speaker"] == speaker).split()
