"""Segment files of the prediction log: what a worker appends and what the compaction reads.

A segment is a run of frames: a marker, the payload's length, a CRC-32 of length and payload, the payload. Each payload
is deflated MessagePack: one `Opening`, then `Batch`es, and a `Closing` if the worker closed it in order. A reader gets
every complete frame whatever happened to the rest. At 200 answers a flush MessagePack costs a worker a tenth of what
Arrow's own stream does, in less room (`benchmarks.prediction_log`); the compaction is in no hurry and makes columns.

Whoever has a segment open for appending holds its `flock`, so that a reader knows a segment that may still grow from
one whose worker closed it or is gone, whatever became of process numbers.
"""

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from lintel.errors import IncompatibleError
from lintel.store.prediction import PREDICTION_SCHEMA, Prediction, predictions_table

FORMAT = 1
SUFFIX = ".segment"
DAMAGED = "damaged"
_MARKER = b"\xf5LPS"
_HEAD = struct.Struct("<4sII")  # marker, bytes of payload, CRC-32 of length and payload
_OPENED = "%Y%m%dT%H%M%S%f"
_LEVEL = 1  # of deflate: the higher ones cost a worker more time than they save space


class Loss(msgspec.Struct, frozen=True, array_like=True):
    """Answers that are not in the log: why, how many, and between which answers' times (UTC µs since the epoch).

    `count` is None where the worker died and nothing is left that tells.
    """

    reason: str
    count: int | None
    first_at: int
    last_at: int


class Opening(msgspec.Struct, frozen=True, array_like=True, tag="opening"):
    """The first frame: since when it is written (UTC µs), how often, and how many answers were accounted for before."""

    format: int
    opened_at: int
    flush_seconds: float
    accounted: int


class Batch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    """Answers and losses. `accounted` is how many answers of the worker, from its first on, are written or counted
    as lost when this frame is there."""

    rows: list[Prediction]
    losses: list[Loss]
    accounted: int


class _EncodedBatch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    rows: list[msgspec.Raw]
    losses: Sequence[Loss]
    accounted: int


class Closing(msgspec.Struct, frozen=True, array_like=True, tag="closing"):
    """The last frame of a segment that was closed in order."""

    accounted: int


Content = Opening | Batch | Closing

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Content] = msgspec.msgpack.Decoder(Content)


@dataclass
class Segment:
    """What was read of a segment file. `damaged_bytes` belong to no complete frame: a tail that was torn off, say.

    `last_at` (UTC µs) is the time of the newest answer in it, `accounted` as in its last frame; None if it has none.
    """

    name: str
    opening: Opening | None = None
    tables: list[pa.Table] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    accounted: int | None = None
    closed: bool = False
    damaged_bytes: int = 0
    last_at: int = 0

    @property
    def table(self) -> pa.Table:
        """All answers, in PREDICTION_SCHEMA."""
        return pa.concat_tables(self.tables).unify_dictionaries() if self.tables else PREDICTION_SCHEMA.empty_table()


def segment_name(worker: str, number: int, opened: datetime) -> str:
    """A file name that sorts by time; `worker` has the process number, its start and a random part."""
    return f"{opened:{_OPENED}}-{worker}-{number:06d}{SUFFIX}"


def worker_of(name: str) -> tuple[str, int]:
    """Whose segment a file is, and its number among that worker's."""
    _, _, rest = name.removesuffix(SUFFIX).partition("-")
    worker, _, number = rest.rpartition("-")
    return worker, int(number)


def opened_at(name: str) -> datetime:
    """When a segment was opened."""
    return datetime.strptime(name.partition("-")[0], _OPENED).replace(tzinfo=UTC)


def encoded_batch(rows: Sequence[bytes], losses: Sequence[Loss], accounted: int) -> bytes:
    """The frame of a batch whose rows were encoded before."""
    return encoded(_EncodedBatch([msgspec.Raw(row) for row in rows], losses, accounted))


def encoded(content: Content | _EncodedBatch) -> bytes:
    """The frame of any content."""
    payload = zlib.compress(_ENCODER.encode(content), _LEVEL)
    return _HEAD.pack(_MARKER, len(payload), _checksum(payload)) + payload


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each complete frame begins, and its payload; what lies between two is damaged."""
    start = data.find(_MARKER)
    while start >= 0 and len(data) - start >= _HEAD.size:
        _, length, checksum = _HEAD.unpack_from(data, start)
        end = start + _HEAD.size + length
        payload = data[start + _HEAD.size : end]
        if len(payload) == length and _checksum(payload) == checksum:
            yield start, payload
            start = data.find(_MARKER, end)
        else:
            start = data.find(_MARKER, start + 1)


def read_segment(path: Path) -> Segment:
    """All that can be read of a segment. Raises IncompatibleError if a newer Lintel wrote it."""
    data = path.read_bytes()
    segment = Segment(path.name, damaged_bytes=len(data))
    for _, payload in frames(data):
        segment.damaged_bytes -= _HEAD.size + len(payload)
        _take(segment, _decoded(payload, path))
    return segment


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether nobody appends to the file, and while the block lasts nobody else takes it for granted either."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def locked_file(path: Path) -> int:
    """Descriptor of a new file that is locked before anybody can see it under its name. Raises OSError."""
    hidden = path.with_name(f".{path.name}.new")
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(path)
    except BaseException:
        os.close(descriptor)
        hidden.unlink(missing_ok=True)
        raise
    return descriptor


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _checksum(payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(len(payload).to_bytes(4, "little")))


def _decoded(payload: bytes, path: Path) -> Content:
    try:
        content = _DECODER.decode(zlib.decompress(payload))
    except (msgspec.DecodeError, zlib.error) as error:
        raise _newer(path) from error
    if isinstance(content, Opening) and content.format != FORMAT:
        raise _newer(path)
    return content


def _newer(path: Path) -> IncompatibleError:
    return IncompatibleError(
        f"{path} is whole but of another format.", mend="Compact it with the Lintel that wrote it."
    )


def _take(segment: Segment, content: Content) -> None:
    segment.closed = isinstance(content, Closing)
    if isinstance(content, Opening):
        segment.opening, segment.last_at = content, content.opened_at
    elif isinstance(content, Batch):
        _take_batch(segment, content)
    else:
        _take_gap(segment, content.accounted, segment.last_at)
    segment.accounted = content.accounted


def _take_batch(segment: Segment, batch: Batch) -> None:
    first = min((row.answered_at for row in batch.rows), default=segment.last_at)
    answers = len(batch.rows) + sum(loss.count or 0 for loss in batch.losses)
    _take_gap(segment, batch.accounted - answers, first)
    segment.losses += batch.losses
    segment.tables += [predictions_table(batch.rows)] if batch.rows else []
    segment.last_at = max((segment.last_at, *(row.answered_at for row in batch.rows)))


def _take_gap(segment: Segment, before: int, until: int) -> None:
    """Count the answers of frames that were damaged: every frame says how many came before it."""
    if segment.accounted is not None and before > segment.accounted:
        segment.losses.append(Loss(DAMAGED, before - segment.accounted, segment.last_at, until))
