"""Background services of `lintel serve`: told apart from the dead, stopped with all their children."""

import socket
import sys
import threading
from pathlib import Path

import psutil
import pytest

import cli.processes
from cli.processes import Child, Service, remember, remembered, start, stop, stop_all, wait
from lintel.errors import UnavailableError

# services outlive the command that starts them, so nobody waits for their handles
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("begun", flush=True)
time.sleep(60)
"""


def started(program: str, folder: Path) -> Child:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    return start(Service("toy", [sys.executable, "-c", program], {}, address, address), folder=folder, root=folder)


def test_a_service_that_ends_at_its_start_is_told_of_at_once(tmp_path: Path) -> None:
    child = started("raise SystemExit(1)", tmp_path)
    with pytest.raises(UnavailableError, match=r"toy stopped while starting\. See .*toy\.log"):
        wait(child, child.address, seconds=30)
    assert not child.alive
    assert not stop(child)


def test_what_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    child = started(STUBBORN, tmp_path)
    while "begun" not in Path(child.log).read_text():
        assert child.alive
    remember([child], tmp_path / "services.json")
    (found,) = remembered(tmp_path / "services.json")
    family = psutil.Process(child.pid).children()
    assert stop(found, seconds=0.5)
    assert not child.alive
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)


def test_all_are_asked_to_end_before_anybody_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children = [Child(name, "", 1, 0.0, "") for name in ("first", "gone", "last")]
    together = threading.Barrier(len(children), timeout=30)

    def stopped(child: Child) -> bool:
        together.wait()
        return child.name != "gone"

    monkeypatch.setattr(cli.processes, "stop", stopped)
    assert stop_all(children) == ["first", "last"]
    assert stop_all([]) == []
