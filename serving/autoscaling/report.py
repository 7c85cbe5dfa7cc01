"""What workers tell their supervisor, and what it tells them: small datagrams over unix sockets.

The supervisor listens at one path; a worker listens at that path with its pid behind. A datagram that cannot be
delivered at once is dropped: the next one says more.
"""

import asyncio
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from lintel.errors import InputError
from serving.autoscaling.policy import WorkerLoad

MOST_BYTES = 4096
FRESH_SECONDS = 5.0
"""A load that was reported longer ago says nothing of now."""


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """From a worker: the connections it holds (told by its server), or its load (told by its application)."""

    pid: int
    connections: int | None = None
    load: WorkerLoad | None = None


class Instruction(msgspec.Struct, frozen=True, omit_defaults=True):
    """To a worker: close so many connections, each with its next answer; or take no more and end when all are gone.

    `place` is its own among so many `workers`; 0 workers: nothing is said of it.
    """

    release: int = 0
    retire: bool = False
    place: int = 0
    workers: int = 0


def encode(message: Report | Instruction) -> bytes:
    return msgspec.json.encode(message)


def decode_report(data: bytes) -> Report:
    """Raises InputError for anything else."""
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("That is no report of a worker.", mend="Only workers write to the supervisor.") from error


def decode_instruction(data: bytes) -> Instruction:
    """Raises InputError for anything else."""
    try:
        return msgspec.json.decode(data, type=Instruction)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("That is no instruction.", mend="Only the supervisor writes to a worker.") from error


def worker_address(supervisor: Path, pid: int) -> Path:
    """Where the worker with that pid hears its supervisor."""
    return supervisor.with_name(f"{supervisor.name}.{pid}")


def datagram_socket(at: Path | None = None) -> socket.socket:
    """A socket that never blocks; one that listens where `at` is given, in place of whoever did before."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    if at is not None:
        at.unlink(missing_ok=True)
        made.bind(str(at))
    return made


def send(sender: socket.socket, message: Report | Instruction, to: Path) -> None:
    """Send, or drop the message if nobody listens there or its queue is full."""
    with suppress(FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        sender.sendto(encode(message), str(to))


async def report_load(read: Callable[[], WorkerLoad], path: Path | None, every_seconds: float = 1.0) -> None:
    """Tell the supervisor at `path` what `read` says, until cancelled; nothing to do where there is none.

    `read` is called on the event loop and must not block.
    """
    if path is None:
        return
    with datagram_socket() as sender:
        while True:
            load = read()
            send(sender, Report(load.pid, load=load), path)
            await asyncio.sleep(every_seconds)


class Loads:
    """The newest load of each worker, as long as it is fresh."""

    def __init__(self, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._heard: dict[int, tuple[float, WorkerLoad]] = {}

    def hear(self, now: float, load: WorkerLoad) -> None:
        self._heard[load.pid] = (now, load)

    def fresh(self, now: float, pids: Collection[int]) -> list[WorkerLoad]:
        """Of these workers alone; the others are forgotten."""
        self._heard = {pid: heard for pid, heard in self._heard.items() if pid in pids}
        return [load for at, load in self._heard.values() if now - at <= self._fresh_seconds]
