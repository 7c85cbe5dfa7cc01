"""How far scores agree with the truth on simulated brokerages that nothing was tuned on.

    python -m benchmarks.interval_coverage [--worlds heldout_1 ...] [--histories 4] [--leads 2000] [--json]

The simulator knows each lead's true probability. In each world members are trained once, on one history; every further
history (other seeds) brings a calibration fold of its own, on which the calibration is fitted again. Printed are

- the share of (history, tenth of the score) whose mean 90 % interval holds E[truth | score], the mean of the true
  probabilities there: in the calibration fold, where nothing has drifted, and on the later test fold, where worlds
  have; beside it Platt's line with its bootstrap, and an interval of the same width around the base rate,
- the AUC on test folds beside that of the true probabilities and of logistic regression on the same features,
- how far the median days of cohorts (fifths of the score) are from the true ones, beside one median for all leads.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lintel.errors import InputError
from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Status
from lintel.scoring.baselines import LogisticBaseline, fit_logistic
from lintel.scoring.calibrated_stack import calibrated
from lintel.scoring.calibration import fit_platt
from lintel.scoring.dimension import Dimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.folds import Fold
from lintel.scoring.inputs import Inputs
from lintel.scoring.metrics import auc
from lintel.scoring.timing_curve import EDGES_DAYS, TimingCurve
from lintel.scoring.training import train
from lintel.sources.simulator import Simulator, preset, truth
from lintel.sources.simulator.truth import decided_within
from lintel.store.log import TenantLog

WORLDS, DAYS, LEVEL = ("heldout_1", "heldout_2", "heldout_3"), 730, 0.9
TENTHS, FIFTHS, MOST_ROWS = 10, 5, 1_500
TRAINED_ON, FIRST_SEED = 5, 100
NOW = datetime(2030, 1, 1, tzinfo=UTC)

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Examples of one simulated history and the events behind them."""

    world: str
    examples: Examples
    events: pa.Table

    @cached_property
    def truth(self) -> Mapping[str, Float64]:
        """True probabilities of all examples, by dimension; NaN where a question is not asked."""
        world = preset(self.world)
        return truth(world, world.tenants[0].id, self.events, *self.asked(np.arange(len(self.examples))))

    def asked(self, rows: NDArray[np.intp]) -> tuple[list[str], NDArray[np.int64]]:
        """Lead and as-of time of these examples."""
        queries = self.examples.points.queries
        return [self.examples.lead_ids[lead] for lead in queries.lead[rows]], queries.as_of[rows]


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of one fold of one dimension with their truth, (n,) each."""

    inputs: Inputs
    margins: Float64  # (n, M)
    positive: NDArray[np.bool_]
    weight: Float64
    lead: NDArray[np.int32]
    truth: Float64

    @property
    def told(self) -> tuple[NDArray[np.bool_], Float64, NDArray[np.int32]]:
        return self.positive, self.weight, self.lead


def history(name: str, seed: int, leads: int) -> History:
    """One history of the first brokerage of a world."""
    world = preset(name)
    source = Simulator(world, world.tenants[0].id, seed=seed, leads=leads, days=DAYS)
    tenant = source.tenant_settings()
    events = pa.concat_tables(check(batch.events, tenant=tenant.id, now=NOW).events for batch in source.batches())
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    end = max(events.column("known_at").to_pylist())
    columns = columns_from_table(events, pa.array(lead_ids))
    return History(name, build_examples(TenantLog(tenant, lead_ids, columns, end), seed=1), events)


def judged(past: History, dimension: Dimension, fold: Fold) -> Judged:
    """The rows of a fold whose true probability is defined. Raises InputError if there are too few for folds."""
    examples, true = past.examples, past.truth[dimension.name]
    rows = fold_rows(examples, dimension.name).rows(fold)
    rows = rows[~np.isnan(true[rows])]
    inputs = examples.inputs(rows)
    return Judged(
        inputs=inputs,
        margins=dimension.margins(inputs),
        positive=examples.outcomes[dimension.name].status[rows] == Status.YES,
        weight=examples.points.weight[rows].astype(np.float64),
        lead=examples.points.queries.lead[rows],
        truth=true[rows],
    )


def interval_coverage(dimension: Dimension, fitted: Sequence[Judged], pooled: Sequence[Judged]) -> dict[str, Any]:
    """Share of (history, tenth) whose interval holds the true rate of all histories' `pooled` rows in that tenth."""
    stack = dimension.calibrated.stack
    margins, weight, true = (
        np.concatenate([getattr(one, name) for one in pooled]) for name in ("margins", "weight", "truth")
    )
    score = stack.margin(margins)
    tenth = np.searchsorted(np.quantile(score, np.arange(1, TENTHS) / TENTHS), score)

    def mean(values: Float64) -> Float64:
        return np.bincount(tenth, weight * values, TENTHS) / np.bincount(tenth, weight, TENTHS)

    rate, found = mean(true), []
    for one in fitted:
        low, high = (mean(end) for end in calibrated(stack, one.margins, *one.told, seed=1).interval(margins, LEVEL))
        line = fit_platt(stack.margin(one.margins), *one.told, seed=1)
        line_low, line_high = (mean(end) for end in line.interval(score, LEVEL))
        base = np.average(one.positive, weights=one.weight)
        found.append(
            {
                "coverage": np.mean((low <= rate) & (rate <= high)),
                "mean_width": np.mean(high - low),
                "platt_coverage": np.mean((line_low <= rate) & (rate <= line_high)),
                "platt_mean_width": np.mean(line_high - line_low),
                "base_rate_coverage": np.mean(np.abs(rate - base) <= (high - low) / 2.0),
            }
        )
    return _means(found)


def discrimination(dimension: Dimension, baseline: LogisticBaseline, tested: Sequence[Judged]) -> dict[str, Any]:
    """AUC of the score, of the truth and of logistic regression: the mean over histories."""
    columns, found = dimension.ensemble.columns, []
    for one in tested:
        score = dimension.calibrated.log_odds(one.margins)
        line = baseline.margin(one.inputs.features[:, columns])
        best, ours, plain = (auc(one.positive, values, one.weight) for values in (one.truth, score, line))
        found.append({"auc": ours, "bayes_auc": best, "logistic_auc": plain, "gap": best - ours})
    return _means(found)


def fitted_logistic(past: History, dimension: Dimension) -> LogisticBaseline:
    """The baseline, from the train fold that the members have learnt from."""
    examples = past.examples
    rows = fold_rows(examples, dimension.name).rows(Fold.TRAIN)
    positive = examples.outcomes[dimension.name].status[rows] == Status.YES
    features = examples.features[np.ix_(rows, dimension.ensemble.columns)]
    return fit_logistic(features, positive, examples.points.weight[rows].astype(np.float64))


def cohort_medians(dimension: Dimension, pasts: Sequence[History]) -> dict[str, Any]:
    """Median days of fifths of the score, in each history: forecast, and true."""
    shares, plain_shares, beyond = [], [], 0
    for past in pasts:
        rows = fold_rows(past.examples, dimension.name).rows(Fold.TEST)
        rows = np.sort(np.random.default_rng(1).permutation(rows)[:MOST_ROWS])
        scores = dimension.scores(past.examples.inputs(rows))
        true, weight = _true_curves(past, rows), past.examples.points.weight[rows].astype(np.float64)
        asked = ~np.isnan(true[:, 0])
        cohort = _fifths(scores.probability)
        overall = _median(_curves(scores.curve)[asked], weight[asked])
        for fifth in range(FIFTHS):
            own = asked & (cohort == fifth)
            right = _median(true[own], weight[own])
            ours = _median(_curves(scores.curve)[own], weight[own])
            if np.isnan(right) or np.isnan(ours):
                beyond += 1
                continue
            shares.append(ours / right - 1.0)
            plain_shares.append(overall / right - 1.0)
    if not shares:
        return {"cohorts": 0, "beyond": beyond}
    return {
        "cohorts": len(shares),
        "beyond": beyond,
        "within_tenth": _rounded(np.mean(np.abs(shares) <= 0.1)),
        "median_error": _rounded(np.median(np.abs(shares))),
        "one_median_within_tenth": _rounded(np.mean(np.abs(plain_shares) <= 0.1)),
        "one_median_error": _rounded(np.median(np.abs(plain_shares))),
    }


def _true_curves(past: History, rows: NDArray[np.intp]) -> Float64:
    """(n, BINS) true P(decided by the edge); NaN where no episode is open."""
    world, days = preset(past.world), [int(edge) for edge in EDGES_DAYS[1:]]
    return decided_within(world, world.tenants[0].id, past.events, *past.asked(rows), days=days).sum(axis=2)


def _curves(curve: TimingCurve | None) -> Float64:
    if curve is None:
        raise InputError("timing has no curve.", mend="Train it from labels with days.")
    return curve.cumulative


def _median(cumulative: Float64, weight: Float64) -> float:
    """Days by which half of a cohort is decided."""
    mean = np.average(cumulative, axis=0, weights=weight)
    return float(TimingCurve(mean[None]).quantile(0.5)[0])


def _fifths(score: Float64) -> NDArray[np.intp]:
    return np.searchsorted(np.quantile(score, np.arange(1, FIFTHS) / FIFTHS), score)


def _means(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _rounded(np.mean([one[name] for one in found])) for name in found[0]}


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def examined(world: str, histories: Iterable[int], leads: int) -> dict[str, Any]:
    """All figures of one world, by dimension."""
    first = history(world, TRAINED_ON, leads)
    scorer = train(first.examples, load_label_set("simulator"), catalogue(), scope="coverage", seed=1).scorer
    pasts = [history(world, seed, leads) for seed in histories]
    found = {name: _dimension(one, first, pasts) for name, one in scorer.ready.items()}
    if "timing" in scorer.ready:
        found["timing"]["medians"] = cohort_medians(scorer.ready["timing"], pasts)
    return found


def _dimension(dimension: Dimension, first: History, pasts: Sequence[History]) -> dict[str, Any]:
    fitted, tested = ([judged(past, dimension, fold) for past in pasts] for fold in (Fold.CALIBRATION, Fold.TEST))
    return {
        "intervals": interval_coverage(dimension, fitted, fitted),
        "intervals_later": interval_coverage(dimension, fitted, tested),
        "discrimination": discrimination(dimension, fitted_logistic(first, dimension), tested),
    }


def shown(world: str, found: Mapping[str, Any]) -> Table:
    table = Table(
        "dimension", "coverage", "width", "later", "Platt", "width", "base rate's", "AUC", "true", "gap", "logistic",
        title=f"{world} (simulated), level {LEVEL}",
    )  # fmt: skip
    for name, one in found.items():
        held, later, told = one["intervals"], one["intervals_later"], one["discrimination"]
        figures = [held["coverage"], held["mean_width"], later["coverage"], held["platt_coverage"]]
        figures += [held["platt_mean_width"], held["base_rate_coverage"]]
        figures += [told["auc"], told["bayes_auc"], told["gap"], told["logistic_auc"]]
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--histories", type=int, default=4, help="fresh ones, in each world")
    parser.add_argument("--leads", type=int, default=2_000, help="of each history")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, width=120)
    seeds, found = range(FIRST_SEED, FIRST_SEED + arguments.histories), {}
    for world in track(arguments.worlds, "worlds", console=Console(stderr=True), transient=True):
        found[world] = examined(world, seeds, arguments.leads)
        console.print(shown(world, found[world]))
        console.print("cohorts' median days:", found[world].get("timing", {}).get("medians"))
    if arguments.json:
        print(json.dumps({"level": LEVEL, "simulated": True, "leads": arguments.leads, "worlds": found}))


if __name__ == "__main__":
    main()
