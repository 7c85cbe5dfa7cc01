"""The head of the audit log outside the database: a small file that tells when the newest lines are removed.

It is written after the commit has reached the disk, so that after a crash, or a power failure, it may be behind the
log; never ahead of it.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from lintel.registry.audit_chain import Head


def settle(file: Path) -> None:
    """Wait until what any process wrote to a file is on the disk; one that is gone has nothing left to wait for.

    SQLite's write-ahead log is not synced at each commit here, and its locks lie on other files.
    """
    try:
        handle = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HeadFile:
    """The file at `path`, written by any number of processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Head | None:
        """What it says; None if it is gone or cannot be understood."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return Head(int(content["count"]), str(content["digest"]), str(content["mac"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def advance(self, head: Head) -> None:
        """Write a later head; an earlier one is left alone: writers do not come here in the order of their lines."""
        with self._locked():
            present = self.read()
            if present is None or present.count < head.count:
                self._write(head)

    def replace(self, head: Head) -> None:
        """Write it, whatever is there."""
        with self._locked():
            self._write(head)

    def _write(self, head: Head) -> None:
        partial = self.path.with_name(f".{self.path.name}.partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(head)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
