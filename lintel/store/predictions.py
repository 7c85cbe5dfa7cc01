"""The prediction log in the lake: segments of workers compacted into Parquet by tenant and day, each answer once.

A segment is taken in by the manifest of each tenant in it, which names it; only then is it removed. A run that is
killed anywhere is made good by the next: a tenant whose manifest names the segment does not take it again.
"""

import fcntl
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lintel.errors import IncompatibleError
from lintel.events.moments import to_microseconds
from lintel.events.schema import TIME
from lintel.store.manifest import NAME, writable
from lintel.store.prediction import PREDICTION_SCHEMA, SHADOW
from lintel.store.prediction_losses import RecordedLoss, forget_losses, read_losses, record_losses
from lintel.store.prediction_manifest import read_prediction_manifest
from lintel.store.prediction_parts import TenantPredictions, first_kept_day
from lintel.store.segments import SUFFIX, Segment, claimed, opened_at, read_segment, worker_of
from lintel.store.tally import NOT_WRITTEN, forget_tallies, is_left, tallies, unwritten

_LOCK = "lock"
_GROUP_BYTES = 16_000_000  # of segments that are in memory at once, unless one alone is larger
_ERASED_FOR = timedelta(days=1)  # an answer may wait so long in a worker whose disk is full
_STALE = timedelta(hours=1)  # of a segment that was never given its name


@dataclass
class CompactionReport:
    """What a compaction did."""

    rows: int = 0
    shadow: int = 0
    segments: int = 0
    damaged_bytes: int = 0
    expired: int = 0
    losses: list[RecordedLoss] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    rungs: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def lost(self) -> int:
        """Answers that are known to be missing; losses without a count come on top."""
        return sum(loss.count or 0 for loss in self.losses)

    @property
    def lost_by_reason(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for loss in self.losses:
            counts[loss.reason] += loss.count or 0
        return counts

    def see(self, table: pa.Table) -> None:
        """Count answers that are new in the lake, and apart from them what bundles in shadow scored."""
        whole = len(table)
        table = table.filter(pc.not_equal(table.column("served_by").cast(pa.string()), SHADOW))
        self.shadow += whole - len(table)
        if len(table):
            self.rows += len(table)
            span = pc.min_max(table.column("answered_at")).as_py()
            self.oldest = min(span["min"], self.oldest or span["min"])
            self.newest = max(span["max"], self.newest or span["max"])
            self.rungs.update(dict(_counted(table.column("served_by"))))


class PredictionLake:
    """The prediction logs of all tenants under one folder, and the segments that come into it."""

    def __init__(self, root: Path, segments: Path) -> None:
        self._root, self._segments = Path(root), Path(segments)

    def compact(self, *, now: datetime, keep_days: int) -> CompactionReport:
        """Take in all segments that nobody appends to any more, and remove what is older than `keep_days`.

        Raises StorageFullError on a full disk; nothing is lost then and nothing comes twice.
        """
        with self._writing():
            report = self._take_in(now)
            forget_losses(self._root, to_microseconds(now - timedelta(days=keep_days)))
            for tenant in self.tenants():
                log = TenantPredictions(self._root, tenant)
                report.expired += log.expire(first_kept_day(now, keep_days))
                log.merge_small()
                log.forget_erased(to_microseconds(self._erased_before(now)))
                log.sweep()
        return report

    def read(
        self,
        tenant: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        columns: Sequence[str] | None = None,
        shadow: bool = False,
    ) -> pa.Table:
        """Answers given from `since` on and before `until`, in PREDICTION_SCHEMA or some columns of it; of what is
        still in segments, none. With `shadow` also what bundles in shadow scored beside them, which are no answers."""
        return TenantPredictions(self._root, tenant).read(since, until, columns, shadow=shadow)

    def read_newest(
        self, tenant: str, since: datetime, *, columns: Sequence[str] | None = None, shadow: bool = False
    ) -> pa.Table:
        """As `read` from `since` on, with what is still in segments: all that workers have written until now, once."""
        fresh = self.read_waiting(tenant, since, shadow=shadow)  # before the lake: nothing slips between the two
        whole = joined(self.read(tenant, since, shadow=shadow), fresh)
        return whole if columns is None else whole.select(list(columns))

    def read_waiting(self, tenant: str, since: datetime, *, shadow: bool = False) -> pa.Table:
        """What `read` will have from `since` on after the next compaction: answers that are still in segments, whole or
        growing. Some may be in the lake by now: see `joined`."""
        fresh = [_fresh(path, tenant, since, shadow=shadow) for path in self.waiting()]
        return pa.concat_tables([PREDICTION_SCHEMA.empty_table(), *fresh]).unify_dictionaries()

    def losses(self, since: datetime | None = None, until: datetime | None = None) -> list[RecordedLoss]:
        """Answers that are missing between two times, of all tenants: a worker that dies cannot say whose they were."""
        first = to_microseconds(since) if since else None
        last = to_microseconds(until) if until else None
        return [
            loss
            for loss in read_losses(self._root)
            if (first is None or loss.last_at >= first) and (last is None or loss.first_at < last)
        ]

    def tenants(self) -> list[str]:
        """All that have answers, or had some, in order."""
        manifests = self._root.glob(f"*/{NAME}")
        return sorted(read_prediction_manifest(path.parent, path.parent.name).tenant for path in manifests)

    def waiting(self) -> list[Path]:
        """Segments that were not taken in yet, those that still grow included; oldest first."""
        return sorted(self._segments.glob(f"*{SUFFIX}"))

    def erase(self, tenant: str, leads: Sequence[str], *, now: datetime) -> int:
        """Remove all answers about leads; how many were in the lake.

        What a worker has in its open segment goes when that is compacted: within the hour, by the schedule.
        """
        with self._writing():
            log = TenantPredictions(self._root, tenant)
            removed = log.erase(leads, to_microseconds(now))
            self._take_in(now)
        return removed

    def faults(self) -> list[str]:
        """What is not as it was written: parts of the lake, and frames of segments that nobody appends to."""
        parts = [fault for tenant in self.tenants() for fault in TenantPredictions(self._root, tenant).faults()]
        return parts + [fault for path in self.waiting() if (fault := _segment_fault(path))]

    def _take_in(self, now: datetime) -> CompactionReport:
        """Lake, then ledger, then tallies, then segments: whatever is removed is recorded before."""
        report, read = CompactionReport(), []
        for group in self._groups(report):
            left = [path.name for path in self.waiting()]
            for tenant, found in _by_tenant(group).items():
                report.see(TenantPredictions(self._root, tenant).add(found, left))
            for segment in group:
                segment.tables.clear()
            read += group
        dead = self._dead(read)
        losses = [*_told(read), *_killed(read, dead), *self._unknown(read)]
        report.losses = record_losses(self._root, losses)
        forget_tallies(dead.values())
        for segment in read:
            (self._segments / segment.name).unlink(missing_ok=True)
        self._sweep(now)
        return report

    def _groups(self, report: CompactionReport) -> Iterator[list[Segment]]:
        """Segments that nobody appends to any more, oldest first, some `_GROUP_BYTES` at a time."""
        group: list[Segment] = []
        size = 0
        for path in self.waiting():
            segment = _read(path, report)
            if segment is None:
                continue
            if group and size + path.stat().st_size > _GROUP_BYTES:
                yield group
                group, size = [], 0
            group.append(segment)
            size += path.stat().st_size
        if group:
            yield group

    def _dead(self, read: Sequence[Segment]) -> dict[str, Path]:
        """Worker -> tally, of workers that are gone and have no segment that was not read."""
        unread = {path.name for path in self.waiting()} - {segment.name for segment in read}
        writing = {worker_of(name)[0] for name in unread}
        return {one: path for one, path in tallies(self._segments).items() if one not in writing and is_left(path)}

    def _unknown(self, read: Sequence[Segment]) -> Iterator[RecordedLoss]:
        """Of workers that were killed and whose tally is gone with the machine's memory, or never was."""
        known = tallies(self._segments)
        newest: dict[str, int] = {}
        for path in self.waiting():
            worker, number = worker_of(path.name)
            newest[worker] = max(number, newest.get(worker, 0))
        for segment in read:
            worker, number = worker_of(segment.name)
            if not segment.closed and worker not in known and number == newest[worker]:
                flush = segment.opening.flush_seconds if segment.opening else 0.0
                until = segment.last_at + round(flush * 1e6)
                yield RecordedLoss(worker, NOT_WRITTEN, None, segment.last_at, until)

    def _erased_before(self, now: datetime) -> datetime:
        """Answers from before have been compacted, whoever gave them."""
        opened = [now, *(opened_at(path.name) for path in self.waiting())]
        return min(opened) - _ERASED_FOR

    def _sweep(self, now: datetime) -> None:
        """Remove segments that a worker died of naming."""
        for path in self._segments.glob(f".*{SUFFIX}.new"):
            if path.stat().st_mtime < (now - _STALE).timestamp():
                path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writable(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            lock = (self._root / _LOCK).open("ab")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def joined(kept: pa.Table, fresh: pa.Table) -> pa.Table:
    """Answers of the lake and those of segments that are not among them, each in columns of `kept`, the id of the
    decision among these."""
    known = kept.column("decision_id").combine_chunks()
    rows = fresh.filter(pc.invert(pc.is_in(fresh.column("decision_id"), value_set=known)))
    return pa.concat_tables([kept, rows.select(kept.schema.names)]).unify_dictionaries()


def _read(path: Path, report: CompactionReport) -> Segment | None:
    """None if somebody appends to it, or if it cannot be understood, which is told."""
    with claimed(path) as free:
        if not free:
            return None
        try:
            segment = read_segment(path)
        except IncompatibleError as error:
            report.unreadable.append(str(error))
            return None
    report.segments += 1
    report.damaged_bytes += segment.damaged_bytes
    return segment


def _fresh(path: Path, tenant: str, since: datetime, *, shadow: bool) -> pa.Table:
    """What a segment has of a tenant so far; nothing where it was taken in meanwhile, or is too old."""
    try:
        if path.stat().st_mtime < since.timestamp():
            return PREDICTION_SCHEMA.empty_table()
        table = read_segment(path).table
    except (FileNotFoundError, IncompatibleError):  # the compaction tells of the latter
        return PREDICTION_SCHEMA.empty_table()
    moment = pa.scalar(since, TIME)
    wanted = pc.and_(pc.equal(table.column("tenant"), tenant), pc.greater_equal(table.column("answered_at"), moment))
    if not shadow:
        wanted = pc.and_(wanted, pc.not_equal(table.column("served_by"), SHADOW))
    return table.filter(wanted)


def _by_tenant(segments: Iterable[Segment]) -> dict[str, dict[str, pa.Table]]:
    """Tenant -> segment -> its answers."""
    found: dict[str, dict[str, pa.Table]] = {}
    for segment in segments:
        table = segment.table
        rows = table.take(pc.sort_indices(table.column("tenant").cast(pa.string())))
        start = 0
        for tenant, count in _counted(rows.column("tenant")):
            found.setdefault(tenant, {})[segment.name] = rows.slice(start, count)
            start += count
    return dict(sorted(found.items()))


def _counted(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Distinct values in order of first appearance, and how many there are of each."""
    counts = pc.value_counts(column.cast(pa.string()))
    return [(one["values"], one["counts"]) for one in counts.to_pylist()]


def _told(read: Iterable[Segment]) -> Iterator[RecordedLoss]:
    """What workers themselves say they dropped, and what lay in damaged frames: one entry a segment and reason."""
    for segment in read:
        for reason in sorted({loss.reason for loss in segment.losses}):
            mine = [loss for loss in segment.losses if loss.reason == reason]
            first, last = min(loss.first_at for loss in mine), max(loss.last_at for loss in mine)
            yield RecordedLoss(segment.name, reason, sum(loss.count or 0 for loss in mine), first, last)


def _killed(read: Iterable[Segment], dead: Mapping[str, Path]) -> Iterator[RecordedLoss]:
    accounted: Counter[str] = Counter()
    for segment in read:
        worker, _ = worker_of(segment.name)
        accounted[worker] = max(accounted[worker], segment.accounted or 0)
    for worker, path in dead.items():
        yield RecordedLoss.of(worker, unwritten(path, accounted[worker]))


def _segment_fault(path: Path) -> str | None:
    with claimed(path) as free:
        if not free:
            return None
        try:
            damaged = read_segment(path).damaged_bytes
        except IncompatibleError as error:
            return str(error)
    return f"{damaged} bytes of {path} are in no complete frame" if damaged else None
