"""The file in which a supervisor says what it does, for people and for tests."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from lintel.settings import Settings
from serving.autoscaling.fleet import Fleet
from serving.autoscaling.policy import Decision, WorkerLoad


class WorkerStatus(msgspec.Struct, frozen=True):
    pid: int
    number: int
    state: str
    connections: int
    load: WorkerLoad | None


class Status(msgspec.Struct, frozen=True):
    wanted: int
    reason: str
    workers: list[WorkerStatus]


def status_path(settings: Settings, port: int) -> Path:
    """Where the supervisor of that port writes."""
    return settings.home / "run" / f"workers-{port}.json"


def write_status(path: Path, decision: Decision, fleet: Fleet, loads: Sequence[WorkerLoad]) -> None:
    """Replace the file, so that a reader never sees half of it."""
    told = {load.pid: load for load in loads}
    workers = [
        WorkerStatus(one.process.pid, one.number, one.state, one.connections, told.get(one.process.pid))
        for one in fleet.workers
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Status(decision.workers, decision.reason, workers)))
    fresh.replace(path)


def read_status(path: Path) -> Status | None:
    """What the supervisor last wrote; None while there is none."""
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Status)
