"""Whether calibrating a frozen model anew on newer outcomes makes later scores better, and their intervals hold.

    python -m benchmarks.recalibration [--worlds heldout_1 ...] [--histories 2] [--leads 3000] [--json]

In each simulated history a champion is trained on what was known after 60 % of the log, and then left alone. At the end
of the log it is calibrated anew on rows that its members have not learnt from. Both are judged on the newest fold,
which neither has seen: log loss with its paired difference by lead, and the share of tenths of the score whose mean
90 % interval holds the mean of the true probabilities, which the simulator knows. The frozen champion is the baseline,
in the same run. Members are small: what is compared is their calibration.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lintel.events.columns import columns_from_table
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Status
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEVEL, Dimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.paired import PairedLosses, paired_comparison, row_log_loss
from lintel.scoring.recalibration import recalibrated
from lintel.scoring.training import train
from lintel.scoring.xgboost_member import TreeSettings
from lintel.sources.simulator import Simulator, preset, truth
from lintel.store.log import TenantLog

Float64 = NDArray[np.float64]
WORLDS, DAYS, SHARE, TENTHS = ("heldout_1", "heldout_2", "heldout_3"), 730, 0.6, 10
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SMALL = Hyperparameters(
    kinds=("xgboost", "lightgbm"),
    trees=TreeSettings(max_trees=80, patience=10, learning_rate=0.1, min_child_weight=5, max_bin=64, threads=1),
    leaves=LeafSettings(max_trees=80, patience=10, learning_rate=0.1, min_data_in_leaf=10, max_bin=63, threads=1),
)


def compared(world_name: str, seed: int, leads: int) -> Iterator[dict[str, Any]]:
    """One history: of each dimension that was calibrated anew, both on the newest fold."""
    world = preset(world_name)
    source = Simulator(world, world.tenants[0].id, seed=seed, leads=leads, days=DAYS)
    tenant = source.tenant_settings()
    events = pa.concat_tables(check(batch.events, tenant=tenant.id, now=NOW).events for batch in source.batches())
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns, known = columns_from_table(events, pa.array(lead_ids)), events.column("known_at").to_pylist()
    first, last = to_microseconds(min(known)), to_microseconds(max(known))
    then = from_microseconds(first + int(SHARE * (last - first)))
    early, late = (build_examples(TenantLog(tenant, lead_ids, columns, end), seed=1) for end in (then, max(known)))
    frozen = train(early, load_label_set(tenant.labels), catalogue(), scope=tenant.id, seed=1, hyperparameters=SMALL)
    anew = recalibrated(frozen, late, seed=1)
    if anew is None:
        return
    queries = late.points.queries
    true = truth(world, tenant.id, events, [late.lead_ids[one] for one in queries.lead], queries.as_of)
    for name in anew.scorer.ready:
        if anew.scorer.ready[name] is not frozen.scorer.ready[name]:
            yield {"world": world_name, "seed": seed, "dimension": name} | judged(name, frozen, anew, late, true[name])


def judged(name: str, frozen: Bundle, anew: Bundle, examples: Examples, true: Float64) -> dict[str, Any]:
    """Both on the newest fold, where the truth is defined."""
    rows = fold_rows(examples, name).rows(Fold.TEST)
    rows = rows[~np.isnan(true[rows])]
    outcome = examples.outcomes[name].status[rows] == Status.YES
    weight, lead = examples.points.weight[rows].astype(np.float64), examples.points.queries.lead[rows]
    found, losses = {}, []
    for kind, bundle in (("anew", anew), ("frozen", frozen)):
        one = bundle.scorer.ready[name]
        scores = one.scores(examples.inputs(rows))
        losses.append(row_log_loss(outcome, scores.probability))
        figures = _held(one, examples, rows, weight, true[rows])
        error = float(np.sqrt(np.average((scores.probability - true[rows]) ** 2, weights=weight)))
        found[kind] = figures | {"log_loss": float(np.average(losses[-1], weights=weight)), "error": error}
    difference = paired_comparison({name: PairedLosses(*losses, weight, lead)}, seed=1).mean
    return found | {"better": difference.better, "worse": difference.worse, "rows": len(rows)}


def _held(one: Dimension, examples: Examples, rows: NDArray[np.intp], weight: Float64, true: Float64) -> dict[str, Any]:
    """Share of tenths of the score whose interval holds the true rate, and the interval's mean width."""
    margins = one.margins(examples.inputs(rows))
    score = one.calibrated.stack.margin(margins)
    tenth = np.searchsorted(np.quantile(score, np.arange(1, TENTHS) / TENTHS), score)
    low, high = one.calibrated.interval(margins, LEVEL)
    ends, rate = [_means(tenth, end, weight) for end in (low, high)], _means(tenth, true, weight)
    return {
        "coverage": float(np.mean((ends[0] <= rate) & (rate <= ends[1]))),
        "width": float(np.average(high - low, weights=weight)),
    }


def _means(group: NDArray[np.intp], values: Float64, weight: Float64) -> Float64:
    filled = np.unique(group)
    return np.array([np.average(values[group == one], weights=weight[group == one]) for one in filled])


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over histories and dimensions."""
    figures = {
        kind: {name: float(np.mean([one[kind][name] for one in found])) for name in ("coverage", "width", "log_loss")}
        | {"error": float(np.mean([one[kind]["error"] for one in found]))}
        for kind in ("frozen", "anew")
    }
    counts = {name: sum(one[name] for one in found) for name in ("better", "worse")}
    return figures | counts | {"cases": len(found), "nominal": LEVEL}


def main() -> None:
    """Print one row a world, seed and dimension, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--histories", type=int, default=2)
    parser.add_argument("--leads", type=int, default=3_000)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    found = [one for name in told.worlds for seed in range(told.histories) for one in compared(name, seed, told.leads)]
    if told.json:
        print(json.dumps({"cases": found, "summary": summary(found)}))
        return
    table = Table(*("world", "seed", "dimension", "coverage", "anew", "log loss", "anew", "RMSE to truth", "anew", ""))
    for one in found:
        pairs = [one[kind][name] for name in ("coverage", "log_loss", "error") for kind in ("frozen", "anew")]
        standing = "better" if one["better"] else "worse" if one["worse"] else ""
        table.add_row(one["world"], str(one["seed"]), one["dimension"], *(f"{value:.3f}" for value in pairs), standing)
    Console().print(table)
    Console().print_json(json.dumps(summary(found)))


if __name__ == "__main__":
    main()
