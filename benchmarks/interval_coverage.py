"""How often the 90 % interval covers the true rate of leads scored alike, on a simulated brokerage.

    python -m benchmarks.interval_coverage [--worlds 4] [--leads 2000] [--json]

The simulator knows each lead's true probability. Members are trained once, on one history of the brokerage; every
further history (other seeds) gives a calibration fold of its own, on which Platt's line and its bootstrap are fitted
again. In each tenth of the margins, pooled over histories, the truth is the mean of the true probabilities there:
E[truth | score]. Printed is the share of (history, tenth) whose mean interval holds it, with the mean width, and as
the baseline the share for an interval of the same width around the base rate.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Status
from lintel.scoring.bundle import Bundle
from lintel.scoring.calibration import fit_platt
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset, truth
from lintel.store.log import TenantLog

WORLD, DAYS, TENTHS, LEVEL = "demo", 730, 10, 0.9
DIMENSIONS = ("intent", "timing", "budget", "conversion", "churn")
NOW = datetime(2030, 1, 1, tzinfo=UTC)

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One history's calibration fold of one dimension: margins, outcomes, weights, leads and the truth, (n,) each."""

    margin: Float64
    positive: NDArray[np.bool_]
    weight: Float64
    lead: NDArray[np.int32]
    truth: Float64


def history(seed: int, leads: int) -> tuple[Examples, pa.Table, tuple[str, ...]]:
    """Examples of one simulated history, its events, and the lead of each code."""
    world = preset(WORLD)
    source = Simulator(world, world.tenants[0].id, seed=seed, leads=leads, days=DAYS)
    tenant = source.tenant_settings()
    parts = [check(batch.events, tenant=tenant.id, now=NOW).events for batch in source.batches()]
    events = pa.concat_tables(parts)
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    end = max(events.column("known_at").to_pylist())
    return build_examples(TenantLog(tenant, lead_ids, columns, end), seed=1), events, lead_ids


def calibrations(bundle: Bundle, seed: int, leads: int) -> Iterator[tuple[str, Calibration]]:
    """The calibration folds of a fresh history, for every dimension that the bundle scores."""
    examples, events, lead_ids = history(seed, leads)
    queries = examples.points.queries
    world = preset(WORLD)
    asked = [lead_ids[lead] for lead in queries.lead]
    true = truth(world, world.tenants[0].id, events, asked, queries.as_of)
    for name in DIMENSIONS:
        if name not in bundle.scorer.ready:
            continue
        rows = fold_rows(examples, name).rows(Fold.CALIBRATION)
        margin = bundle.scorer.ready[name].margin(examples.inputs(rows))
        positive = examples.outcomes[name].status[rows] == Status.YES
        yield name, Calibration(margin, positive, examples.points.weight[rows], queries.lead[rows], true[name][rows])


def coverage(folds: list[Calibration]) -> dict[str, Any]:
    """Share of (history, tenth) whose interval holds the true rate; the same for the base rate's interval."""
    margin, weight, true = (
        np.concatenate([getattr(one, name) for one in folds]) for name in ("margin", "weight", "truth")
    )
    tenth = np.searchsorted(np.quantile(margin, np.arange(1, TENTHS) / TENTHS), margin)
    members = [np.flatnonzero(tenth == k) for k in range(TENTHS)]
    rate = np.array([np.average(true[rows], weights=weight[rows]) for rows in members])
    held, base_held, widths = [], [], []
    for one in folds:
        calibrator = fit_platt(one.margin, one.positive, one.weight, one.lead, seed=1)
        low, high = calibrator.interval(margin, LEVEL)
        base = np.average(one.positive, weights=one.weight)
        for k, rows in enumerate(members):
            least, most = (float(np.average(bound[rows], weights=weight[rows])) for bound in (low, high))
            widths.append(most - least)
            held.append(least <= rate[k] <= most)
            base_held.append(abs(rate[k] - base) <= widths[-1] / 2)
    return {
        "coverage": round(float(np.mean(held)), 3),
        "mean_width": round(float(np.mean(widths)), 4),
        "base_rate_coverage": round(float(np.mean(base_held)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=4, help="fresh histories")
    parser.add_argument("--leads", type=int, default=2_000, help="leads of each")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    examples, _, _ = history(5, arguments.leads)
    bundle = train(examples, load_label_set("simulator"), catalogue(), scope="coverage", seed=1)
    folds: dict[str, list[Calibration]] = {}
    for seed in track(range(100, 100 + arguments.worlds), "histories", console=Console(stderr=True), transient=True):
        for name, fold in calibrations(bundle, seed, arguments.leads):
            folds.setdefault(name, []).append(fold)
    found = {name: coverage(own) for name, own in folds.items()}
    shown = Table("dimension", "coverage", "level", "mean width", "base rate's, same width", title="simulated")
    for name, one in found.items():
        shown.add_row(
            name, f"{one['coverage']:.2f}", str(LEVEL), f"{one['mean_width']:.3f}", f"{one['base_rate_coverage']:.2f}"
        )
    Console(stderr=arguments.json).print(shown)
    if arguments.json:
        print(json.dumps({"level": LEVEL, "simulated": True, "dimensions": found}))


if __name__ == "__main__":
    main()
