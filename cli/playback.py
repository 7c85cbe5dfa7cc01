"""A log played back on a clock that runs faster than ours: events are appended as they became known."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from lintel.events.moments import from_microseconds, to_microseconds
from lintel.home import Home
from lintel.sources.source import Source
from lintel.sources.stretch import Stretch, known_at_of


class Playback:
    """The events of `source` from `since` on, in the order in which they became known. `clock` is how far it has come:
    for a tenant whose clock is the end of its log, this is the time."""

    def __init__(self, home: Home, tenant: str, source: Source, since: datetime) -> None:
        self._home, self._tenant, self._source = home, tenant, source.name
        tables = [batch.events for batch in Stretch(source, since, None).batches()]
        whole = pa.concat_tables(tables)
        known = known_at_of(whole).cast(pa.int64()).to_numpy()
        order = np.argsort(known, kind="stable")
        self._events, self._known = whole.take(order), known[order]
        self._next = 0
        self.clock = since

    @property
    def end(self) -> datetime:
        """When the last event became known."""
        return from_microseconds(int(self._known[-1]))

    @property
    def is_over(self) -> bool:
        return self._next >= len(self._known)

    def play(self, until: datetime) -> int:
        """Append what became known before `until`; how many events that were."""
        end = int(np.searchsorted(self._known, to_microseconds(until)))
        part = self._events.slice(self._next, max(end - self._next, 0))
        if len(part):
            self._home.events.append(self._tenant, part, now=datetime.now(UTC), source=self._source)
        self._next, self.clock = max(end, self._next), max(until, self.clock)
        return len(part)
