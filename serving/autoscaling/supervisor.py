"""The supervisor: binds the port once, and starts and retires workers that accept from it as the load asks.

``python -m serving.autoscaling.supervisor TARGET [--port N]``, with the settings in the environment. It loads neither
the service nor a model. No connection is lost when a worker goes, for the queue of those not yet accepted is shared and
stays. When the supervisor dies, however it dies, its workers end (`serving.parent`).
"""

import argparse
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from lintel.environment import child_environment
from lintel.errors import InputError, LintelError, UnavailableError
from lintel.settings import Settings, settings
from serving.autoscaling.balance import surplus
from serving.autoscaling.fleet import Fleet, State
from serving.autoscaling.policy import Policy, WorkerLoad, policy_settings
from serving.autoscaling.report import (
    MOST_BYTES,
    Instruction,
    Loads,
    datagram_socket,
    decode_report,
    send,
    worker_address,
)
from serving.autoscaling.status import status_path, write_status
from serving.autoscaling.targets import working_directory

TICK_SECONDS = 0.25
DECISION_SECONDS = 1.0
BACKLOG = 2048
WORKER = "bentos.lead_scoring.worker"
KEEP_ALIVE_SECONDS = 10
"""How long an idle connection stays. Clients should give up sooner (httpx does after 5 s): who sends on a connection
at the moment when the other side closes it gets no answer."""
logger = logging.getLogger("lintel.supervisor")

Command = Callable[[int, int], list[str]]
"""Worker number and descriptor of the listening socket -> what starts the worker."""


def worker_command(target: str) -> Command:
    """BentoML's worker with our server in it."""

    def command(number: int, descriptor: int) -> list[str]:
        python = [sys.executable, "-m", WORKER, str(os.getpid()), target]
        listening = ["--fd", str(descriptor), "--backlog", str(BACKLOG), "--worker-id", str(number)]
        return [*python, *listening, "--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]

    return command


class Supervisor:
    """Its sockets, its workers and its policy; `run` until it is told to end.

    Parameters
    ----------
    folder: a folder of its own, with a short path, for the sockets over which it speaks with its workers.
    listener: the bound socket that all workers accept from.
    """

    def __init__(
        self, settings: Settings, command: Command, directory: Path, listener: socket.socket, folder: Path
    ) -> None:
        self._command, self._directory, self._listener = command, directory, listener
        self._address = folder / "supervisor"
        self._channel = datagram_socket(self._address)
        self._environment = worker_environment(settings, self._address, self.port)
        self._status, self._shows = status_path(settings, self.port), True
        self._loads = Loads()
        self._policy = Policy(policy_settings(settings))
        self.fleet = Fleet(self._start, self._retire)
        self._decision = self._policy.wanted(time.monotonic())
        self._decide_at = 0.0
        self._ends = False

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def end(self, *_: object) -> None:
        """Let every worker answer what it has, then return from `run`. A signal handler."""
        self._ends = True

    def run(self) -> int:
        """Supervise until told to end. Returns the exit code: another than 0 if the first worker could not start."""
        while not self._ends and self.fleet.exit_code is None:
            self._hear()
            self._step(time.monotonic())
        while not self.fleet.stop(time.monotonic()):
            self._hear()
        self._status.unlink(missing_ok=True)
        self._channel.close()
        return self.fleet.exit_code or 0

    def _hear(self) -> None:
        """Read what workers report for the length of a tick."""
        until = time.monotonic() + TICK_SECONDS
        while (left := until - time.monotonic()) > 0:
            if select.select([self._channel], [], [], left)[0]:
                self._take(self._channel.recv(MOST_BYTES), time.monotonic())

    def _take(self, data: bytes, now: float) -> None:
        try:
            report = decode_report(data)
        except InputError as error:
            logger.warning("%s", error)
            return
        if report.connections is not None:
            self.fleet.hear(now, report.pid, report.connections)
        if report.load is not None:
            self._loads.hear(now, report.load)

    def _step(self, now: float) -> None:
        if now >= self._decide_at:
            self._decide_at = now + DECISION_SECONDS
            self._decide(now)
        if not self._address.exists():  # somebody cleared the system's folder: that nobody reports is no sign of a hang
            for worker in self.fleet.ready:
                worker.heard = now
        self.fleet.step(now, self._decision.workers)

    def _decide(self, now: float) -> None:
        ready = self.fleet.ready
        loads = self._loads.fresh(now, {worker.process.pid for worker in ready})
        self._policy.observe(now, loads, running=len(ready))
        decision = self._policy.wanted(now)
        if decision.workers != self._decision.workers:
            logger.info("%d workers, after %d: %s", decision.workers, self._decision.workers, decision.reason)
        self._decision = decision
        self._instruct()
        self._show(loads)

    def _show(self, loads: Sequence[WorkerLoad]) -> None:
        try:
            write_status(self._status, self._decision, self.fleet, loads)
            self._shows = True
        except OSError as error:  # a disk that is full, say, must not end the service
            if self._shows:
                logger.warning("%s cannot be written (%s)", self._status, error.strerror)
            self._shows = False

    def _instruct(self) -> None:
        """Again each time, for a datagram may be lost."""
        ready = sorted(self.fleet.ready, key=lambda worker: worker.number)
        spare = surplus({one.process.pid: one.connections for one in ready})
        for place, worker in enumerate(ready):
            pid = worker.process.pid
            self._tell(pid, Instruction(release=spare[pid], place=place, workers=len(ready)))
        for worker in self.fleet.workers:
            if worker.state is State.RETIRING:
                self._retire(worker.process.pid)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and a target that the operator chose
            self._command(number, self._listener.fileno()),
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(self._listener.fileno(),),
        )

    def _retire(self, pid: int) -> None:
        self._tell(pid, Instruction(retire=True))

    def _tell(self, pid: int, instruction: Instruction) -> None:
        send(self._channel, instruction, worker_address(self._address, pid))


def worker_environment(settings: Settings, supervisor: Path, port: int) -> dict[str, str]:
    """Our own, with where to report and an empty folder in which the metrics of all workers of this port add up.

    One thread an operation, unless the operator says otherwise: one row through small trees takes less time than
    waking a second thread, and spinning ones starve the others.
    """
    environment = child_environment(settings.model_copy(update={"supervisor": supervisor}))
    metrics = Path(environment["BENTOML_HOME"]) / "prometheus_multiproc_dir" / str(port)
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    return {"OMP_NUM_THREADS": "1"} | environment | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}


def listen(host: str, port: int) -> socket.socket:
    """Raises UnavailableError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        fault = f"The scoring service cannot have port {port} of {host} ({error.strerror})."
        raise UnavailableError(fault, mend="Stop what listens there, or set LINTEL_PORT to another.") from error


def supervise(settings: Settings, command: Command, directory: Path, port: int) -> int:
    """Serve on the port until SIGTERM or SIGINT. Returns the exit code."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen(settings.host, port))
        # of the system, not the home: the path of a unix socket holds 107 bytes
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lintel-")))
        supervisor = Supervisor(settings, command, directory, listener, folder)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.end)
        logger.info("serving on %s:%d", settings.host, supervisor.port)
        return supervisor.run()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Serve a target with as many workers as the load asks for.")
    arguments.add_argument("target")
    arguments.add_argument("--port", type=int, default=settings().port)
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        directory = working_directory(given.target, settings())
        sys.exit(supervise(settings(), worker_command(given.target), directory, given.port))
    except LintelError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
