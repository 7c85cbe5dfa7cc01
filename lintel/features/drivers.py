"""The drivers: ways to feed the one kernel. All give the same bytes for the same lead and time."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.timezones import UtcOffsets, utc_offsets
from lintel.features.catalogue import Catalogue
from lintel.features.catalogue import catalogue as whole_catalogue
from lintel.features.frame import FeatureFrame, microseconds
from lintel.features.kernel import compute
from lintel.market.context import NO_CONTEXT, ContextColumns

EVENTS_AT_A_TIME = 500_000
"""Events that `nightly_frames` holds as columns at a time: about 100 bytes each, thrice while they are sorted."""


def request_features(
    events: pa.Table,
    lead_ids: Sequence[str],
    as_of: datetime | Sequence[datetime],
    *,
    time_zone: str = "UTC",
    catalogue: Catalogue | None = None,
    context: ContextColumns = NO_CONTEXT,
) -> FeatureFrame:
    """Features of a few leads, one row an entry of `lead_ids` and in its order; a lead may come several times.

    Parameters
    ----------
    events: their events (STORED_SCHEMA or INCOMING_SCHEMA), perhaps among others; a lead without any has a row too.
    as_of: one time with zone for all, or one for each entry.
    context: the tenant's market series.

    Raises InputError for an unknown zone or an as-of time without a zone.
    """
    leads = tuple(dict.fromkeys(lead_ids))
    codes = {lead: code for code, lead in enumerate(leads)}
    columns = columns_from_table(events, pa.array(leads, pa.string()))
    asked = np.array([codes[lead] for lead in lead_ids], np.int32)
    moment = microseconds(as_of, len(asked))
    matrix = _in_any_order(columns, Queries(asked, moment), utc_offsets(time_zone), catalogue, context)
    return FeatureFrame(tuple(lead_ids), moment, matrix, catalogue or whole_catalogue())


def nightly_features(
    columns: EventColumns,
    lead_ids: Sequence[str],
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    catalogue: Catalogue | None = None,
    context: ContextColumns = NO_CONTEXT,
) -> FeatureFrame:
    """Features of all leads at one time. `lead_ids`, (L,), is the lead of each code in `columns.lead`."""
    moment = microseconds(as_of, len(lead_ids))
    queries = Queries(np.arange(len(lead_ids), dtype=np.int32), moment)
    matrix = compute(columns, queries, zone=utc_offsets(time_zone), catalogue=catalogue, context=context)
    return FeatureFrame(tuple(lead_ids), moment, matrix, catalogue or whole_catalogue())


def nightly_frames(
    events: pa.Table,
    lead_ids: Sequence[str],
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    catalogue: Catalogue | None = None,
    context: ContextColumns = NO_CONTEXT,
    events_at_a_time: int = EVENTS_AT_A_TIME,
) -> Iterator[FeatureFrame]:
    """`nightly_features` of a table too large to hold as columns: one frame a run of leads, in the order of
    `lead_ids` (each once), of about `events_at_a_time` events or of a single lead with more."""
    position = pc.index_in(events.column("lead_id"), pa.array(lead_ids, pa.string())).combine_chunks()
    lead = pc.fill_null(position, -1).to_numpy()
    order = np.argsort(lead, kind="stable")
    starts = lead[order].searchsorted(np.arange(len(lead_ids) + 1))
    for first, last in _runs(starts, events_at_a_time):
        leads = lead_ids[first:last]
        part = columns_from_table(events.take(order[starts[first] : starts[last]]), pa.array(leads, pa.string()))
        yield nightly_features(part, leads, as_of=as_of, time_zone=time_zone, catalogue=catalogue, context=context)


def _runs(starts: NDArray[np.intp], size: int) -> Iterator[tuple[int, int]]:
    """Runs [first, last) of leads with at most `size` events together, at least one lead each."""
    first = 0
    while first < len(starts) - 1:
        last = max(int(starts.searchsorted(starts[first] + size, side="right")) - 1, first + 1)
        yield first, last
        first = last


def _in_any_order(
    columns: EventColumns,
    asked: Queries,
    zone: UtcOffsets,
    catalogue: Catalogue | None,
    context: ContextColumns,
) -> NDArray[np.float32]:
    order = np.lexsort((asked.as_of, asked.lead))
    queries = Queries(asked.lead[order], asked.as_of[order])
    found = compute(columns, queries, zone=zone, catalogue=catalogue, context=context)
    matrix = np.empty_like(found)
    matrix[order] = found
    return matrix
