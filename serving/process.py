"""A bento as a child process: started on a port, waited for, stopped; its output kept in a file."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from lintel.environment import child_environment
from lintel.errors import UnavailableError
from lintel.settings import Settings
from serving.autoscaling.targets import PROJECT, SOURCE

START_SECONDS = 90.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.1
_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running bento answers."""

    url: str
    pid: int
    log: Path


@contextlib.contextmanager
def bento(
    settings: Settings,
    target: str = SOURCE,
    *,
    port: int | None = None,
    log: Path | None = None,
    wait: str = "/readyz",
    deadline_seconds: float = START_SECONDS,
) -> Iterator[Endpoint]:
    """Run `target` until the block ends.

    Parameters
    ----------
    port: 0 takes a free one, None the port of the settings.
    log: file of the bento's output; `home/logs/lead_scoring.log` by default.
    wait: the path that must answer 200 before the block begins; `/livez` does not ask for a model.

    Raises UnavailableError, with the end of the log, if it does not answer in time or stops before, and if somebody
    listens on the port already: whoever that is would be taken for ours.
    """
    number = _free_port(settings.host) if port == 0 else port or settings.port
    _refuse_taken(settings.host, number)
    log = log or settings.home / "logs" / "lead_scoring.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = _start(settings, target, number, output.fileno())
    endpoint = Endpoint(f"http://{settings.host}:{number}", process.pid, log)
    try:
        _wait(process, endpoint, wait, deadline_seconds)
        yield endpoint
    finally:
        _stop(process)


def serve_command(settings: Settings, target: str = SOURCE, port: int | None = None) -> list[str]:
    """The command that serves `target` (a tag, or SOURCE) in the foreground, with as many workers as the load asks for
    within the bounds of the settings. Run it in PROJECT and give it `service_environment`."""
    return [sys.executable, "-m", "serving.autoscaling.supervisor", target, "--port", str(port or settings.port)]


def why_taken(host: str, port: int) -> str | None:
    """Why nothing new can listen there, in the system's words; None if it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that has just been let go is free
        try:
            probe.bind((host, port))
        except OSError as error:
            return str(error.strerror)
    return None


def _refuse_taken(host: str, port: int) -> None:
    why = why_taken(host, port)
    if why is not None:
        fault = f"The scoring service cannot have port {port} of {host} ({why})."
        raise UnavailableError(fault, mend="Stop what listens there, or set LINTEL_PORT to another.")


def _start(settings: Settings, target: str, port: int, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own interpreter and a target that the operator chose
        serve_command(settings, target, port),
        cwd=PROJECT,
        env=child_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
    )


def _wait(process: subprocess.Popen[bytes], endpoint: Endpoint, path: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    last = "it did not answer"
    with httpx.Client(timeout=2.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise _failed(endpoint, f"The scoring service stopped at once (exit code {process.returncode}).")
            try:
                answer = client.get(endpoint.url + path)
            except httpx.TransportError:
                time.sleep(_POLL_SECONDS)
                continue
            if answer.status_code == httpx.codes.OK:
                return
            last = answer.text
            time.sleep(_POLL_SECONDS)
    raise _failed(endpoint, f"The scoring service was not ready within {seconds:.0f} s: {last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then end whatever is left of it and its workers, which have sessions of their own."""
    family = _family(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    _, left = psutil.wait_procs(family, timeout=0)
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _failed(endpoint: Endpoint, message: str) -> UnavailableError:
    lines = endpoint.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return UnavailableError(message + "\n" + "\n".join(lines), mend=f"\nThe whole log is {endpoint.log}.")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
