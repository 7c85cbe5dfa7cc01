"""What each worker of the scoring service says of its models, in one small file a worker: rollouts wait for all of
them, and a worker that refuses a bundle is heard here."""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from lintel.events.moments import to_microseconds

FRESH_SECONDS = 10.0
"""A worker that has not renewed its word for so long does not run any more, or hangs."""
_FORGOTTEN_SECONDS = 3_600.0
_SUFFIX = ".json"


class WorkerModels(msgspec.Struct, frozen=True):
    """One worker's word. Times are UTC µs.

    `version` is that of the traffic table which it follows, and `since` from when on. `models` has digest and rung of
    all that are loaded, `missing` the digests that the table names and that it could not load or refused.
    """

    worker: str
    began_at: int
    told_at: int
    version: int
    since: int
    models: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()

    def has(self, digest: str) -> bool:
        return any(one == digest for one, _ in self.models)

    def serves(self, digest: str, rungs: Sequence[str]) -> bool:
        return any(one == digest and rung in rungs for one, rung in self.models)


def write_word(folder: Path, word: WorkerModels) -> None:
    """Replace a worker's word, so that a reader never sees half of it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{word.worker}{_SUFFIX}"
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(word))
    fresh.replace(path)


def withdraw(folder: Path, worker: str) -> None:
    """The worker ends."""
    with contextlib.suppress(OSError):
        (folder / f"{worker}{_SUFFIX}").unlink(missing_ok=True)


def running_workers(folder: Path, now: datetime) -> list[WorkerModels]:
    """The words of all workers that run; what killed ones left is passed over, and removed after an hour."""
    found, moment = [], to_microseconds(now)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        word = _read(path)
        if word is None:
            continue
        age = (moment - word.told_at) / 1e6
        if age <= FRESH_SECONDS:
            found.append(word)
        elif age > _FORGOTTEN_SECONDS:
            path.unlink(missing_ok=True)
    return found


def _read(path: Path) -> WorkerModels | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=WorkerModels)
    except (FileNotFoundError, msgspec.DecodeError):  # withdrawn meanwhile, or of another Lintel
        return None
