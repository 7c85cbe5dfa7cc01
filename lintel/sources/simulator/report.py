"""How hard a world is: base rate and Bayes-optimal AUC of every dimension over its natural decision points.

python -m lintel.sources.simulator.report [--world NAME] [--tenant ID] [--leads N] [--points N] [--json]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.clock import Int64
from lintel.sources.simulator.history import History, history
from lintel.sources.simulator.presets import WORLDS, preset
from lintel.sources.simulator.source import DAYS, START, Simulator
from lintel.sources.simulator.states import OPEN
from lintel.sources.simulator.truth import probabilities
from lintel.sources.simulator.world import World

DIMENSIONS = ("intent", "timing", "budget", "conversion", "churn", "engagement")
NIGHTLY_HOUR = 2


@dataclass(frozen=True, slots=True)
class DecisionPoints:
    """Pairs of lead (position) and as-of time at which scores are asked for."""

    lead: Int64
    as_of: Int64

    def sample(self, count: int, generator: np.random.Generator) -> "DecisionPoints":
        rows = np.sort(generator.choice(len(self.lead), min(count, len(self.lead)), replace=False))
        return DecisionPoints(self.lead[rows], self.as_of[rows])

    def with_points(self, other: "DecisionPoints") -> "DecisionPoints":
        return DecisionPoints(np.append(self.lead, other.lead), np.append(self.as_of, other.as_of))


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Of one dimension: how often it comes true, and the AUC of the truth itself, over n points."""

    base_rate: float
    bayes_auc: float
    n: int


def event_points(past: History) -> DecisionPoints:
    """Every instant at which something happened and after which an episode is open."""
    owner = np.repeat(np.arange(len(past.first) - 1), np.diff(past.first))
    rows = past.state < OPEN
    return DecisionPoints(owner[rows], past.occurred_at[rows])


def touch_points(past: History) -> DecisionPoints:
    """The moments just before the touches."""
    owner = np.repeat(np.arange(len(past.first) - 1), np.diff(past.first))
    rows = past.cause == Cause.TOUCH
    return DecisionPoints(owner[rows], past.occurred_at[rows] - 1)


def nightly_points(past: History, time_zone: str, end: int) -> DecisionPoints:
    """02:00 local time of every night in which an episode is open, up to `end` (UTC µs)."""
    day = np.arange(past.occurred_at.min(), end, MICROSECONDS_PER_DAY) // MICROSECONDS_PER_DAY
    local = day * MICROSECONDS_PER_DAY + NIGHTLY_HOUR * MICROSECONDS_PER_DAY // 24
    offset = utc_offsets(time_zone).local(local) - local
    lead, as_of = (grid.ravel() for grid in np.meshgrid(np.arange(len(past.cell)), local - offset, indexing="ij"))
    rows = past.at(lead, as_of).state >= 0
    return DecisionPoints(lead[rows], as_of[rows])


def bayes_auc(probability: NDArray[np.float64]) -> float:
    """Expected AUC of true probabilities (n,) used as scores: the best that any model can reach on average.

    The chance that a positive drawn with weight p is above a negative drawn with weight 1 − p, ties counting half.
    NaN where one class has no weight.
    """
    p = np.sort(probability)
    below = np.concatenate(([0.0], np.cumsum(1 - p)))
    first, last = np.searchsorted(p, p, side="left"), np.searchsorted(p, p, side="right")
    pairs = np.sum(p * (below[first] + below[last]) / 2)
    weight = p.sum() * (1 - p).sum()
    return float(pairs / weight) if weight > 0 else float("nan")


def difficulty(world: World, tenant_id: str, *, leads: int, points: int, seed: int) -> dict[str, dict[str, Difficulty]]:
    """By kind of decision point (`all`, `events`, `nightly`), by dimension. `engagement` is asked at touches only."""
    simulator = Simulator(world, tenant_id, seed=seed, leads=leads)
    events = pa.concat_tables([batch.events for batch in simulator.batches()])
    past = history(world, simulator.tenant, events, sorted(set(events.column("lead_id").to_pylist())))
    end = int(START.timestamp() + DAYS * 86_400) * 1_000_000
    generator = np.random.default_rng(seed)
    at_events, at_night = event_points(past), nightly_points(past, simulator.tenant.time_zone, end)
    where = {
        "all": at_events.with_points(at_night),
        "events": at_events,
        "nightly": at_night,
        "touches": touch_points(past),
    }
    samples = {kind: all_of_them.sample(points, generator) for kind, all_of_them in where.items()}
    asked = reduce(DecisionPoints.with_points, samples.values())
    truths = probabilities(world, simulator.tenant, past.at(asked.lead, asked.as_of))
    borders = np.cumsum([len(sample.lead) for sample in samples.values()])[:-1]
    parts = {name: np.split(values, borders) for name, values in truths.items()}
    found = {kind: {name: _difficulty(parts[name][i]) for name in DIMENSIONS} for i, kind in enumerate(samples)}
    engagement = found.pop("touches")["engagement"]
    return {kind: answers | {"engagement": engagement} for kind, answers in found.items()}


def _difficulty(truths: NDArray[np.float64]) -> Difficulty:
    p = truths[~np.isnan(truths)]
    return Difficulty(float(p.mean()), bayes_auc(p), len(p))


def main(arguments: Sequence[str]) -> None:
    """Print the table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(prog="python -m lintel.sources.simulator.report", description=__doc__)
    parser.add_argument("--world", choices=sorted(WORLDS), action="append")
    parser.add_argument("--tenant")
    parser.add_argument("--leads", type=int, default=1000)
    parser.add_argument("--points", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found: dict[str, dict[str, dict[str, dict[str, Difficulty]]]] = {}
    for name in options.world or WORLDS:
        tenants = [options.tenant] if options.tenant else [tenant.id for tenant in preset(name).tenants]
        found[name] = {
            tenant: difficulty(preset(name), tenant, leads=options.leads, points=options.points, seed=options.seed)
            for tenant in tenants
        }
    write = sys.stdout.write
    if options.json:
        write(json.dumps(found, default=asdict) + "\n")
        return
    write("| world | tenant | points | dimension | base rate | Bayes AUC | n |\n|---|---|---|---|---|---|---|\n")
    for name, tenants_found in found.items():
        for tenant, kinds in tenants_found.items():
            for kind, answers in kinds.items():
                for dimension, one in answers.items():
                    cells = (name, tenant, kind, dimension, f"{one.base_rate:.3f}", f"{one.bayes_auc:.3f}", str(one.n))
                    write(f"| {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main(sys.argv[1:])
