"""How far expected performance, said before any outcome is known, holds what is then realised.

    python -m benchmarks.performance_without_labels [--histories 300] [--leads 1500] [--json]

Each history has a calibration fold, on which a model's probabilities are calibrated with our spline and its bootstrap
draws, a cohort of leads like those, and later cohorts whose outcomes are hidden until the end:

- `same leads`: nothing has changed;
- `covariate shift`: other leads come, scored higher or lower, but leads scored alike turn out alike;
- `concept drift`: the leads are the same and turn out otherwise: the base rate falls, or scores order them less well.

Printed is the share of histories whose 90 % interval held the realised figure: of ours, with the doubt of the
probabilities and without it, and of the last known performance carried on (its bootstrap interval), which is what one
has without such a method. Coverage far under .9 in the rows of concept drift is no fault of the arithmetic: nobody can
see a changed outcome without outcomes.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import expit

from lintel.monitoring.cbpe import FIGURES, LEVEL, expected_performance, realised_figures
from lintel.monitoring.performance import resampled_figures
from lintel.scoring.calibrated_stack import CalibratedStack, calibrated
from lintel.scoring.stacking import Stack

CALIBRATION_LEADS, DRAWS, SEED = 1_500, 100, 11
Float64 = NDArray[np.float64]
Truth = Callable[[Float64], Float64]


@dataclass(frozen=True, slots=True)
class World:
    """How leads come (mean and spread of the score) and turn out (log-odds of yes at a score)."""

    mean: float
    spread: float
    log_odds: Truth


def _true(score: Float64) -> Float64:
    """Not the line that the score claims: what the calibration has to find out."""
    return -0.4 + 0.8 * score + 0.15 * np.tanh(2.0 * score)


KNOWN = World(-1.0, 1.2, _true)
WORLDS = {
    "same leads": KNOWN,
    "covariate shift: better leads": World(0.2, 1.0, _true),
    "covariate shift: fewer good leads": World(-1.8, 0.9, _true),
    "concept drift: fewer deals": World(-1.0, 1.2, lambda score: _true(score) - 0.5),
    "concept drift: scores say less": World(-1.0, 1.2, lambda score: -1.0 + 0.35 * (score + 1.0)),
}
SHIFTS = tuple(name for name in WORLDS if not name.startswith("concept"))


def benchmark(histories: int, leads: int) -> dict[str, Any]:
    """Coverage by world, method and figure."""
    held: dict[str, dict[str, dict[str, int]]] = {
        world: {method: dict.fromkeys(FIGURES, 0) for method in ("ours", "without_doubt", "last_known")}
        for world in WORLDS
    }
    for history in track(range(histories), description="histories", transient=True):
        random = np.random.default_rng([SEED, history])
        model = _model(random)
        known = _cohort(KNOWN, model, random, leads)
        last = resampled_figures(known[0], known[1], seed=history, draws=200)
        carried = {name: np.nanquantile(last[name], _tails()) for name in FIGURES}
        for world, found in held.items():
            _count(found, _cohort(WORLDS[world], model, random, leads), carried, history)
    coverage = {
        world: {method: {name: n / histories for name, n in one.items()} for method, one in found.items()}
        for world, found in held.items()
    }
    worst = min(coverage[world]["ours"][name] for world in SHIFTS for name in FIGURES)
    return {
        "histories": histories,
        "leads": leads,
        "calibration_leads": CALIBRATION_LEADS,
        "level": LEVEL,
        "coverage": coverage,
        "worst_under_covariate_shift": worst,
    }


def _tails() -> tuple[float, float]:
    return (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0


def _model(random: np.random.Generator) -> CalibratedStack:
    """One member, calibrated on leads of the known world."""
    score = random.normal(KNOWN.mean, KNOWN.spread, CALIBRATION_LEADS)
    outcome = random.random(len(score)) < expit(KNOWN.log_odds(score))
    stack = Stack(np.ones(1), 0.0, np.ones((DRAWS, 1)), np.zeros(DRAWS))
    lead = np.arange(len(score), dtype=np.int32)
    return calibrated(stack, score[:, None], outcome, np.ones(len(score)), lead, seed=int(random.integers(2**31)))


def _cohort(
    world: World, model: CalibratedStack, random: np.random.Generator, leads: int
) -> tuple[NDArray[np.bool_], Float64, Float64]:
    """Outcomes, probabilities and draws (B, n) of leads of a world."""
    score = random.normal(world.mean, world.spread, leads)
    outcome = random.random(leads) < expit(world.log_odds(score))
    margins = score[:, None]
    return outcome, model.probability(margins), np.asarray(expit(model.drawn_log_odds(margins)).T)


def _count(
    held: dict[str, dict[str, int]],
    cohort: tuple[NDArray[np.bool_], Float64, Float64],
    carried: dict[str, Float64],
    seed: int,
) -> None:
    outcome, told, doubt = cohort
    one = np.ones(len(told))
    real = realised_figures(outcome[None], told, one)
    ours = expected_performance(told, one, seed=seed, doubt=doubt)
    plain = expected_performance(told, one, seed=seed)
    for name in FIGURES:
        value = float(real[name][0])
        ends = {"ours": ours.interval[name], "without_doubt": plain.interval[name], "last_known": carried[name]}
        for method, (low, high) in ends.items():
            held[method][name] += bool(low <= value <= high)


def _table(found: dict[str, Any]) -> Table:
    table = Table(title=f"share of {found['histories']} histories whose {LEVEL:.0%} interval held the realised figure")
    for column in ("", "", *FIGURES):
        table.add_column(column)
    for world, methods in found["coverage"].items():
        for place, (method, shares) in enumerate(methods.items()):
            table.add_row(world if not place else "", method, *(f"{shares[name]:.2f}" for name in FIGURES))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--leads", type=int, default=1_500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = benchmark(options.histories, options.leads)
    Console(stderr=options.json).print(_table(found))
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
