"""The last events that a query sees, in their order: what members that read raw events are given.

An event counts for a query at T iff occurred_at <= T and known_at <= T < superseded_at, as for features. Kinds that
are the outcome itself, or bookkeeping about the log, are in no sequence.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.events.columns import NEVER, NULL, EventColumns, Queries
from lintel.events.kinds import Actor, kind_codes, kinds
from lintel.features.selectors import BOOKKEEPING, OUTCOMES
from lintel.scoring.inputs import Sequences

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]

LONGEST = 128
"""Events of a sequence at most."""
COLUMNS = ("sequence.kind", "sequence.actor", "sequence.hours_before", "sequence.value")
_MICROSECONDS_PER_HOUR = 3_600_000_000


def sequences(columns: EventColumns, queries: Queries, *, longest: int = LONGEST) -> Sequences:
    """The last `longest` events that each query sees, oldest first, ties in the columns' own order."""
    columns = columns.take(np.flatnonzero(_telling()[columns.kind]))
    last = _occurred(columns, queries)
    first = np.maximum(columns.lead.searchsorted(queries.lead), last - longest)
    offset, chosen = np.concatenate(([0], np.cumsum(last - first))), _ranges(first, last)
    partial = np.flatnonzero(_partial(columns, queries))
    if len(partial):
        parts = [chosen[start:end] for start, end in pairwise(offset.tolist())]
        for query in partial.tolist():
            parts[query] = _seen(columns, queries.lead[query], queries.as_of[query])[-longest:]
        offset, chosen = np.concatenate(([0], np.cumsum([len(part) for part in parts]))), np.concatenate(parts)
    return _gathered(columns.take(chosen), np.repeat(queries.as_of, np.diff(offset)), offset)


def to_columns(sequences: Sequences) -> dict[str, pa.ListArray]:
    """List columns, one row a query. Kinds and actors go by name: their codes are private to a process."""
    offset = pa.array(sequences.offset, pa.int32())
    parts = (
        pa.DictionaryArray.from_arrays(sequences.kind, pa.array(kind_codes(), pa.string())),
        pa.DictionaryArray.from_arrays(sequences.actor, pa.array([actor.value for actor in Actor])),
        pa.array(sequences.hours_before),
        pa.array(sequences.value),
    )
    return {name: pa.ListArray.from_arrays(offset, part) for name, part in zip(COLUMNS, parts, strict=True)}


def from_table(table: pa.Table) -> Sequences:
    """Read what `to_columns` made. Raises IncompatibleError for a column that is absent or a kind not registered."""
    absent = [name for name in COLUMNS if name not in table.column_names]
    if absent:
        raise IncompatibleError(f"the table has no column {absent[0]!r}.", mend="Build the examples again.")
    kind, actor, hours_before, value = (pc.list_flatten(table.column(name)) for name in COLUMNS)
    size = pc.list_value_length(table.column(COLUMNS[0])).to_numpy()
    return Sequences(
        offset=np.concatenate((np.zeros(1, np.int64), np.cumsum(size, dtype=np.int64))),
        kind=_codes(kind, kind_codes()).astype(np.int16),
        actor=_codes(actor, {actor.value: code for code, actor in enumerate(Actor)}).astype(np.int8),
        hours_before=hours_before.to_numpy().astype(np.float32),
        value=value.to_numpy().astype(np.float32),
    )


@cache
def _telling() -> Mask:
    """Which kinds may be in a sequence, by code."""
    return np.array([name not in OUTCOMES | BOOKKEEPING for name in kinds()])


@cache
def _scales() -> NDArray[np.float64]:
    """What an integer value is to be divided by to be in the kind's unit, by code."""
    return np.array([float(kind.value.scale) if kind.value else 1.0 for kind in kinds().values()])


def _occurred(columns: EventColumns, queries: Queries) -> Index:
    """Position after the last event of each query's lead that had occurred, (q,).

    Times are replaced by their ranks, so that (lead, time) fits into one integer however long the log is.
    """
    moments = np.unique(columns.occurred_at)
    span = len(moments) + 1
    events = columns.lead * np.int64(span) + moments.searchsorted(columns.occurred_at)
    return events.searchsorted(queries.lead * np.int64(span) + moments.searchsorted(queries.as_of, side="right"))


def _partial(columns: EventColumns, queries: Queries) -> Mask:
    """Queries of leads with events that became known late or were corrected: these are looked at one by one."""
    late = (columns.known_at > columns.occurred_at) | (columns.superseded_at != NEVER)
    return np.isin(queries.lead, columns.lead[late]) if late.any() else np.zeros(len(queries), bool)


def _seen(columns: EventColumns, lead: np.int32, as_of: np.int64) -> Index:
    """Positions of the events that one query sees."""
    start = columns.lead.searchsorted(lead)
    own = slice(start, columns.lead.searchsorted(lead, side="right"))
    occurred = (columns.occurred_at[own] <= as_of) & (columns.known_at[own] <= as_of)
    return start + np.flatnonzero(occurred & (as_of < columns.superseded_at[own]))


def _ranges(first: Index, last: Index) -> Index:
    """All positions of the ranges [first, last), one range after the other."""
    size = last - first
    return np.arange(size.sum()) + np.repeat(first - (np.cumsum(size) - size), size)


def _gathered(events: EventColumns, as_of: NDArray[np.int64], offset: NDArray[np.int64]) -> Sequences:
    """Sequences of the events chosen, with the as-of time of each."""
    value = np.where(events.value == NULL, np.nan, events.value / _scales()[events.kind])
    hours_before = (as_of - events.occurred_at) / _MICROSECONDS_PER_HOUR
    return Sequences(offset, events.kind, events.actor, hours_before.astype(np.float32), value.astype(np.float32))


def _codes(words: Any, codes: Mapping[str, int]) -> NDArray[np.int64]:
    """Codes of a dictionary column of words."""
    plain = words.cast(pa.string())
    position = pc.index_in(plain, pa.array(list(codes), pa.string()))
    if position.null_count:
        strange = plain.filter(pc.is_null(position))[0].as_py()
        raise IncompatibleError(f"the sequences hold {strange!r}, which is not registered.", mend="Upgrade Lintel.")
    return np.array(list(codes.values()), np.int64)[position.to_numpy()]
