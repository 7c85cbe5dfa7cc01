"""Long-running children of `lintel serve --all`: started apart, found again by a file, stopped as a group."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from lintel.errors import UnavailableError
from serving.process import why_taken

STOP_SECONDS = 40.0
"""How long a service may take to end: its supervisor gives workers 30 s for what they are answering."""


@dataclass(frozen=True, slots=True)
class Child:
    """A started service. `created` tells it from a later process that got the same pid."""

    name: str
    address: str
    pid: int
    created: float
    log: str

    @property
    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True, slots=True)
class Service:
    """How to start a service and how to tell that it answers."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str
    health: str


def refuse_taken_port(service: Service) -> None:
    """Raises UnavailableError if somebody listens where the service would: it would be taken for ours."""
    url = httpx.URL(service.address)
    why = why_taken(url.host, url.port or 80)
    if why is not None:
        fault = f"{service.name} cannot have {url.host}:{url.port} ({why})."
        raise UnavailableError(fault, mend="Stop who listens there, or set another port.")


def start(service: Service, *, folder: Path, root: Path) -> Child:
    """Start in a session of its own, so that stopping reaches its children too."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{service.name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            service.command,
            cwd=root,
            env={**os.environ, **service.environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    created = psutil.Process(process.pid).create_time()
    return Child(service.name, service.address, process.pid, created, str(log))


def wait(child: Child, health: str, *, seconds: float = 120) -> None:
    """Return once `health` answers; UnavailableError with the log's place if it dies or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.alive:
            raise UnavailableError(f"{child.name} stopped while starting.", mend=f"See {child.log}.")
        try:
            if httpx.get(health, timeout=2, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise UnavailableError(f"{child.name} did not answer within {seconds:.0f} s.", mend=f"See {child.log}.")


def stop(child: Child, *, seconds: float = STOP_SECONDS) -> bool:
    """Ask the child's whole session to end, then insist. Returns whether there was anything to stop."""
    if not child.alive:
        return False
    process = psutil.Process(child.pid)
    family = [process, *process.children(recursive=True)]
    os.killpg(child.pid, signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=seconds)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=seconds)
    return True


def stop_all(children: Sequence[Child]) -> list[str]:
    """Stop all at the same time, so that it takes no longer than the slowest; the names of those that ran."""
    with ThreadPoolExecutor(max(len(children), 1)) as pool:
        ran = list(pool.map(stop, children))
    return [child.name for child, did in zip(children, ran, strict=True) if did]


def remember(children: Sequence[Child], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(child) for child in children], indent=2))


def remembered(file: Path) -> list[Child]:
    if not file.exists():
        return []
    return [Child(**entry) for entry in json.loads(file.read_text())]
