"""The published protocol of Teinemaa et al. (2019) on BPI Challenge 2012: its rows, its split, its measure.

Protocol (Outcome-Oriented Predictive Process Monitoring, ACM TKDD 13(2)): a case's label is its last O_* event among
accepted, declined, cancelled; other cases are dropped. Cases in order of their start: the first 80 % train, the rest
test; training events after the first test event are cut away. Every prefix of 1 .. min(40, 90th percentile of the
positive cases' length) events is a row. The AUC is taken a prefix length and averaged with the number of test cases
as weight.

The log's clock ties some events; a prefix of k events is made exact by moving ties apart by 1 µs in the order of the
log.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import Queries, columns_from_table
from lintel.events.schema import TIME
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check
from lintel.features.catalogue import Catalogue
from lintel.features.kernel import compute
from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.sequences import sequences
from lintel.sources.bpic2012 import bpic2012

OUTCOMES = ("accepted", "declined", "cancelled")
MAX_PREFIX = 40
TRAIN_SHARE = 0.8

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """r prefixes of C cases. Case codes are in order of the cases' start."""

    features: NDArray[np.float32]  # (r, F)
    names: tuple[str, ...]  # (F,)
    sequences: Sequences  # (r,) the events of each prefix
    case: NDArray[np.int32]  # (r,)
    length: NDArray[np.int64]  # (r,) events in the prefix
    ends_at: NDArray[np.int64]  # (r,) time of its last event, UTC µs
    starts_at: NDArray[np.int64]  # (C,)
    decided_at: NDArray[np.int64]  # (C,) time of the event that is the label
    events: NDArray[np.int64]  # (C,) events in the whole case
    label: NDArray[np.str_]  # (C,)

    def inputs(self, rows: Rows) -> Inputs:
        """What members read of the prefixes at `rows`."""
        return Inputs(self.features, self.names, self.sequences).take(rows)


def log_events(path: Path) -> pa.Table:
    """All events in the order of the log, with ties moved apart."""
    tables = [batch.events for batch in bpic2012(path).batches()]
    return untied(check(pa.concat_tables(tables), tenant="bpic2012", now=datetime.now(UTC)).events)


def untied(events: pa.Table) -> pa.Table:
    """Events by case and place in the log (ids are CASE-PLACE[.NUMBER]), each place later than the one before."""
    position = np.array([int(one.partition("-")[2].partition(".")[0]) for one in events["event_id"].to_pylist()])
    case = np.array(events["lead_id"].to_pylist())
    order = np.lexsort((position, case))
    times = events["occurred_at"].cast(pa.int64()).to_numpy()[order].copy()
    for row in range(1, len(order)):
        before = order[row - 1]
        if case[order[row]] != case[before]:
            continue
        together = position[order[row]] == position[before]  # one event of the log may be two of Lintel's
        times[row] = times[row - 1] if together else max(times[row], times[row - 1] + 1)
    moved = pa.array(times).cast(TIME)
    events = events.take(pa.array(order))
    for name in ("occurred_at", "known_at"):
        events = events.set_column(events.schema.get_field_index(name), events.schema.field(name), moved)
    return events


def prefixes(events: pa.Table, chosen: Catalogue) -> Prefixes:
    """Every prefix of every case with a label, with the `chosen` features as of its last event."""
    labels = case_labels(events)
    labelled = events.filter(pc.is_in(events["lead_id"], pa.array(list(labels))))
    starts = labelled.group_by("lead_id").aggregate([("occurred_at", "min")]).sort_by("occurred_at_min")
    cases = starts["lead_id"].combine_chunks()
    columns = columns_from_table(labelled, cases)
    first = np.flatnonzero(np.diff(columns.lead, prepend=-1) | np.diff(columns.occurred_at, prepend=-1))
    queries = Queries(columns.lead[first], columns.occurred_at[first])
    counts = np.bincount(queries.lead, minlength=len(cases))
    begins = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return Prefixes(
        features=compute(columns, queries, zone=utc_offsets("Europe/Amsterdam"), catalogue=chosen),
        names=chosen.names,
        sequences=sequences(columns, queries),
        case=queries.lead,
        length=np.arange(len(first)) - begins[queries.lead] + 1,
        ends_at=queries.as_of,
        starts_at=starts["occurred_at_min"].cast(pa.int64()).to_numpy(),
        decided_at=np.array([labels[one][1] for one in cases.to_pylist()]),
        events=counts,
        label=np.array([labels[one][0] for one in cases.to_pylist()]),
    )


def case_labels(events: pa.Table) -> dict[str, tuple[str, int]]:
    """Case -> what its last offer event says, and its time, where that is an outcome."""
    last: dict[str, tuple[str, int]] = {}
    times = events["occurred_at"].cast(pa.int64()).to_pylist()
    for case, kind, time in zip(events["lead_id"].to_pylist(), events["kind"].to_pylist(), times, strict=True):
        if kind.startswith("offer."):
            last[case] = kind.removeprefix("offer."), time
    return {case: found for case, found in last.items() if found[0] in OUTCOMES}


@dataclass(frozen=True, slots=True)
class Task:
    """Rows of one outcome under the protocol."""

    train: Rows
    test: Rows
    positive: NDArray[np.bool_]  # (C,)


def task(data: Prefixes, outcome: str, *, trained: float = TRAIN_SHARE, tested: float = 1.0) -> Task:
    """Cases up to the share `trained` train, those from there up to `tested` are judged; events after are unknown."""
    positive = data.label == outcome
    longest = min(MAX_PREFIX, int(np.ceil(np.quantile(data.events[positive], 0.9))))
    border, stop = (int(len(data.events) * share) for share in (trained, tested))
    end = data.starts_at[stop] if stop < len(data.events) else np.iinfo(np.int64).max
    short = data.length <= longest
    train = short & (data.case < border) & (data.ends_at < data.starts_at[border])
    test = short & (data.case >= border) & (data.case < stop) & (data.ends_at < end)
    return Task(np.flatnonzero(train), np.flatnonzero(test), positive)


def areas(outcome: NDArray[np.bool_], scores: Float64, weight: Float64) -> Float64:
    """AUC under each of b weightings, (b,), of n rows; `weight` is (b, n). NaN where a class has no weight."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)  # of equal scores
    sorted_weight = weight[:, order]
    good = np.add.reduceat(np.where(outcome[order], sorted_weight, 0.0), starts, axis=1)
    bad = np.add.reduceat(np.where(outcome[order], 0.0, sorted_weight), starts, axis=1)
    below = np.cumsum(bad, axis=1) - bad / 2
    with np.errstate(invalid="ignore"):
        return (good * below).sum(axis=1) / (good.sum(axis=1) * bad.sum(axis=1))


@dataclass(frozen=True, slots=True)
class Curve:
    """AUC and weight of each prefix length under b weightings of the cases."""

    length: NDArray[np.int64]  # (k,)
    area: Float64  # (k, b) NaN where a class is missing
    weight: Float64  # (k, b)

    @property
    def averaged(self) -> Float64:
        """(b,) the weighted mean over the prefix lengths."""
        there = ~np.isnan(self.area)
        weight = np.where(there, self.weight, 0.0)
        return np.sum(np.where(there, self.area, 0.0) * weight, axis=0) / weight.sum(axis=0)


def by_prefix(data: Prefixes, one: Task, scores: Float64, cases: Float64) -> Curve:
    """AUC by prefix length; `cases`, (b, C), says how often each case counts."""
    length, case = data.length[one.test], data.case[one.test]
    lengths = np.unique(length)
    found, weight = [], []
    for k in lengths:
        rows = np.flatnonzero(length == k)
        counted = cases[:, case[rows]]
        found.append(areas(one.positive[case[rows]], scores[rows], counted))
        weight.append(counted.sum(axis=1))
    return Curve(lengths, np.array(found), np.array(weight))
