"""A process that is really killed (SIGKILL) at named points of a look, and the next one that goes on from there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lintel.alerts.cursor import Cursor
from lintel.alerts.message import Message
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.sinks.sink import DeliveryError
from lintel.alerts.watch import Watch
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from tests.alerts.conftest import NOW
from tests.alerts.test_watch import Runs

ROOT = Path(__file__).parents[2]
_LOOK = """
import sys
from pathlib import Path
from tests.alerts.test_kills import look
look(Path(sys.argv[1]), sys.argv[2])
"""


class FileSink:
    """Takes messages into a file; ends the process before or after, as it is told."""

    name = "log"

    def __init__(self, path: Path, kill: str) -> None:
        self.path, self.kill = path, kill

    def send(self, message: Message) -> None:
        if self.kill == "before it is sent":
            os.kill(os.getpid(), signal.SIGKILL)
        with self.path.open("a") as file:
            file.write(f"{message.key} {message.kind} {','.join(entry.tenant for entry in message.entries)}\n")
        if self.kill == "after it is sent":
            os.kill(os.getpid(), signal.SIGKILL)


def look(folder: Path, kill: str) -> None:
    with Home(Settings(home=folder / "home")) as home:
        sinks = {"log": FileSink(folder / "told", kill)}
        watch = Watch(home, RuleBook.load(), sinks, Runs())
        if kill == "after it is opened":
            home.alerts.advance = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        if kill == "after it is addressed":
            home.alerts.undelivered = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        watch.look(Cursor(), NOW)


@pytest.mark.parametrize(
    ("kill", "messages"),
    [
        ("after it is opened", 1),
        ("after it is addressed", 1),
        ("before it is sent", 1),
        ("after it is sent", 2),
    ],
)
def test_nothing_is_lost_and_what_comes_twice_has_the_same_key(tmp_path: Path, kill: str, messages: int) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant in ("acme", "zenith"):
            home.events.put_tenant(Tenant(id=tenant, labels="simulator"))
            home.monitoring.write(tenant, "drift", NOW, {"alarm": True, "explanation": "It drifted."})
    command = [sys.executable, "-c", _LOOK, str(tmp_path), kill]
    killed = subprocess.run(command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    look(tmp_path, "")
    look(tmp_path, "")
    told = (tmp_path / "told").read_text().splitlines()
    assert len(told) == messages
    assert len(set(told)) == 1
    assert told[0].endswith("firing acme,zenith")
    with Home(Settings(home=tmp_path / "home")) as home:
        assert [one.count for one in home.alerts.unresolved()] == [1, 1]
        assert {one.state for alert in home.alerts.unresolved() for one in alert.deliveries} == {"sent"}
        assert [one["act"] for one in home.audit.read("acme")] == ["alert.open"]
        assert home.audit.verify().fault is None


def test_an_error_of_a_sink_holds_no_address() -> None:
    assert str(DeliveryError("slack", "HTTP 503")).startswith("The sink 'slack' did not take the message: HTTP 503.")
