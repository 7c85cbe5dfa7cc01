"""What some queries see of a history: for every row and window, a range of flat positions."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import Queries
from lintel.events.timezones import UtcOffsets
from lintel.features.history import History
from lintel.features.measures import day_of_year, minute_of_week
from lintel.features.plan import Plan
from lintel.features.timeline import Timeline
from lintel.market.context import ContextColumns, Reading
from lintel.market.metrics import METRICS

Index = NDArray[np.intp]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """q queries on a history. Members of a row in a window that ends at the as-of time are begin <= flat < end."""

    history: History
    plan: Plan
    timeline: Timeline
    zone: UtcOffsets
    context: ContextColumns
    base: Int64  # (q,) the timeline's base of each query's lead
    as_of: Int64  # (q,)
    start: Index  # (q,) position of the lead's first event
    end: Index  # (R, q) flat position after the last member seen
    begin: Index  # (P, q) flat position of the first member in the window, by pair
    size: Index  # (P, q) members in the window, by pair

    @cached_property
    def as_of_minute(self) -> Int64:
        """(q,) local minute of the week of the as-of time."""
        return minute_of_week(self.zone.local(self.as_of))

    @cached_property
    def as_of_day(self) -> Int64:
        """(q,) local day of the year of the as-of time."""
        return day_of_year(self.zone.local(self.as_of))

    @cached_property
    def readings(self) -> tuple[Reading | None, ...]:
        """What was known of each market metric at the as-of times."""
        return tuple(self.context.reading(metric, self.as_of) for metric in range(len(METRICS)))


def look(
    history: History,
    queries: Queries,
    timeline: Timeline,
    *,
    zone: UtcOffsets,
    plan: Plan,
    context: ContextColumns,
) -> View:
    """Find every query's ranges with one binary search a window."""
    base = timeline.base(queries.lead)
    opens = timeline.key(base, queries.as_of - plan.windows)
    event_keys = timeline.key(history.base, history.time)
    edges = event_keys.searchsorted(np.concatenate((opens, timeline.key(base, queries.as_of)[None])), side="right")
    count = len(history.time)
    end = history.rank[np.arange(plan.rows)[:, None] * count + edges[-1]].astype(np.intp)
    begin = history.rank[plan.pair_row[:, None] * count + edges[plan.pair_window]].astype(np.intp)
    size = end[plan.pair_row] - begin
    return View(history, plan, timeline, zone, context, base, queries.as_of, edges[0], end, begin, size)
