"""Whether a shrunk level beats a tenant's own and the pool's, on simulated tenants.

    python -m benchmarks.partial_pooling [--repeats 12] [--json]

Pools of 1 to 8 tenants (150 to 800 leads each, three rows a lead that share its fate), whose levels differ by a normal
deviation in log-odds; beside each pool 20 newcomers with 60 or 150 leads. Printed is the mean log loss of newcomers
against their own true probabilities, less that of the truth itself, in 1e-4 nats: with the shrunk intercept, with the
newcomer's own, and with none but the pool's.
"""

import argparse
import json
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import expit

from lintel.scoring.partial_pooling import fit_shift, fit_spread

Float64 = NDArray[np.float64]
Rows = tuple[Float64, NDArray[np.bool_], Float64, NDArray[np.int32]]

TENANTS, DEVIATIONS, LEADS = (1, 2, 3, 8), (0.1, 0.3, 0.6), (60, 150)
NEWCOMERS, JUDGED, ROWS_A_LEAD = 20, 2_000, 3
WAYS = ("shrunk", "own", "pool")


def rows_of(random: np.random.Generator, level: float, leads: int) -> Rows:
    """Log-odds, outcomes, weights and leads of a tenant with this level."""
    log_odds = np.repeat(random.normal(-1.0, 1.0, leads), ROWS_A_LEAD)
    outcome = np.repeat(random.random(leads), ROWS_A_LEAD) < expit(log_odds + level)
    return log_odds, outcome, np.ones(len(log_odds)), np.repeat(np.arange(leads, dtype=np.int32), ROWS_A_LEAD)


def excess(tenants: int, deviation: float, leads: int, seed: int) -> Float64:
    """(3,) mean excess loss of newcomers beside one pool, by way."""
    random = np.random.default_rng(seed)
    pool = [
        rows_of(random, level, size)
        for level, size in zip(
            random.normal(0.0, deviation, tenants), random.integers(150, 800, tenants).tolist(), strict=True
        )
    ]
    log_odds, outcome, weight = (np.concatenate(column) for column in list(zip(*pool, strict=True))[:3])
    common = fit_shift(log_odds, outcome, weight, np.arange(len(log_odds), dtype=np.int32)).value
    spread = fit_spread([fit_shift(rows[0] + common, *rows[1:]) for rows in pool])
    found = np.empty((NEWCOMERS, len(WAYS)))
    for number, level in enumerate(random.normal(0.0, deviation, NEWCOMERS)):
        rows = rows_of(random, level, leads)
        own = fit_shift(rows[0] + common, *rows[1:])
        later = random.normal(-1.0, 1.0, JUDGED)
        moved = common + np.array([spread.shrunk(own).value, own.value, 0.0])
        losses = [_loss(expit(later + level), later + one) for one in moved]
        found[number] = np.array(losses) - _loss(expit(later + level), later + level)
    return found.mean(axis=0)


def _loss(truth: Float64, log_odds: Float64) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - truth * log_odds))


def measured(repeats: int) -> dict[str, Any]:
    cases = []
    for tenants, deviation, leads in product(TENANTS, DEVIATIONS, LEADS):
        mean = np.mean([excess(tenants, deviation, leads, seed) for seed in range(repeats)], axis=0)
        case = {"tenants": tenants, "deviation": deviation, "leads": leads}
        cases.append(case | dict(zip(WAYS, (1e4 * mean).round(1).tolist(), strict=True)))
    wins = {way: sum(one["shrunk"] < one[way] for one in cases) for way in WAYS[1:]}
    return {"simulated": True, "cases": cases, "shrunk_is_better_than": wins}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    value = measured(options.repeats)
    table = Table("tenants", "deviation", "leads", *WAYS, title="excess log loss of newcomers, 1e-4 nats (simulated)")
    for one in value["cases"]:
        table.add_row(*(str(cell) for cell in one.values()))
    Console(stderr=options.json).print(table)
    if options.json:
        print(json.dumps(value))


if __name__ == "__main__":
    main()
