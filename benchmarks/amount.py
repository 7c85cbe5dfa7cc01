"""How good the budget's quantiles are, on the simulator's held-out worlds, where the true distribution is known.

    python -m benchmarks.amount [--leads 3000] [--json]

Learnt from the train fold, corrected on the calibration fold, judged on the newest. Baselines in the same run: the
quantiles of all amounts of the train fold, and the oracle, which knows each lead's log-normal distribution. The pinball
loss is the mean over the quantiles 10, 50 and 90. `true_coverage` is the band's coverage under the true distribution of
each lead, so that it has no noise of few outcomes; `coverage` counts outcomes, beside the 95 % range that a band of
exactly its level would have with as many leads (binomial, of leads that weigh alike as Kish counts them).
"""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binom, norm

from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.features.feature import Unit
from lintel.scoring.amount import LEVELS, AmountModel, fit_amount, pinball
from lintel.scoring.amount_facts import find_facts
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.stopping import stopping_slices
from lintel.sources.simulator import Simulator, preset
from lintel.sources.simulator.truth import budget_amount
from lintel.store.log import TenantLog

WORLDS = ("heldout_1", "heldout_2", "heldout_3")
DAYS, SEED = 730, 1
LEVEL = LEVELS[-1] - LEVELS[0]

Float64 = NDArray[np.float64]


def history(name: str, leads: int) -> tuple[Examples, pa.Table]:
    """Examples of one simulated history, and its events."""
    world = preset(name)
    source = Simulator(world, world.tenants[0].id, seed=5, leads=leads, days=DAYS)
    tenant, now = source.tenant_settings(), datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables([check(one.events, tenant=tenant.id, now=now).events for one in source.batches()])
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    log = TenantLog(tenant, lead_ids, columns, max(events.column("known_at").to_pylist()))
    return build_examples(log, seed=SEED), events


def measured(name: str, leads: int) -> dict[str, Any]:
    examples, events = history(name, leads)
    world, queries, weight = preset(name), examples.points.queries, examples.points.weight
    amount, folds = examples.outcomes["budget"].amount, fold_rows(examples, "budget")
    assert amount is not None
    train, later, newest = (folds.rows(fold) for fold in (Fold.TRAIN, Fold.CALIBRATION, Fold.TEST))
    money = [one.name for one in catalogue().features if one.unit is Unit.CURRENCY]
    slices = stopping_slices(queries.lead[train], queries.as_of[train])
    model = fit_amount(examples.inputs(train), amount[train], weight[train], slices, seed=SEED, money=money)
    model = model.conformed(examples.inputs(later), amount[later], weight[later], queries.lead[later])
    rows = newest[amount[newest] > 0]
    asked = [examples.lead_ids[lead] for lead in queries.lead[rows]]
    middle, deviation = budget_amount(world, world.tenants[0].id, events, asked)
    oracle = np.exp(middle[:, None] + deviation[:, None] * norm.ppf(LEVELS))
    everybody = np.tile(np.quantile(amount[train][amount[train] > 0], LEVELS), (len(rows), 1))
    quantiles = model.quantiles(examples.inputs(rows))
    losses = {
        key: round(pinball(amount[rows], one, weight[rows]))
        for key, one in (("pinball", quantiles), ("pinball_oracle", oracle), ("pinball_all_amounts", everybody))
    }
    return {
        "train_amounts": int((amount[train] > 0).sum()),
        **losses,
        **coverage(quantiles, amount[rows], weight[rows], queries.lead[rows], (middle, deviation)),
        "facts": [one.feature for one in find_facts(model, examples.inputs(train)).facts],
        "steps": steps(model),
    }


def coverage(
    quantiles: Float64, amount: Float64, weight: Float64, lead: NDArray[np.int32], true: tuple[Float64, Float64]
) -> dict[str, Any]:
    low, high = quantiles[:, 0], quantiles[:, 2]
    own = np.bincount(np.unique(lead, return_inverse=True)[1], weight)
    leads = round(own.sum() ** 2 / (own**2).sum())  # Kish 1965
    middle, deviation = true
    inside = norm.cdf((np.log(high) - middle) / deviation) - norm.cdf((np.log(low) - middle) / deviation)
    return {
        "leads": len(own),
        "alike": leads,
        "coverage": round(float(np.average((low <= amount) & (amount <= high), weights=weight)), 3),
        "coverage_range": [round(float(binom.ppf(one, leads, LEVEL)) / leads, 3) for one in (0.025, 0.975)],
        "true_coverage": round(float(np.average(inside, weights=weight)), 3),
        "width": round(float(np.average(high / low, weights=weight)), 3),
    }


def steps(model: AmountModel) -> list[str]:
    """From which features the trees start."""
    return [feature for feature, _ in model.anchor.steps]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=3_000, help="of each simulated world")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    results = {name: measured(name, arguments.leads) for name in WORLDS}
    table = Table("simulated", *results, title=f"band of level {LEVEL:g}")
    for figure in results[WORLDS[0]]:
        table.add_row(figure, *(str(found[figure]) for found in results.values()))
    Console(stderr=arguments.json).print(table)
    if arguments.json:
        print(json.dumps({"simulated": True, "level": LEVEL, "worlds": results}))


if __name__ == "__main__":
    main()
