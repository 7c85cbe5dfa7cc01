"""The lake: a columnar copy of the event log, derived from it by `seq`, which nightly runs read.

`root/<tenant>/<ingest day>/part-*.parquet`, each part sorted by (lead, time). A late event lies in the part of the
day on which it came in, so old parts are rewritten only to erase a lead. A part counts once the manifest names it:
whatever a crash leaves behind is removed by the next writer.
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from hashlib import sha256
from operator import and_
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lintel.errors import IncompatibleError, InputError, UnavailableError
from lintel.events.schema import STORED_SCHEMA
from lintel.store.aliases import Aliases, merges_in
from lintel.store.events import EventStore
from lintel.store.manifest import NAME, Manifest, Part, read_manifest, tenant_folder, writable, write_whole

_PAGE, _PART = 50_000, 200_000  # rows read from the store at a time; rows that make a part
_SMALL_PART, _MANY_SMALL = 50_000, 16  # so many parts of a day under this size are made one
_ROW_GROUP = 65_536
_LOCK = "lock"
_ORDER = [("lead_id", "ascending"), ("occurred_at", "ascending"), ("seq", "ascending")]
_ATTEMPTS = 5
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class LakeReport:
    """What an advance did: events added, parts written for them, and the newest `seq` in the lake, as of a moment."""

    added: int
    parts: int
    watermark: int
    as_of: datetime


class Lake:
    """The lakes of all tenants under one folder. Readers never wait; writers of one tenant take turns."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root)

    def advance(self, store: EventStore, tenant: str, *, now: datetime) -> LakeReport:
        """Copy what the store has beyond the watermark. A killed advance goes on from its last part when run again.

        Raises NotFoundError for an unknown tenant, IncompatibleError if the lake was made from another store,
        StorageFullError on a full disk.
        """
        newest = store.latest_seq(tenant)
        added = parts = 0
        with self._writing(tenant) as folder:
            manifest = read_manifest(folder, tenant)
            if newest < manifest.watermark:
                mend = f"Remove {folder}; the next run copies all events again."
                raise IncompatibleError(f"The lake of {tenant!r} is ahead of the store: it is another's.", mend=mend)
            _sweep(folder, manifest)
            for events in _portions(store, tenant, manifest.watermark):
                manifest, written = _extended(folder, manifest, events)
                added, parts = added + len(events), parts + written
            if manifest.watermark < newest:  # the newest events were erased before they came here
                manifest = replace(manifest, watermark=newest)
                _save(folder, manifest)
            manifest = _compact(folder, manifest)
            _leave_out(folder, manifest, store.seqs_aside(tenant))
        return LakeReport(added, parts, manifest.watermark, now)

    def leave_out(self, store: EventStore, tenant: str) -> int:
        """Show what the store shows: without the events that are set aside there; how many these are."""
        with self._writing(tenant) as folder:
            aside = store.seqs_aside(tenant)
            _leave_out(folder, read_manifest(folder, tenant), aside)
        return len(aside)

    def recorded(self, tenant: str) -> pa.Table:
        """All events as they came in: under the lead that was named, and with those that are set aside."""
        return self._retried(tenant, self._recorded)

    def read(
        self,
        tenant: str,
        *,
        up_to_seq: int | None = None,
        leads: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Events in STORED_SCHEMA, or some columns of it, merged contacts under the lead they live on as; without those
        that are set aside.

        `up_to_seq` shows the log as it was. The order is that of the parts; a tenant without events has no rows.
        Raises InputError for a column that is not in the schema.
        """
        unknown = sorted(set(columns or ()) - set(STORED_SCHEMA.names))
        if unknown:
            raise InputError(f"column {unknown[0]!r} is not in the event schema.")
        return self._retried(tenant, lambda manifest: self._read(manifest, up_to_seq, leads, columns))

    def lead_ids(self, tenant: str) -> list[str]:
        """All leads in order, without those merged into another."""
        found = self._retried(tenant, lambda manifest: self._read(manifest, None, None, ["lead_id"]))
        return sorted(found.column("lead_id").unique().to_pylist())

    def watermark(self, tenant: str) -> int:
        """The newest `seq` in the lake; 0 before the first advance."""
        return self._manifest(tenant).watermark

    def digest(self, tenant: str) -> str:
        """SHA-256 over the manifest, which holds that of every part: what a model trained on the lake has seen."""
        return self._manifest(tenant).digest()

    def erase(self, tenant: str, leads: Sequence[str]) -> int:
        """Remove leads, and all that the lake knows to be one with them, from every part; how many events that were.

        Erase in the store first, which names the leads: an advance copies what the store still has.
        """
        with self._writing(tenant) as folder:
            manifest = read_manifest(folder, tenant)
            aliases = Aliases(manifest.merges)
            members = sorted({member for lead in leads for member in aliases.members(lead)})
            rewritten, removed = _without_leads(folder, manifest, members)
            kept = tuple(one for one in manifest.merges if not {one.absorbed, one.survivor} & set(members))
            manifest = replace(manifest, parts=rewritten, merges=kept)
            _save(folder, manifest)
            _sweep(folder, manifest)
        return removed

    def _manifest(self, tenant: str) -> Manifest:
        return read_manifest(self._folder(tenant), tenant)

    def _read(
        self, manifest: Manifest, up_to_seq: int | None, leads: Sequence[str] | None, columns: Sequence[str] | None
    ) -> pa.Table:
        newest = manifest.watermark if up_to_seq is None else up_to_seq
        aside = set(manifest.set_aside)
        aliases = Aliases(merge for merge in manifest.merges if merge.seq <= newest and merge.seq not in aside)
        conditions = []
        if aside:
            conditions.append(~pc.field("seq").isin(pa.array(manifest.set_aside, pa.int64())))
        if up_to_seq is not None:
            conditions.append(pc.field("seq") <= up_to_seq)
        if leads is not None:
            members = sorted({member for lead in leads for member in aliases.members(lead)})
            conditions.append(pc.field("lead_id").isin(pa.array(members, pa.string())))
        wanted = list(columns if columns is not None else STORED_SCHEMA.names)
        selected = list(dict.fromkeys((*wanted, "lead_id"))) if aliases and "known_at" in wanted else wanted
        parts = [part for part in manifest.parts if part.first_seq <= newest]
        condition = reduce(and_, conditions) if conditions else None
        found = _scan(self._folder(manifest.tenant), parts, selected, condition)
        return aliases.relabel(found).select(wanted)

    def _recorded(self, manifest: Manifest) -> pa.Table:
        return _scan(self._folder(manifest.tenant), manifest.parts, STORED_SCHEMA.names, None)

    def _retried(self, tenant: str, read: Callable[[Manifest], _Result]) -> _Result:
        """Read again if a writer has replaced parts between our look at the manifest and at the parts."""
        for _ in range(_ATTEMPTS):
            manifest = self._manifest(tenant)
            try:
                return read(manifest)
            except FileNotFoundError:
                if self._manifest(tenant) == manifest:
                    break
        mend = f"Remove {self._folder(tenant)}; the next run copies the events again."
        raise UnavailableError(f"Parts of the lake of {tenant!r} are gone.", mend=mend)

    def _folder(self, tenant: str) -> Path:
        return tenant_folder(self._root, tenant)

    @contextmanager
    def _writing(self, tenant: str) -> Iterator[Path]:
        folder = self._folder(tenant)
        with writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / _LOCK).open("ab")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def _portions(store: EventStore, tenant: str, watermark: int) -> Iterator[pa.Table]:
    """Events beyond the watermark, some `_PART` at a time."""
    pages: list[pa.Table] = []
    while True:
        page = store.changes(tenant, watermark, _PAGE)
        pages += [page] if len(page) else []
        if pages and (len(page) < _PAGE or sum(map(len, pages)) >= _PART):
            yield pa.concat_tables(pages).unify_dictionaries()
            pages = []
        if len(page) < _PAGE:
            return
        watermark = page.column("seq")[-1].as_py()


def _extended(folder: Path, manifest: Manifest, events: pa.Table) -> tuple[Manifest, int]:
    """Write events as one part for each ingest day, and then the manifest that names them."""
    days = pc.strftime(events.column("ingested_at"), format="%Y-%m-%d")
    parts = [_write(folder, day, events.filter(pc.equal(days, day))) for day in sorted(days.unique().to_pylist())]
    watermark = events.column("seq")[-1].as_py()
    merges = (*manifest.merges, *merges_in(events))
    manifest = replace(manifest, watermark=watermark, parts=(*manifest.parts, *parts), merges=merges)
    _save(folder, manifest)
    return manifest, len(parts)


def _write(folder: Path, day: str, events: pa.Table) -> Part:
    events = events.sort_by(_ORDER)
    sink = pa.BufferOutputStream()
    pq.write_table(events, sink, compression="zstd", row_group_size=_ROW_GROUP)
    content = sink.getvalue().to_pybytes()
    digest = sha256(content).hexdigest()
    span = pc.min_max(events.column("seq")).as_py()
    path = f"{day}/part-{span['min']:012d}-{digest[:8]}.parquet"
    write_whole(folder / path, content)
    return Part(path, len(events), span["min"], span["max"], digest)


def _scan(folder: Path, parts: Sequence[Part], columns: Sequence[str], condition: pc.Expression | None) -> pa.Table:
    paths = [str(folder / part.path) for part in parts]
    schema = pa.schema([STORED_SCHEMA.field(name) for name in columns])
    if not paths:
        return schema.empty_table()
    found = ds.dataset(paths, schema=STORED_SCHEMA, format="parquet").to_table(columns=list(columns), filter=condition)
    return found.unify_dictionaries().cast(schema)


def _without_leads(folder: Path, manifest: Manifest, leads: Sequence[str]) -> tuple[tuple[Part, ...], int]:
    """The parts, those that held one of the leads rewritten, and how many rows fell away."""
    parts: list[Part] = []
    mine = pc.field("lead_id").isin(pa.array(leads, pa.string()))
    for part in manifest.parts:
        kept = _scan(folder, [part], STORED_SCHEMA.names, ~mine)
        if len(kept) == part.rows:
            parts.append(part)
        elif len(kept):
            parts.append(_write(folder, part.day, kept))
    return tuple(parts), sum(part.rows for part in manifest.parts) - sum(part.rows for part in parts)


def _leave_out(folder: Path, manifest: Manifest, aside: Sequence[int]) -> None:
    if manifest.set_aside != tuple(aside):
        _save(folder, replace(manifest, set_aside=tuple(aside)))


def _compact(folder: Path, manifest: Manifest) -> Manifest:
    """Make one part of the many small ones that frequent advances leave in a day."""
    for day in sorted({part.day for part in manifest.parts}):
        small = [part for part in manifest.parts if part.day == day and part.rows < _SMALL_PART]
        if len(small) < _MANY_SMALL:
            continue
        part = _write(folder, day, _scan(folder, small, STORED_SCHEMA.names, None))
        manifest = manifest.without(set(small))
        manifest = replace(manifest, parts=(*manifest.parts, part))
        _save(folder, manifest)
    _sweep(folder, manifest)
    return manifest


def _save(folder: Path, manifest: Manifest) -> None:
    write_whole(folder / NAME, manifest.to_json().encode())


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what the manifest does not name: parts that were replaced, and what a killed writer left."""
    named = {folder / part.path for part in manifest.parts} | {folder / NAME, folder / _LOCK}
    for path in folder.rglob("*"):
        if path.is_file() and path not in named:
            path.unlink()
