"""A store that answers nobody for a while: another process holds SQLite's locks of a WAL, as a stuck backup would.

    python -m benchmarks.load_lab.outage EVENTS_DB SECONDS

In a process of its own: POSIX locks are a process's, and go when it closes any descriptor of the file. Readers wait
for their mark in the write-ahead log and fail in the end, in SQLite's own time; nothing on the disk is changed.
"""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

from serving.process import PROJECT

_FIRST_LOCK, _LOCKS = 120, 8
"""The lock bytes of the wal-index (https://www.sqlite.org/walformat.html, "WAL-Index Locking")."""


def begin_outage(database: Path, seconds: float) -> "subprocess.Popen[bytes]":
    """Lock everybody out for so long, in the background."""
    command = [sys.executable, "-m", "benchmarks.load_lab.outage", str(database), str(seconds)]
    return subprocess.Popen(command, cwd=PROJECT)  # noqa: S603  # our own interpreter and module


def main() -> None:
    database, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with database.with_name(f"{database.name}-shm").open("r+b") as index:
        fcntl.lockf(index, fcntl.LOCK_EX, _LOCKS, _FIRST_LOCK)
        time.sleep(seconds)


if __name__ == "__main__":
    main()
