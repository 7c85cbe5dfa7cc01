"""What training, scoring and explaining cost, on the funnel, beside an engine of XGBoost alone.

    python -m benchmarks.scoring_engine [--json]

Trains all dimensions of bpic2012 on what the nightly run has, scores all of its leads in one batch as of the moment
that most of them were open, and explains them: one dimension of one lead, all dimensions of one lead (reasons and
counterfactual, as a request with `explain` does), and the thousand leads with the highest priority. One-lead figures
are of single calls on one core, p50 and p99 over many leads; the first calls of each are left out.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.hyperparameters import KINDS, Hyperparameters
from lintel.scoring.training import train
from lintel.settings import settings
from lintel.sources.bpic2012 import bpic2012, bpic2012_tenant
from lintel.sources.datasets import pull
from lintel.store.log import TenantLog

SINGLE_LEADS, FIRST_CALLS, EXPLAINED = 300, 20, 1_000


@dataclass(frozen=True, slots=True)
class Log:
    """The funnel, and for each lead the moment in the middle of its first episode's events."""

    tenant_log: TenantLog
    queries: Queries  # one a lead, as of the middle one of its events

    @property
    def columns(self) -> EventColumns:
        return self.tenant_log.columns


def funnel() -> Log:
    """All leads of bpic2012, each as of the middle one of its events: then it was open."""
    current, tenant = settings(), bpic2012_tenant()
    path = pull("bpic2012", mirror=current.data_mirror, into=current.data_path)
    parts = [check(batch.events, tenant=tenant.id, now=datetime.now(UTC)).events for batch in bpic2012(path).batches()]
    events = pa.concat_tables(parts)
    leads = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(leads))
    end = max(events.column("known_at").to_pylist())
    starts = np.searchsorted(columns.lead, np.arange(len(leads)))
    middle = starts + np.bincount(columns.lead, minlength=len(leads)) // 2
    queries = Queries(np.arange(len(leads), dtype=np.int32), columns.occurred_at[middle])
    return Log(TenantLog(tenant, leads, columns, end), queries)


def trained(examples: Examples, hyperparameters: Hyperparameters) -> tuple[Bundle, float]:
    """The bundle and the seconds that it took, evaluation and model card included."""
    began = time.perf_counter()
    labels = load_label_set("bpic2012")
    bundle = train(examples, labels, catalogue(), scope="bench", seed=7, hyperparameters=hyperparameters)
    return bundle, time.perf_counter() - began


def costs(bundle: Bundle, log: Log) -> dict[str, float]:
    """Seconds of batches and milliseconds of single leads."""
    zone = utc_offsets(log.tenant_log.tenant.time_zone)
    scorer = bundle.scorer
    began = time.perf_counter()
    scores = scorer.score(log.columns, log.queries, zone)
    batch = time.perf_counter() - began
    best = np.sort(np.argsort(-scores.priority.value, kind="stable")[:EXPLAINED])
    began = time.perf_counter()
    scorer.explain(scores.inputs.take(best))
    bulk = time.perf_counter() - began
    chosen = np.linspace(0, len(log.queries) - 1, SINGLE_LEADS + FIRST_CALLS).astype(np.intp)
    with threadpool_limits(1):
        name = max(scorer.ready, key=lambda one: len(scorer.ready[one].ensemble.members))
        alone = [scores.inputs.take(np.array([row])) for row in chosen]
        one = timed(lambda at: scorer.ready[name].contributions(alone[at]))
        request = timed(lambda at: answered(bundle, log, int(chosen[at]), explain=True))
        plain = timed(lambda at: answered(bundle, log, int(chosen[at]), explain=False))
    found = {"leads": float(len(log.queries)), "batch_s": batch, f"explain_{EXPLAINED}_s": bulk}
    for title, milliseconds in (("score", plain), ("explain_one_dimension", one), ("score_and_explain", request)):
        found |= {
            f"{title}_p50_ms": float(np.median(milliseconds)),
            f"{title}_p99_ms": float(np.quantile(milliseconds, 0.99)),
        }
    return {name: round(value, 3) for name, value in found.items()}


def answered(bundle: Bundle, log: Log, lead: int, *, explain: bool) -> Any:
    """What a request computes once the lead's history is read."""
    own = slice(*np.searchsorted(log.columns.lead, [lead, lead + 1]).tolist())
    columns = log.columns.take(own).with_lead(np.zeros(own.stop - own.start, np.int32))
    as_of = int(log.queries.as_of[lead])
    return bundle.score_columns(columns, ["lead"], as_of, explain=explain, time_zone=log.tenant_log.tenant.time_zone)


def timed(call: Callable[[int], Any]) -> NDArray[np.float64]:
    """Milliseconds of each call but the first ones."""
    taken = []
    for at in range(SINGLE_LEADS + FIRST_CALLS):
        began = time.perf_counter()
        call(at)
        taken.append((time.perf_counter() - began) * 1e3)
    return np.array(taken[FIRST_CALLS:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console, log = Console(stderr=arguments.json), funnel()
    examples = build_examples(log.tenant_log, seed=7)
    results: dict[str, dict[str, float]] = {}
    for title, kinds in (("ensemble", KINDS), ("xgboost alone", KINDS[:1])):
        console.print(f"training: {title}")
        bundle, seconds = trained(examples, Hyperparameters(kinds=kinds))
        results[title] = {"train_s": round(seconds, 1), **costs(bundle, log)}
    shown = Table("", *results, title="bpic2012 (funnel), all dimensions")
    for name in results["ensemble"]:
        shown.add_row(name, *(f"{one[name]:,.2f}" for one in results.values()))
    console.print(shown)
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
