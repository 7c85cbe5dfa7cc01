"""Features and scores of answers, computed once more from the lake's events up to the `seq` that each could see."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.labels.episodes import expand, first_after
from lintel.monitoring.served import Served

Matrix = NDArray[np.float32]
Rows = NDArray[np.intp]
Compute = Callable[[EventColumns, Queries], Matrix]
Score = Callable[[EventColumns, Queries], Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class LeadEvents:
    """Events (STORED_SCHEMA) of L leads, sorted by (lead, seq); those of lead i lie at start[i]:start[i + 1]."""

    leads: pa.Array  # (L,)
    table: pa.Table
    seq: NDArray[np.int64]
    start: Rows  # (L + 1,)

    @classmethod
    def of(cls, table: pa.Table) -> "LeadEvents":
        table = table.sort_by([("lead_id", "ascending"), ("seq", "ascending")])
        encoded = table.column("lead_id").combine_chunks().cast(pa.string()).dictionary_encode()
        codes = encoded.indices.to_numpy()  # ascending, as the leads first come in order
        start = np.searchsorted(codes, np.arange(len(encoded.dictionary) + 1))
        return cls(encoded.dictionary, table, table.column("seq").to_numpy(), start)

    def ends(self, lead: Rows, seq: NDArray[np.int64]) -> Rows:
        """(n,) where the events of each lead up to each `seq` end."""
        return first_after(self.seq, self.start[lead], self.start[lead + 1], seq)

    def columns(self, lead: Rows, end: Rows) -> EventColumns:
        """The first events of some leads, each once, under codes that are positions in `lead`."""
        rows = expand(self.start[lead], end)
        return columns_from_table(self.table.take(pa.array(rows)), self.leads.take(pa.array(lead)))


@dataclass(frozen=True, slots=True)
class Part:
    """Answers of leads that are all different, with their histories: rows of the answers, and queries beside them."""

    rows: Rows
    columns: EventColumns
    queries: Queries


def parts_then(served: Served, lead: Rows, events: LeadEvents) -> Iterator[Part]:
    """All answers, each once, with the events up to its `seq`. A lead with several such histories comes in as many
    parts, for a history is a lead to the kernel. `lead`, (n,), is each answer's lead in `events`."""
    end = events.ends(lead, served.seq)
    order = np.lexsort((served.as_of, end, lead))
    lead, end = lead[order], end[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(lead) != 0) | (np.diff(end) != 0)
    history = np.cumsum(new) - 1  # of each answer
    its_lead, its_end = lead[new], end[new]
    turn = np.arange(len(its_lead)) - np.searchsorted(its_lead, its_lead)
    for one in range(int(turn.max(initial=-1)) + 1):
        mine = np.flatnonzero(turn == one)
        asked = np.flatnonzero(turn[history] == one)
        code = np.searchsorted(mine, history[asked]).astype(np.int32)
        queries = Queries(code, served.as_of[order[asked]])
        yield Part(order[asked], events.columns(its_lead[mine], its_end[mine]), queries)


def features_now(served: Served, lead: Rows, events: LeadEvents, compute: Compute) -> Matrix:
    """(n, F) from all events that there are, as of each answer's moment."""
    order = np.lexsort((served.as_of, lead))
    every = np.arange(len(events.leads))
    columns = events.columns(every, events.start[1:])
    found = compute(columns, Queries(lead[order].astype(np.int32), served.as_of[order]))
    features = np.empty_like(found)
    features[order] = found
    return features
