"""One tenant's prediction log in the lake: `<tenant>/<UTC day of the answer>/part-*.parquet`, sorted by lead."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from hashlib import sha256
from operator import and_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lintel.errors import UnavailableError
from lintel.events.moments import from_microseconds
from lintel.events.schema import TIME
from lintel.store.manifest import NAME, tenant_folder, write_whole
from lintel.store.prediction import PREDICTION_SCHEMA, SHADOW
from lintel.store.prediction_manifest import (
    ErasedLead,
    PredictionManifest,
    PredictionPart,
    lead_digest,
    read_prediction_manifest,
    save_prediction_manifest,
)

_ORDER = [("lead_id", "ascending"), ("answered_at", "ascending")]
_SMALL_PART, _MANY_SMALL = 50_000, 16  # so many parts of a day under this size are made one
_ATTEMPTS = 5


class TenantPredictions:
    """Readers never wait; whoever changes anything holds the lock of all prediction logs."""

    def __init__(self, root: Path, tenant: str) -> None:
        self._folder, self._tenant = tenant_folder(root, tenant), tenant

    def manifest(self) -> PredictionManifest:
        return read_prediction_manifest(self._folder, self._tenant)

    def add(self, found: Mapping[str, pa.Table], left: Sequence[str]) -> pa.Table:
        """Take in what segments (by name) have of the tenant, each once however often it comes; the answers new here.

        `left` names all segments that still lie about: what is not among them never comes again.
        """
        manifest = self.manifest()
        new = {name: rows for name, rows in found.items() if name not in manifest.segments}
        if not new:
            return PREDICTION_SCHEMA.empty_table()
        rows = _kept(pa.concat_tables(new.values()).unify_dictionaries(), manifest)
        known = (*(name for name in manifest.segments if name in left), *new)
        parts = (*manifest.parts, *(self._write(day, one) for day, one in _by_day(rows)))
        self._save(replace(manifest, parts=parts, segments=known))
        return rows

    def erase(self, leads: Sequence[str], at: int) -> int:
        """Remove what is known of leads, and what segments still have of them up to `at` (UTC µs) when it comes in."""
        manifest = self.manifest()
        fresh = tuple(ErasedLead(lead_digest(self._tenant, lead), at) for lead in leads)
        manifest = replace(manifest, erased=(*manifest.erased, *fresh))
        self._save(manifest)
        others = ~pc.field("lead_id").isin(pa.array(leads, pa.string()))
        before = sum(part.rows for part in manifest.parts)
        for part in manifest.parts:
            rows = self._scan([part], PREDICTION_SCHEMA.names, others)
            if len(rows) < part.rows:
                manifest = manifest.replacing([part], [self._write(part.day, rows)] if len(rows) else [])
        self._save(manifest)
        self.sweep()
        return before - sum(part.rows for part in manifest.parts)

    def forget_erased(self, before: int) -> None:
        """Let go of who was erased before a time (UTC µs) of which no segment is left."""
        manifest = self.manifest()
        kept = tuple(lead for lead in manifest.erased if lead.at >= before)
        if len(kept) < len(manifest.erased):
            self._save(replace(manifest, erased=kept))

    def expire(self, first_day: str) -> int:
        """Remove all days before one (ISO 8601); how many answers that were."""
        manifest = self.manifest()
        old = [part for part in manifest.parts if part.day < first_day]
        if old:
            self._save(manifest.replacing(old, []))
        return sum(part.rows for part in old)

    def merge_small(self) -> None:
        """Make one part of the many small ones that frequent compactions leave in a day."""
        manifest = self.manifest()
        for day in sorted({part.day for part in manifest.parts}):
            small = [part for part in manifest.parts if part.day == day and part.rows < _SMALL_PART]
            if len(small) >= _MANY_SMALL:
                rows = self._scan(small, PREDICTION_SCHEMA.names, None)
                manifest = manifest.replacing(small, [self._write(day, rows)])
                self._save(manifest)

    def sweep(self) -> None:
        """Remove what the manifest does not name: parts that were replaced, and what a killed writer left."""
        named = {self._folder / part.path for part in self.manifest().parts} | {self._folder / NAME}
        for path in self._folder.rglob("*"):
            if path.is_file() and path not in named:
                path.unlink()
        for path in self._folder.iterdir():
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def read(
        self, since: datetime | None, until: datetime | None, columns: Sequence[str] | None, *, shadow: bool = False
    ) -> pa.Table:
        """Answers given from `since` on and before `until`, in PREDICTION_SCHEMA or some columns of it; what a bundle
        in shadow scored beside them is none, and comes only if asked for."""
        for _ in range(_ATTEMPTS):
            manifest = self.manifest()
            parts = [part for part in manifest.parts if _overlaps(part, since, until)]
            try:
                return self._scan(parts, columns or PREDICTION_SCHEMA.names, _asked(since, until, shadow=shadow))
            except FileNotFoundError:  # replaced since the manifest was read
                continue
        raise UnavailableError(f"Parts of the prediction log of {self._tenant!r} are gone.", mend="See a backup.")

    def faults(self) -> list[str]:
        """What of the parts is not as the manifest says."""
        return [fault for part in self.manifest().parts if (fault := _fault(self._folder / part.path, part))]

    def _save(self, manifest: PredictionManifest) -> None:
        save_prediction_manifest(self._folder, manifest)

    def _write(self, day: str, rows: pa.Table) -> PredictionPart:
        sink = pa.BufferOutputStream()
        pq.write_table(rows.sort_by(_ORDER), sink, compression="zstd")
        content = sink.getvalue().to_pybytes()
        digest = sha256(content).hexdigest()
        span = pc.min_max(rows.column("answered_at").cast(pa.int64())).as_py()
        path = f"{day}/part-{span['min']}-{digest[:12]}.parquet"
        write_whole(self._folder / path, content)
        return PredictionPart(path, len(rows), span["min"], span["max"], digest)

    def _scan(
        self, parts: Sequence[PredictionPart], columns: Sequence[str], condition: pc.Expression | None
    ) -> pa.Table:
        schema = pa.schema([PREDICTION_SCHEMA.field(name) for name in columns])
        paths = [str(self._folder / part.path) for part in parts]
        if not paths:
            return schema.empty_table()
        found = ds.dataset(paths, schema=PREDICTION_SCHEMA, format="parquet")
        return found.to_table(columns=list(columns), filter=condition).unify_dictionaries().cast(schema)


def _kept(rows: pa.Table, manifest: PredictionManifest) -> pa.Table:
    """Without those of leads that were erased after they were answered."""
    if not manifest.erased or not len(rows):
        return rows
    erased: dict[str, int] = {}
    for lead in manifest.erased:
        erased[lead.digest] = max(lead.at, erased.get(lead.digest, lead.at))
    digests = {lead: lead_digest(manifest.tenant, lead) for lead in rows.column("lead_id").unique().to_pylist()}
    gone_by = [erased.get(digests[lead], -1) for lead in rows.column("lead_id").to_pylist()]
    return rows.filter(pc.greater(rows.column("answered_at").cast(pa.int64()), pa.array(gone_by, pa.int64())))


def _by_day(rows: pa.Table) -> list[tuple[str, pa.Table]]:
    days = pc.strftime(rows.column("answered_at"), format="%Y-%m-%d")
    return [(day, rows.filter(pc.equal(days, day))) for day in sorted(days.unique().to_pylist())]


def _asked(since: datetime | None, until: datetime | None, *, shadow: bool) -> pc.Expression | None:
    conditions = [] if shadow else [pc.field("served_by") != SHADOW]
    if since is not None:
        conditions.append(pc.field("answered_at") >= pa.scalar(since, TIME))
    if until is not None:
        conditions.append(pc.field("answered_at") < pa.scalar(until, TIME))
    return reduce(and_, conditions) if conditions else None


def _overlaps(part: PredictionPart, since: datetime | None, until: datetime | None) -> bool:
    after = since is None or from_microseconds(part.last_at) >= since
    return after and (until is None or from_microseconds(part.first_at) < until)


def _fault(path: Path, part: PredictionPart) -> str | None:
    if not path.is_file():
        return f"{path} is gone"
    if sha256(path.read_bytes()).hexdigest() != part.sha256:
        return f"{path} is not what was written"
    return None


def first_kept_day(now: datetime, keep_days: int) -> str:
    """The oldest day (ISO 8601, UTC) that is kept."""
    return (now.astimezone(UTC) - timedelta(days=keep_days)).date().isoformat()
