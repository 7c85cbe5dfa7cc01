"""What two bundles say of the same leads as of the same moments, from the events that were in the log then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.moments import from_microseconds
from lintel.events.timezones import utc_offsets
from lintel.labels.definition import LabelSet
from lintel.labels.episodes import Episodes, find_episodes
from lintel.labels.outcomes import Outcome, outcomes
from lintel.labels.points import DecisionPoints, Origin
from lintel.market.context import ContextColumns
from lintel.scoring.bundle import Bundle
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question a lead: n leads, each as of a moment (UTC µs) and with the events up to a `seq`."""

    lead_ids: Sequence[str]
    as_of: Int64
    seq: Int64

    def __len__(self) -> int:
        return len(self.lead_ids)


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions that can be asked again, sorted by lead.

    `then` has the events that were in the log when the answer was given, `now` also what came later, for labels.
    """

    lead_ids: tuple[str, ...]
    queries: Queries
    then: EventColumns
    now: EventColumns
    context: ContextColumns

    def __len__(self) -> int:
        return len(self.lead_ids)


def questions_again(store: EventStore, tenant: Tenant, asked: Asked) -> Questions | None:
    """The histories behind some answers; None if there are none. Leads that were erased, or merged into others, are
    left out: their histories are not what they were."""
    if not len(asked):
        return None
    merged_by = from_microseconds(int(asked.as_of.min()))
    survivors = store.survivors(tenant.id, list(asked.lead_ids), merged_by=merged_by)
    events = store.lead_events(tenant.id, list(asked.lead_ids), merged_by=merged_by)
    there = set(pc.unique(events.column("lead_id")).to_pylist())
    kept = [i for i, lead in enumerate(asked.lead_ids) if survivors[lead] == lead and lead in there]
    kept.sort(key=lambda i: asked.lead_ids[i])
    if not kept:
        return None
    leads = pa.array([asked.lead_ids[i] for i in kept], pa.string())
    queries = Queries(np.arange(len(kept), dtype=np.int32), asked.as_of[kept])
    return Questions(
        tuple(leads.to_pylist()),
        queries,
        columns_from_table(_known_then(events, leads, asked.seq[kept]), leads),
        columns_from_table(events, leads),
        store.context.columns(tenant.id),
    )


def probabilities(bundle: Bundle, tenant: Tenant, asked: Questions) -> dict[str, Float64]:
    """(n,) probabilities by dimension that the bundle scores. Raises whatever its models raise."""
    scores = bundle.scorer.score(asked.then, asked.queries, utc_offsets(tenant.time_zone), asked.context)
    return {name: np.asarray(one.probability, np.float64) for name, one in scores.dimensions.items()}


def labels_of(asked: Questions, labels: LabelSet, log_end: datetime | int) -> Mapping[str, Outcome]:
    """What became of each question by `log_end` (UTC µs), by dimension. Questions that only touches ask are not
    asked."""
    end = log_end if isinstance(log_end, int) else round(log_end.timestamp() * 1e6)
    episodes = find_episodes(asked.now, labels.ends, log_end=end)
    count = len(asked)
    points = DecisionPoints(
        asked.queries, np.full(count, Origin.EVENT, np.int8), np.ones(count), _open_episode(episodes, asked.queries)
    )
    return outcomes(asked.now, points, labels, log_end=end)


def _known_then(events: pa.Table, leads: pa.Array, seq: Int64) -> pa.Table:
    """Without what was appended after each lead's answer."""
    code = pc.index_in(events.column("lead_id").cast(pa.string()), leads)
    limit = pc.take(pa.array(seq, pa.int64()), code.combine_chunks() if hasattr(code, "combine_chunks") else code)
    return events.filter(pc.fill_null(pc.less_equal(events.column("seq"), limit), fill_value=False))


def _open_episode(episodes: Episodes, queries: Queries) -> Int64:
    """Id of the episode that a score was about, which is the first that was open; 0 if none was."""
    found = np.zeros(len(queries), np.int64)
    begin = np.searchsorted(episodes.lead, queries.lead)
    end = np.searchsorted(episodes.lead, queries.lead, "right")
    for row, (first, last, moment) in enumerate(zip(begin, end, queries.as_of, strict=True)):
        is_open = (episodes.asked_from[first:last] <= moment) & (moment < episodes.closed_at[first:last])
        if is_open.any():
            found[row] = episodes.id[first + int(np.argmax(is_open))]
    return found
