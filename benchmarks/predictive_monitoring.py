"""Lintel's features and trees under the published protocol of Teinemaa et al. (2019) on BPI Challenge 2012.

Protocol (Outcome-Oriented Predictive Process Monitoring, ACM TKDD 13(2)): a case's label is its last O_* event among
accepted, declined, cancelled; other cases are dropped. Cases in order of their start: the first 80 % train, the rest
test; training events after the first test event are cut away. Every prefix of 1 .. min(40, 90th percentile of the
positive cases' length) events is a row. The AUC is taken a prefix length and averaged with the number of test cases
as weight. The published figures are the best of six configurations (single bucket, aggregation encoding), from the
author's thesis repository.

Two things are said plainly. The log's clock ties some events; a prefix of k events is made exact by moving ties apart
by 1 µs in the order of the log. And an outcome event may lie inside a long prefix, in the published protocol and here;
Lintel's own features never read it (AUC by prefix length is printed: short prefixes are near chance).

Nothing is tuned on the test part: the trees have Lintel's default settings, their number is found on the last fifth
of the training cases.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lintel.events.columns import Queries, columns_from_table
from lintel.events.schema import TIME
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.features.kernel import compute
from lintel.scoring.metrics import auc
from lintel.scoring.xgboost_member import fit_xgboost
from lintel.settings import settings
from lintel.sources.bpic2012 import bpic2012
from lintel.sources.datasets import pull

PUBLISHED = {"accepted": 0.678, "declined": 0.566, "cancelled": 0.709}
SEEDS = (1, 2, 3, 4, 5)
BOOTSTRAPS = 200
MAX_PREFIX = 40
TRAIN_SHARE = 0.8
TUNING_SHARE = 0.2

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """r prefixes of C cases. Case codes are in order of the cases' start."""

    features: NDArray[np.float32]  # (r, F)
    case: NDArray[np.int32]  # (r,)
    length: NDArray[np.int64]  # (r,) events in the prefix
    ends_at: NDArray[np.int64]  # (r,) time of its last event, UTC µs
    starts_at: NDArray[np.int64]  # (C,)
    events: NDArray[np.int64]  # (C,) events in the whole case
    label: NDArray[np.str_]  # (C,)


def log_events(path: Path) -> pa.Table:
    """All events in the order of the log, with ties moved apart."""
    tables = [batch.events for batch in bpic2012(path).batches()]
    events = check(pa.concat_tables(tables), tenant="bpic2012", now=datetime.now(UTC)).events
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


def prefixes(events: pa.Table) -> Prefixes:
    """Every prefix of every case with a label, with Lintel's features as of its last event."""
    labels = _labels(events)
    chosen = events.filter(pc.is_in(events["lead_id"], pa.array(list(labels))))
    starts = chosen.group_by("lead_id").aggregate([("occurred_at", "min")]).sort_by("occurred_at_min")
    cases = starts["lead_id"].combine_chunks()
    columns = columns_from_table(chosen, cases)
    first = np.flatnonzero(np.diff(columns.lead, prepend=-1) | np.diff(columns.occurred_at, prepend=-1))
    queries = Queries(columns.lead[first], columns.occurred_at[first])
    counts = np.bincount(queries.lead, minlength=len(cases))
    begins = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return Prefixes(
        features=compute(columns, queries, zone=utc_offsets("Europe/Amsterdam"), catalogue=catalogue()),
        case=queries.lead,
        length=np.arange(len(first)) - begins[queries.lead] + 1,
        ends_at=queries.as_of,
        starts_at=starts["occurred_at_min"].cast(pa.int64()).to_numpy(),
        events=counts,
        label=np.array([labels[one] for one in cases.to_pylist()]),
    )


def _labels(events: pa.Table) -> dict[str, str]:
    """Case -> what its last offer event says, where that is an outcome."""
    last: dict[str, str] = {}
    for case, kind in zip(events["lead_id"].to_pylist(), events["kind"].to_pylist(), strict=True):
        if kind.startswith("offer."):
            last[case] = kind.removeprefix("offer.")
    return {case: word for case, word in last.items() if word in PUBLISHED}


@dataclass(frozen=True, slots=True)
class Task:
    """Rows of one outcome under the protocol."""

    train: Rows
    later: NDArray[np.bool_]  # of `train`: the slice on which the number of trees is found
    test: Rows
    positive: NDArray[np.bool_]  # (C,)


def task(data: Prefixes, outcome: str) -> Task:
    positive = data.label == outcome
    longest = min(MAX_PREFIX, int(np.ceil(np.quantile(data.events[positive], 0.9))))
    border = int(len(data.events) * TRAIN_SHARE)
    short = data.length <= longest
    known = data.ends_at < data.starts_at[border]
    train = np.flatnonzero(short & (data.case < border) & known)
    later = data.case[train] >= int(border * (1 - TUNING_SHARE))
    return Task(train, later, np.flatnonzero(short & (data.case >= border)), positive)


def fitted(data: Prefixes, one: Task, seed: int) -> NDArray[np.float64]:
    """Scores of the test rows by Lintel's trees."""
    names = catalogue().names
    outcome = one.positive[data.case]
    weight = np.ones(len(one.train))
    features = data.features
    member = fit_xgboost(
        features[one.train], outcome[one.train], weight, one.later, names=names, monotone={}, seed=seed
    )
    return member.margin(features[one.test], names)


def by_prefix(
    data: Prefixes, one: Task, scores: NDArray[np.float64], cases: NDArray[np.float64]
) -> dict[int, tuple[float, float]]:
    """Prefix length -> (AUC, weight); `cases` (C,) says how often each case counts."""
    length, case = data.length[one.test], data.case[one.test]
    outcome, weight = one.positive[case], cases[case]
    found = {}
    for k in range(1, int(length.max()) + 1):
        rows = length == k
        area = auc(outcome[rows], scores[rows], weight[rows])
        if not np.isnan(area):
            found[k] = (area, float(weight[rows].sum()))
    return found


def averaged(areas: dict[int, tuple[float, float]]) -> float:
    return sum(area * weight for area, weight in areas.values()) / sum(weight for _, weight in areas.values())


def resampled(data: Prefixes, one: Task, scores: list[NDArray[np.float64]]) -> Iterator[float]:
    """The mean weighted AUC over the seeds for bootstrap samples of the test cases."""
    random = np.random.default_rng(0)
    tested = np.unique(data.case[one.test])
    for _ in track(range(BOOTSTRAPS), "bootstrap", console=Console(stderr=True), transient=True):
        drawn = np.bincount(random.choice(tested, len(tested)), minlength=len(data.events)).astype(float)
        yield float(np.mean([averaged(by_prefix(data, one, own, drawn)) for own in scores]))


def measured(data: Prefixes, outcome: str) -> dict[str, Any]:
    one = task(data, outcome)
    seeds = track(SEEDS, f"fitting {outcome}", console=Console(stderr=True), transient=True)
    scores = [fitted(data, one, seed) for seed in seeds]
    every = np.ones(len(data.events))
    areas = [by_prefix(data, one, own, every) for own in scores]
    samples = np.array(list(resampled(data, one, scores)))
    return {
        "auc_weighted": round(float(np.mean([averaged(each) for each in areas])), 4),
        "sd": round(float(samples.std(ddof=1)), 4),
        "interval": [round(float(bound), 4) for bound in np.quantile(samples, (0.025, 0.975))],
        "published": PUBLISHED[outcome],
        "by_prefix": {str(k): round(float(np.mean([each[k][0] for each in areas])), 4) for k in areas[0]},
        "test_cases": len(np.unique(data.case[one.test])),
        "train_rows": len(one.train),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    current = settings()
    data = prefixes(log_events(pull("bpic2012", mirror=current.data_mirror, into=current.data_path)))
    results = {outcome: measured(data, outcome) for outcome in PUBLISHED}
    shown = Table("task", "AUC", "95 % interval", "sd", "published", *(f"prefix {k}" for k in (1, 5, 10, 20, 30, 40)))
    for outcome, found in results.items():
        areas = [f"{found['by_prefix'].get(str(k), float('nan')):.3f}" for k in (1, 5, 10, 20, 30, 40)]
        low, high = found["interval"]
        cells = (f"{found['auc_weighted']:.3f}", f"{low:.3f}-{high:.3f}", f"{found['sd']:.3f}", str(found["published"]))
        shown.add_row(outcome, *cells, *areas)
    Console(stderr=arguments.json).print(shown)
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
