"""The newest answer about each lead in a file a tenant, outside the store: for when the store does not answer.

One file is written whole and put in the place of the one before. It holds, after a mark, when the answers were given
(UTC µs), the number of leads, the length of the answers, and the CRC-32 of these three and the index; the answers as
JSON; and the index: for each lead the 64-bit digest of its id, ascending, where its answer lies, and its CRC-32.

Readers hold the index in memory (24 bytes a lead) and read one answer by one system call. They look at each read
whether the file was replaced. A file that is missing or corrupt is as one without leads, and is told of once.
"""

import fcntl
import json
import logging
import os
import struct
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import finalize
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.columns import digest64
from lintel.events.moments import from_microseconds, to_microseconds

_MARK = b"lintel last scores 1\n"
_HEAD = struct.Struct("<qqqI")  # given at, leads, bytes of answers, CRC-32
_INDEX = np.dtype([("lead", "<i8"), ("begin", "<i8"), ("size", "<i4"), ("crc", "<u4")])
_BEGIN = len(_MARK) + _HEAD.size
_SUFFIX = ".scores"

_logger = logging.getLogger("lintel.store")

Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LastScore:
    """An answer in the endpoint's form, and when it was given."""

    answer: dict[str, Any]
    scored_at: datetime


class LastScores:
    """The files of all tenants in one folder, which need not exist before something is written. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, _File | _Absent] = {}
        self._lock = threading.Lock()

    def write(self, tenant: str, answers: Sequence[Mapping[str, Any]], scored_at: datetime) -> None:
        """Replace all of a tenant's answers, at most one a lead, by these."""
        texts = {one["lead_id"]: json.dumps(one, ensure_ascii=False).encode() for one in answers}
        with self._writing(tenant) as path:
            _write(path, texts, to_microseconds(scored_at))

    def read(self, tenant: str, lead_id: str) -> LastScore | None:
        """The answer about a lead; None if there is none, or the file cannot be read."""
        found = self._current(tenant)
        try:
            return found.read(lead_id) if isinstance(found, _File) else None
        except OSError:
            return None  # whoever asks is in an outage already, and has the base rates

    def erase(self, tenant: str, lead_ids: Collection[str]) -> int:
        """Remove the answers about some leads; how many there were. A corrupt file is removed whole."""
        with self._writing(tenant) as path:
            if not path.exists():
                return 0
            found = self._current(tenant)
            if not isinstance(found, _File):
                path.unlink()
                return 0
            texts = dict(found.all())
            kept = {lead: text for lead, text in texts.items() if lead not in set(lead_ids)}
            _write(path, kept, to_microseconds(found.scored_at))
        return len(texts) - len(kept)

    def _current(self, tenant: str) -> "_File | _Absent":
        path = self._path(tenant)
        identity = _identity(path)
        known = self._open.get(tenant)
        if known is not None and known.identity == identity:
            return known
        with self._lock:
            known = self._open.get(tenant)
            if known is None or known.identity != identity:
                known = self._open[tenant] = _opened(path, identity)
        return known

    @contextmanager
    def _writing(self, tenant: str) -> Iterator[Path]:
        """The path of a tenant's file, which no other process writes meanwhile."""
        path = self._path(tenant)
        self._folder.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path

    def _path(self, tenant: str) -> Path:
        if not tenant or "/" in tenant or tenant.startswith("."):
            raise InputError(f"{tenant!r} cannot be a tenant id.", mend="Use letters, digits, '_', '.', '-'.")
        return self._folder / f"{tenant}{_SUFFIX}"


@dataclass(frozen=True, slots=True)
class _Absent:
    """There is no file, or none that can be read."""

    identity: Identity | None


class _File:
    """One open file. It lives as long as somebody reads in it, though another has taken its place."""

    def __init__(self, descriptor: int, identity: Identity, scored_at: datetime, index: NDArray[np.void]) -> None:
        self._descriptor = descriptor
        self._index = index
        self._leads = np.ascontiguousarray(index["lead"])
        self.identity = identity
        self.scored_at = scored_at
        finalize(self, os.close, descriptor)

    def read(self, lead_id: str) -> LastScore | None:
        """None, too, for the second of two leads whose ids have one digest."""
        digest = digest64(lead_id)
        at = int(self._leads.searchsorted(digest))
        if at == len(self._leads) or self._leads[at] != digest:
            return None
        text = self._text(at)
        answer = {} if text is None else json.loads(text)
        return LastScore(answer, self.scored_at) if answer.get("lead_id") == lead_id else None

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Every lead with its answer's text, but for those that are corrupt."""
        for at in range(len(self._index)):
            text = self._text(at)
            if text is not None:
                yield json.loads(text)["lead_id"], text

    def _text(self, at: int) -> bytes | None:
        row = self._index[at]
        text = os.pread(self._descriptor, int(row["size"]), int(row["begin"]))
        return text if crc32(text) == row["crc"] else None


def _opened(path: Path, identity: Identity | None) -> _File | _Absent:
    try:
        return _read_index(path)
    except FileNotFoundError:
        return _Absent(identity)
    except (OSError, ValueError, struct.error) as error:
        _logger.warning("last scores in %s cannot be read (%s): the next nightly run writes them", path.name, error)
        return _Absent(identity)


def _read_index(path: Path) -> _File:
    """Raises ValueError or struct.error if the file is not whole."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(descriptor, _BEGIN, 0)
        if not head.startswith(_MARK):
            raise ValueError("it does not begin as such a file does")
        given, leads, size, crc = _HEAD.unpack(head[len(_MARK) :])
        status = os.fstat(descriptor)
        if leads < 0 or size < 0 or status.st_size != _BEGIN + size + leads * _INDEX.itemsize:
            raise ValueError("it is not as long as it says")
        content = os.pread(descriptor, leads * _INDEX.itemsize, _BEGIN + size)
        if _checksum(given, leads, size, content) != crc:
            raise ValueError("its index is corrupt")
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        return _File(descriptor, identity, from_microseconds(given), np.frombuffer(content, _INDEX))
    except BaseException:
        os.close(descriptor)
        raise


def _write(path: Path, texts: Mapping[str, bytes], scored_at: int) -> None:
    """Write the file beside the one that is there, and put it in its place."""
    ordered = sorted((digest64(lead), text) for lead, text in texts.items())
    sizes = [len(text) for _, text in ordered]
    index = np.zeros(len(ordered), _INDEX)
    index["lead"] = [digest for digest, _ in ordered]
    index["size"], index["crc"] = sizes, [crc32(text) for _, text in ordered]
    index["begin"] = _BEGIN + np.concatenate(([0], np.cumsum(sizes)))[:-1] if sizes else 0
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        head = scored_at, len(ordered), sum(sizes)
        file.write(_MARK + _HEAD.pack(*head, _checksum(*head, index.tobytes())))
        file.writelines(text for _, text in ordered)
        file.write(index.tobytes())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _checksum(scored_at: int, leads: int, size: int, index: bytes) -> int:
    return crc32(index, crc32(struct.pack("<qqq", scored_at, leads, size)))


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
