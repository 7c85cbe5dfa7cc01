"""(lead, time) as one sortable integer, so that one binary search answers for many leads at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries

Int64 = NDArray[np.int64]

KEY_SPACE = 2**62


@dataclass(frozen=True, slots=True)
class Timeline:
    """Keys of some leads over the time that their events and queries span. Times outside are cut to its two ends."""

    first_lead: int
    origin: int  # µs, just before the first instant
    span: int  # µs, with room for one instant before and one after

    @classmethod
    def covering(cls, columns: EventColumns, queries: Queries) -> "Timeline":
        """The timeline of `queries` (at least one) and of the events up to the last of them."""
        first, last, lead = int(queries.as_of.min()), int(queries.as_of.max()), int(queries.lead[0])
        if len(columns):
            first = min(first, int(columns.occurred_at.min()))
            last = max(last, int(columns.occurred_at.max()))
        return cls(lead, first - 1, last - first + 3)

    @property
    def capacity(self) -> int:
        """How many leads have distinct keys."""
        return KEY_SPACE // self.span

    def base(self, lead: NDArray[np.int32]) -> Int64:
        """The key of each lead before its first instant."""
        return (lead.astype(np.int64) - self.first_lead) * self.span

    def key(self, base: Int64, time: Int64) -> Int64:
        return base + (np.minimum(np.maximum(time, self.origin), self.origin + self.span - 1) - self.origin)
