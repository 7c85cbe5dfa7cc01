"""The one feature kernel: event columns and as-of times in, a float32 matrix out.

Work goes in chunks of whole leads, so that temporaries stay small and in cache. A row's bytes depend on nothing but
its own lead's events, its as-of time and the market series known by then: not on other leads, other queries, the
chunks, or the order of arrival.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries
from lintel.events.schema import SIGNALS
from lintel.events.timezones import UtcOffsets
from lintel.features.aggregations import AGGREGATIONS
from lintel.features.catalogue import Catalogue
from lintel.features.catalogue import catalogue as whole_catalogue
from lintel.features.history import History, index_events
from lintel.features.plan import Plan, compile_plan
from lintel.features.timeline import Timeline
from lintel.features.view import look
from lintel.features.visibility import survey, unfold
from lintel.market.context import NO_CONTEXT, ContextColumns

Matrix = NDArray[np.float32]

CHUNK_EVENTS = 8_192
CHUNK_QUERIES = 4_096
_LAST_CODE = np.iinfo(np.int32).max


def compute(
    columns: EventColumns,
    queries: Queries,
    *,
    zone: UtcOffsets,
    catalogue: Catalogue | None = None,
    context: ContextColumns = NO_CONTEXT,
    chunk_events: int = CHUNK_EVENTS,
) -> Matrix:
    """Features (q, F) of each query, in the catalogue's order; the whole catalogue by default.

    An event counts for a query at T iff occurred_at <= T and known_at <= T < superseded_at. `context` has the tenant's
    market series; without any, what describes the market is absent.
    """
    catalogue = catalogue or whole_catalogue()
    out = np.empty((len(queries), len(catalogue)), np.float32)
    chunks = compute_chunks(
        columns, queries, zone=zone, catalogue=catalogue, context=context, chunk_events=chunk_events
    )
    for rows, matrix in chunks:
        out[rows] = matrix
    return out


def compute_chunks(
    columns: EventColumns,
    queries: Queries,
    *,
    zone: UtcOffsets,
    catalogue: Catalogue | None = None,
    context: ContextColumns = NO_CONTEXT,
    chunk_events: int = CHUNK_EVENTS,
) -> Iterator[tuple[slice, Matrix]]:
    """`compute` piece by piece: (which queries, their features), in order, for consumers that keep no whole matrix."""
    kernel = _Kernel(compile_plan(catalogue or whole_catalogue()), zone, context, chunk_events)
    for chunk in kernel.chunks(columns, queries):
        yield from kernel.features(chunk)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some whole leads: their events, their queries, which follow `first` others, and their timeline."""

    columns: EventColumns
    queries: Queries
    first: int
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class _Kernel:
    plan: Plan
    zone: UtcOffsets
    context: ContextColumns
    chunk_events: int

    def chunks(self, columns: EventColumns, queries: Queries) -> Iterator[_Chunk]:
        """Cut into whole leads of about `chunk_events` events together."""
        if not len(queries):
            return
        whole = Timeline.covering(columns, queries)
        first = 0
        while first < len(queries):
            lead = int(queries.lead[first])
            start = _position(columns.lead, lead, "left")
            last_lead = min(lead + whole.capacity - 1, _LAST_CODE)
            if start + self.chunk_events < len(columns):
                last_lead = min(last_lead, max(int(columns.lead[start + self.chunk_events]) - 1, lead))
            events = slice(start, _position(columns.lead, last_lead, "right"))
            last = _position(queries.lead, last_lead, "right")
            timeline = Timeline(lead, whole.origin, whole.span)
            yield _Chunk(columns.take(events), _slice(queries, slice(first, last)), first, timeline)
            first = last

    def features(self, chunk: _Chunk) -> Iterator[tuple[slice, Matrix]]:
        """The features of one chunk, in blocks of queries."""
        queries = chunk.queries
        horizon = survey(chunk.columns, queries, chunk.timeline)
        history = self.index(horizon.columns, queries, chunk.timeline)
        for start in range(0, len(queries), CHUNK_QUERIES):
            block = slice(start, min(start + CHUNK_QUERIES, len(queries)))
            matrix = self.aggregate(history, _slice(queries, block), chunk.timeline)
            if horizon.partial is not None:
                self.correct(matrix, horizon.columns, _slice(queries, block), horizon.partial[block])
            yield slice(chunk.first + block.start, chunk.first + block.stop), matrix

    def index(self, columns: EventColumns, queries: Queries, timeline: Timeline) -> History:
        return index_events(columns if len(columns) else _placeholder(queries), timeline, self.zone, self.plan)

    def aggregate(self, history: History, queries: Queries, timeline: Timeline) -> Matrix:
        view = look(history, queries, timeline, zone=self.zone, plan=self.plan, context=self.context)
        out = np.empty((len(self.plan.column), len(queries)), np.float32)
        first = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            for aggregation, group in self.plan.groups.items():
                last = first + len(group.row)
                out[first:last] = AGGREGATIONS[aggregation](view, group)
                first = last
        return np.ascontiguousarray(out.take(self.plan.column, axis=0).T)

    def correct(self, matrix: Matrix, columns: EventColumns, queries: Queries, partial: NDArray[np.bool_]) -> None:
        """Compute the rows of queries that do not see all that had occurred, each on just the events that it sees."""
        chosen = np.flatnonzero(partial)
        for part in _batches(columns, queries.lead[chosen], self.chunk_events):
            seen, asked = unfold(columns, queries, chosen[part])
            for chunk in self.chunks(seen, asked):
                history = self.index(chunk.columns, chunk.queries, chunk.timeline)
                rows = chosen[part][chunk.first : chunk.first + len(chunk.queries)]
                matrix[rows] = self.aggregate(history, chunk.queries, chunk.timeline)


def _position(leads: NDArray[np.int32], lead: int, side: Literal["left", "right"]) -> int:
    """Where `lead` begins or ends. The needle has the array's type: NumPy would copy the whole array to a wider one."""
    return int(leads.searchsorted(np.int32(lead), side=side))


def _batches(columns: EventColumns, lead: NDArray[np.int32], size: int) -> Iterator[slice]:
    """Slices of `lead` whose events, repeated once an entry, are about `size`; bounds the memory of `unfold`."""
    repeated = np.cumsum(columns.lead.searchsorted(lead, "right") - columns.lead.searchsorted(lead))
    start = 0
    while start < len(lead):
        done = repeated[start - 1] if start else 0
        stop = max(int(repeated.searchsorted(done + size, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def _placeholder(queries: Queries) -> EventColumns:
    """One event that comes after every query, in place of none: every array then has an element."""
    later, lead = queries.as_of.max(keepdims=True) + 1, queries.lead[:1]
    zero = np.zeros(1, np.int64)
    tiny, none = zero.astype(np.int8), np.zeros((3, 1), np.int64)
    signals = np.zeros((len(SIGNALS), 1), np.int8)
    return EventColumns(
        lead, later, later, later, zero, zero.astype(np.int16), tiny, tiny, zero, zero, zero, none, signals
    )


def _slice(queries: Queries, rows: slice) -> Queries:
    return Queries(queries.lead[rows], queries.as_of[rows])
