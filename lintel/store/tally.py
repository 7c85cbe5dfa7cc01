"""How many answers a worker gave and how many of them its log accounts for, in memory that outlives the process.

A worker that is killed cannot say what it had not written yet. Its tally can: one page of a memory file system, which
takes a microsecond to change, never waits for a disk, and stays until the compaction has read it or the machine
restarts. The worker holds the file's `flock`, so a tally that can be locked is that of a worker that is gone.
"""

import mmap
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from lintel.store.segments import Loss, claimed, locked_file

MEMORY = Path("/dev/shm")  # noqa: S108  # shared memory is the point; the folder below it is ours alone
NOT_WRITTEN = "not_written"
_COUNTS = struct.Struct("<QQqq")  # offered, accounted, newest offered and newest accounted (UTC µs)
_SUFFIX = ".tally"
_ATTEMPTS = 3


class Tally:
    """Of one worker. `offered` and `accounted` may be changed by one thread each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = locked_file(path)
        try:
            os.write(self._descriptor, bytes(mmap.PAGESIZE))  # a page that is there can be written without asking
            self._page = mmap.mmap(self._descriptor, mmap.PAGESIZE)
        except OSError:
            os.close(self._descriptor)
            path.unlink(missing_ok=True)
            raise

    def offered(self, count: int, at: int) -> None:
        """So many answers so far, the newest given at `at`."""
        struct.pack_into("<Q", self._page, 0, count)
        struct.pack_into("<q", self._page, 16, at)

    def accounted(self, count: int, at: int) -> None:
        """So many of them are written or counted as lost, the newest given at `at`."""
        struct.pack_into("<Q", self._page, 8, count)
        struct.pack_into("<q", self._page, 24, at)

    def close(self) -> None:
        """Let it go. It is removed if everything is accounted for, and is evidence otherwise."""
        offered, accounted, _, _ = _COUNTS.unpack_from(self._page)
        self._page.close()
        if offered == accounted:
            forget_tallies([self._path])
        os.close(self._descriptor)


def open_tally(segments: Path, worker: str) -> Tally | None:
    """The tally of a worker that writes to this folder; None where there is no memory file system that takes it."""
    folder = tallies_folder(segments)
    for _ in range(_ATTEMPTS):  # the last tally of another worker takes the folder with it
        with suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            return Tally(folder / f"{worker}{_SUFFIX}") if _ours(folder) else None
    return None


def tallies_folder(segments: Path) -> Path:
    """Where the tallies of the workers that write to one folder of segments lie."""
    return MEMORY / f"lintel-{os.getuid()}-{blake2b(str(segments.resolve()).encode(), digest_size=8).hexdigest()}"


def tallies(segments: Path) -> dict[str, Path]:
    """Worker -> tally, of all that write to this folder or were killed while they did."""
    return {path.stem: path for path in sorted(tallies_folder(segments).glob(f"*{_SUFFIX}"))}


def is_left(path: Path) -> bool:
    """Whether the worker of this tally is gone."""
    with claimed(path) as free:
        return free


def unwritten(path: Path, accounted: int) -> Loss:
    """What the worker of this tally had in memory when it ended; a count of 0 if nothing.

    `accounted` is what its newest segment says: a worker may die between a frame and the note of it in the tally.
    """
    offered, noted, last_at, first_at = _COUNTS.unpack(path.read_bytes()[: _COUNTS.size].ljust(_COUNTS.size, b"\0"))
    return Loss(NOT_WRITTEN, max(0, offered - max(noted, accounted)), first_at or last_at, last_at)


def forget_tallies(paths: Iterable[Path]) -> None:
    """Remove tallies whose losses are recorded."""
    for path in paths:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()  # the last one out


def _ours(folder: Path) -> bool:
    return folder.stat().st_uid == os.getuid()
