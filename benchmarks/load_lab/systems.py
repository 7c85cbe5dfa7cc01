"""The systems under test, each as real processes behind a real socket: ours, two baselines, and one that does nothing.

All have two worker processes and one thread for numeric libraries in each.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.load_lab.laboratory import WORKERS, Laboratory, lab_settings
from lintel.environment import child_environment
from lintel.errors import UnavailableError
from lintel.registry.models import ModelRegistry
from serving.process import PROJECT, bento

HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 120.0, 10.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_UVICORN = ("-m", "uvicorn", "--workers", str(WORKERS), "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True, slots=True)
class System:
    """Something that answers on a port."""

    name: str
    port: int
    pid: int  # of the parent of its workers
    log: Path

    @property
    def workers(self) -> list[psutil.Process]:
        """Its processes, the parent first."""
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time of all its processes until now."""
        times = [process.cpu_times() for process in self.workers]
        return sum(one.user + one.system for one in times)


@contextlib.contextmanager
def lintel(lab: Laboratory, *, cached_scores: int = 0) -> Iterator[System]:
    """Our service from the source tree, with the score cache off unless it is given a size."""
    settings = lab_settings(lab.settings.home, cached_scores=cached_scores)
    with bento(settings, port=free_port()) as endpoint:
        yield System("lintel", int(endpoint.url.rpartition(":")[2]), endpoint.pid, endpoint.log)


@contextlib.contextmanager
def plain(lab: Laboratory) -> Iterator[System]:
    """The FastAPI endpoint of `plain_service`."""
    with _uvicorn("fastapi", lab, "benchmarks.load_lab.plain_service:app", "/health") as system:
        yield system


@contextlib.contextmanager
def noop(lab: Laboratory) -> Iterator[System]:
    """The Starlette route of `noop_service`."""
    with _uvicorn("noop", lab, "benchmarks.load_lab.noop_service:app", "/") as system:
        yield system


@contextlib.contextmanager
def mlflow(lab: Laboratory) -> Iterator[System]:
    """`mlflow models serve` of the same bundle, registered in a registry of its own as Lintel registers bundles."""
    folder = lab.settings.home / "mlflow"
    folder.mkdir(exist_ok=True)
    url = f"sqlite:///{folder / 'mlflow.db'}"
    registry = ModelRegistry(url, artifacts=folder / "artifacts", bundles=folder / "bundles")
    version = registry.register(lab.bundle_path, scope=lab.tenant, tags={})
    port = free_port()
    command = ["-m", "mlflow", "models", "serve", "--model-uri", f"models:/{version.name}/{version.version}"]
    command += ["--env-manager", "local", "--workers", str(WORKERS), "--host", HOST, "--port", str(port)]
    environment = _environment(lab) | {"MLFLOW_TRACKING_URI": url, "PATH": _path()}
    with _served("mlflow", lab, command, port=port, health="/ping", environment=environment) as system:
        yield system


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _uvicorn(name: str, lab: Laboratory, app: str, health: str) -> Iterator[System]:
    port = free_port()
    command = [*_UVICORN, app, "--host", HOST, "--port", str(port)]
    with _served(name, lab, command, port=port, health=health, environment=_environment(lab)) as system:
        yield system


@contextlib.contextmanager
def _served(
    name: str, lab: Laboratory, command: Sequence[str], *, port: int, health: str, environment: dict[str, str]
) -> Iterator[System]:
    log = lab.settings.home / "logs" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and modules
            [sys.executable, *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
        )
    try:
        _wait(process, f"http://{HOST}:{port}{health}", log)
        yield System(name, port, process.pid, log)
    finally:
        _stop(process)


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Until it answers. Raises UnavailableError with the end of its log if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, timeout=2.0, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise UnavailableError(f"{log.stem} did not start.\n{log.read_text(errors='replace')[-2_000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it and its workers to end, then insist."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for one in left:
            one.kill()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(lab: Laboratory) -> dict[str, str]:
    return child_environment(lab.settings) | _ONE_THREAD


def _path() -> str:
    """MLflow starts `uvicorn` by name."""
    return f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
