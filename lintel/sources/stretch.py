"""A stretch of another source: the events that became known in it, as when a log is played back day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from lintel.sources.source import Source, SourceBatch


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events of `source` that became known from `since` on and before `until`; None is no bound.

    Rows that the source itself cannot read are told by the stretch that has no beginning, once.
    """

    source: Source
    since: datetime | None
    until: datetime | None

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def total(self) -> int | None:
        """How many of the source's rows lie in it is only known when it was read."""
        return None

    def batches(self) -> Iterator[SourceBatch]:
        """The batches of the source without the rows from outside; empty ones are left out."""
        for batch in self.source.batches():
            found = self._inside(batch)
            if len(found.events) or found.rejected:
                yield found

    def _inside(self, batch: SourceBatch) -> SourceBatch:
        known = known_at_of(batch.events)
        inside = pa.array([True] * len(batch.events))
        if self.since is not None:
            inside = pc.and_(inside, pc.greater_equal(known, pa.scalar(self.since, known.type)))
        if self.until is not None:
            inside = pc.and_(inside, pc.less(known, pa.scalar(self.until, known.type)))
        places = tuple(place for place, kept in zip(batch.places, inside.to_pylist(), strict=True) if kept)
        rejected = batch.rejected if self.since is None else ()
        return replace(batch, events=batch.events.filter(inside), places=places, rejected=rejected)


def known_at_of(events: pa.Table) -> pa.ChunkedArray:
    """When each event became known; when it happened where the source does not say."""
    occurred = events.column("occurred_at")
    if "known_at" not in events.column_names:
        return occurred
    return pc.coalesce(events.column("known_at"), occurred)
