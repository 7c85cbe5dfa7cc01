"""The two ways in: `lintel demo` from nothing to ten leads, and services that start and are gone when stopped."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.orchestration.nightly_home import NightlyHome

ROOT = Path(__file__).parents[2]
NAMES = ("LINTEL_PORT", "LINTEL_DAGSTER_PORT", "LINTEL_MLFLOW_PORT")


def lintel(*arguments: str, timeout: float, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINTEL_")}
    command = [sys.executable, "-m", "cli.main", *arguments]
    environment = {**inherited, **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_ten_leads(tmp_path: Path) -> None:
    done = lintel("demo", "--simulate", "--json", timeout=600, LINTEL_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr[-3000:]
    value = json.loads(done.stdout.splitlines()[-1])
    assert value["simulated"] is True
    assert "simulated" in done.stderr
    assert len(value["leads"]) == 10
    for lead in value["leads"]:
        assert lead["simulated"] is True
        assert 0 <= lead["overall"]["priority"] <= 1
        assert lead["reasons"]
        won = lead["dimensions"]["conversion"]
        assert won["interval"][0] <= won["probability"] <= won["interval"][1]
    priorities = [lead["overall"]["priority"] for lead in value["leads"]]
    assert priorities == sorted(priorities, reverse=True)
    assert not [one for one in psutil.process_iter(["environ"]) if at_home(one, tmp_path)], "a process was left"


def at_home(process: psutil.Process, folder: Path) -> bool:
    return str(folder) in str((process.info["environ"] or {}).get("LINTEL_HOME"))


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture
def variables(own_nightly_home: NightlyHome) -> Iterator[dict[str, str]]:
    """A home with a champion, and ports that nobody uses; whatever is left running there is ended."""
    ports = dict(zip(NAMES, map(str, free_ports(len(NAMES))), strict=True))
    found = {"LINTEL_HOME": str(own_nightly_home.path), **ports}
    yield found
    lintel("serve", "--stop", timeout=60, **found)


def family(file: Path) -> list[psutil.Process]:
    """Every process of the services that a file of `lintel serve` names."""
    heads = [psutil.Process(child["pid"]) for child in json.loads(file.read_text())]
    return [one for head in heads for one in (head, *head.children(recursive=True))]


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def services(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr[-3000:]
    return {one["name"]: one["address"] for one in json.loads(done.stdout.splitlines()[-1])["services"]}


def test_the_service_starts_answers_and_is_gone_when_stopped(variables: dict[str, str]) -> None:
    found = services(lintel("serve", "--json", timeout=120, **variables))
    assert found == {"lead_scoring": f"http://127.0.0.1:{variables['LINTEL_PORT']}"}
    ready = httpx.get(found["lead_scoring"] + "/readyz", trust_env=False)
    assert ready.status_code == httpx.codes.OK
    second = lintel("serve", "--json", timeout=60, **variables)
    assert second.returncode == 2
    assert "already runs" in second.stderr
    processes = family(Path(variables["LINTEL_HOME"]) / "run" / "services.json")
    assert processes
    stopped = lintel("serve", "--stop", "--json", timeout=60, **variables)
    assert json.loads(stopped.stdout) == {"stopped": ["lead_scoring"]}
    assert all(gone(one) for one in processes)
    with pytest.raises(httpx.TransportError):
        httpx.get(found["lead_scoring"] + "/livez", trust_env=False)
    assert json.loads(lintel("serve", "--stop", "--json", timeout=60, **variables).stdout) == {"stopped": []}


@pytest.mark.slow
def test_all_services_start_together_and_are_gone_when_stopped(variables: dict[str, str]) -> None:
    found = services(lintel("serve", "--all", "--json", timeout=300, **variables))
    assert found.keys() == {"lead_scoring", "dagster", "mlflow"}
    for address in found.values():
        assert httpx.get(address, trust_env=False, timeout=20, follow_redirects=True).status_code < 500
    processes = family(Path(variables["LINTEL_HOME"]) / "run" / "services.json")
    stopped = lintel("serve", "--stop", "--json", timeout=90, **variables)
    assert json.loads(stopped.stdout)["stopped"] == ["lead_scoring", "dagster", "mlflow"]
    assert all(gone(one) for one in processes)


def test_a_port_that_is_taken_is_said_plainly(variables: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(variables["LINTEL_PORT"])))
        taken.listen()
        done = lintel("serve", "--json", timeout=60, **variables)
    assert done.returncode == 5
    assert json.loads(done.stdout.splitlines()[-1])["error"]["type"] == "unavailable"
    assert f"lead_scoring cannot have 127.0.0.1:{variables['LINTEL_PORT']}" in done.stderr
    assert not (Path(variables["LINTEL_HOME"]) / "run" / "services.json").exists()
