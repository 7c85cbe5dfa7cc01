"""What was known when: an event is seen at T iff occurred_at <= T and known_at <= T < superseded_at.

Almost always the events seen are simply those that had occurred. Queries for which that is not so become leads of
their own, who hold just the events seen, so that one kernel without any notion of lateness computes all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, EventColumns, Queries
from lintel.features.timeline import Timeline

Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Horizon:
    """Columns without the events that no query sees, and which queries do not see all that had occurred."""

    columns: EventColumns
    partial: NDArray[np.bool_] | None  # (q,), None if there is no such query


def survey(columns: EventColumns, queries: Queries, timeline: Timeline) -> Horizon:
    """Drop events that no query of their lead sees; mark the queries from which some remaining event is hidden."""
    delayed = np.flatnonzero((columns.known_at > columns.occurred_at) | (columns.superseded_at != NEVER))
    if not len(delayed):
        return Horizon(columns, None)
    base = timeline.base(columns.lead[delayed])
    query_keys = timeline.key(timeline.base(queries.lead), queries.as_of)
    occurred = query_keys.searchsorted(timeline.key(base, columns.occurred_at[delayed]))
    known = query_keys.searchsorted(timeline.key(base, columns.known_at[delayed]))
    ended = query_keys.searchsorted(timeline.key(base, columns.superseded_at[delayed]))
    useless = known >= ended
    following = query_keys.searchsorted(base + timeline.span)
    partial = _covered(len(queries), occurred[~useless], known[~useless])
    partial |= _covered(len(queries), ended[~useless], following[~useless])
    if useless.any():
        columns = columns.take(np.delete(np.arange(len(columns)), delayed[useless]))
    return Horizon(columns, partial if partial.any() else None)


def _covered(count: int, start: Index, end: Index) -> NDArray[np.bool_]:
    """Which of 0..count-1 lie in any of the ranges [start, end)."""
    change = np.bincount(start, minlength=count + 1) - np.bincount(end, minlength=count + 1)
    return np.cumsum(change[:-1]) > 0


def unfold(columns: EventColumns, queries: Queries, chosen: Index) -> tuple[EventColumns, Queries]:
    """One lead a chosen query, numbered in their order, with the events that it sees; and the queries on them."""
    lead, as_of = queries.lead[chosen], queries.as_of[chosen]
    start = columns.lead.searchsorted(lead, side="left")
    length = columns.lead.searchsorted(lead, side="right") - start
    owner = np.repeat(np.arange(len(chosen)), length)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length) + np.repeat(start, length)
    limit = as_of[owner]
    seen = (columns.occurred_at[row] <= limit) & (columns.known_at[row] <= limit) & (limit < columns.superseded_at[row])
    alone = columns.take(row[seen]).with_lead(owner[seen].astype(np.int32))
    return alone, Queries(np.arange(len(chosen), dtype=np.int32), as_of)
