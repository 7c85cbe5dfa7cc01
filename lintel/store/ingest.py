"""A whole source into the store, batch by batch."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lintel.sources.source import Source
from lintel.store.events import EventStore
from lintel.store.tombstones import REASON


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Rows of a source and what became of them: read = appended + duplicates + quarantined.
    `quarantined` counts events of erased leads too, which are withheld.

    `reasons` counts the quarantined rows by "column: reason". `clock_moved_days` is None unless a log that was not
    empty before now ends more than 90 days later, and the tenant's clock with it.
    """

    read: int
    appended: int
    duplicates: int
    quarantined: int
    reasons: Mapping[str, int]
    clock_moved_days: float | None


def ingest(
    store: EventStore,
    source: Source,
    tenant: str,
    *,
    now: datetime,
    progress: Callable[[int], object] | None = None,
) -> IngestReport:
    """Append all events of a source, in the memory of one batch. Ingesting a source again adds what is missing.

    Parameters
    ----------
    progress: told how many rows were dealt with since it was told last.

    Raises NotFoundError for an unknown tenant, StorageFullError when the disk is full, and what the source raises.
    """
    read = appended = duplicates = 0
    reasons: Counter[str] = Counter()
    log_end = store.newest_known_at(tenant)
    for batch in source.batches():
        if batch.rejected:
            store.quarantine(tenant, batch.rejected, source.name, now)
            if progress:
                progress(len(batch.rejected))
        report = store.append(tenant, batch.events, now=now, places=batch.places, source=source.name, progress=progress)
        read += len(batch.events) + len(batch.rejected)
        appended += report.appended
        duplicates += report.duplicates
        reasons.update(f"{one.column}: {one.reason}" for one in (*batch.rejected, *report.rejected))
        if report.withheld:
            reasons["lead_id: " + REASON] += report.withheld
    moved = store.clock_moved_days(tenant, log_end)
    return IngestReport(read, appended, duplicates, reasons.total(), dict(reasons.most_common()), moved)
