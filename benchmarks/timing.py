"""How good the forecasts of "when" are: beside Kaplan-Meier and Cox on the funnel, beside the truth on the simulator.

    python -m benchmarks.timing [--only funnel|simulated] [--leads 4000] [--json]

The funnel is bpic2012, the newest fold of Lintel's own decision points. Kaplan-Meier gives every lead one curve; Cox is
lifelines' proportional hazards on the same features (standardised, medians for what is missing, ridge), learnt from
the same rows (of more than 40,000 a systematic sample). Figures are the Brier score at 7, 14 and 30 days and its
mean over 1-30 days, both weighted for censoring (Graf et al. 1999), and the time-dependent concordance up to 30 days
(Antolini et al. 2005, with Uno's weights). Differences to Cox have a 95 % interval, paired, by lead.

On the held-out worlds of the simulator the true curves are known: leads of the newest fold are put into tenths by their
predicted median, and the median of each tenth's mean curve is compared with that of its mean true curve.
"""

import argparse
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from lifelines import CoxPHFitter
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lintel.events.columns import columns_from_table
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.events.validation import check
from lintel.features.catalogue import catalogue
from lintel.labels.definition import CAUSES, Timing, load_label_set
from lintel.labels.outcomes import Outcome, Status
from lintel.scoring import metrics
from lintel.scoring.dimension import Dimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.fitting import Fitting
from lintel.scoring.folds import Fold
from lintel.scoring.resampling import lead_draws
from lintel.scoring.survival import (
    Forecast,
    Observed,
    StepCurve,
    brier_at,
    censoring,
    concordance,
    integrated_brier,
    kaplan_meier,
)
from lintel.scoring.timing_curve import EDGES_DAYS, MEDIAN, TimingCurve
from lintel.settings import settings
from lintel.sources.bpic2012 import bpic2012
from lintel.sources.datasets import pull
from lintel.sources.simulator import Simulator, preset
from lintel.sources.simulator.truth import decided_within
from lintel.store.log import TenantLog
from lintel.store.tenants import Clock, Tenant

HORIZONS = (7.0, 14.0, 30.0)
GRID = np.arange(1.0, 31.0)
WORLDS = ("heldout_1", "heldout_2", "heldout_3")
DAYS, SEED = 730, 1
MOST_COX_ROWS, RIDGE, FARTHEST = 40_000, 0.1, 5.0
MOST_TRUE_ROWS, TENTHS = 3_000, 10
BOOTSTRAPS = 200
TRUE_DAYS = tuple(range(1, int(EDGES_DAYS[-1]) + 1))

Float64 = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Case:
    """One log's examples of timing: rows to learn from with what was seen of them by then, and the newest fold."""

    examples: Examples
    dimension: Dimension
    trained: Rows
    learnt: Observed
    tested: Rows
    seen: Observed

    @property
    def outcome(self) -> Outcome:
        return self.examples.outcomes["timing"]

    def curve(self) -> TimingCurve:
        found = self.dimension.scores(self.examples.inputs(self.tested)).curve
        assert found is not None
        return found


def case(tenant: Tenant, events: pa.Table) -> tuple[Case, tuple[str, ...]]:
    """Everything learnt from a log as its end is known; and the lead of each code."""
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    log = TenantLog(tenant, lead_ids, columns, max(events.column("known_at").to_pylist()))
    examples = build_examples(log, seed=SEED)
    entry = load_label_set(tenant.labels).dimensions["timing"]
    assert isinstance(entry, Timing)
    dimension = Fitting(examples, catalogue(), seed=SEED).dimension(entry)
    if not isinstance(dimension, Dimension):
        raise SystemExit(f"timing of {tenant.id}: {dimension.explanation}")
    outcome, as_of, weight = examples.outcomes["timing"], examples.points.queries.as_of, examples.points.weight
    folds = fold_rows(examples, "timing")
    trained = np.flatnonzero((outcome.status != Status.NOT_ASKED) & (as_of < folds.calibration_from))
    tested = folds.rows(Fold.TEST)
    assert outcome.days is not None
    assert outcome.censored_after is not None
    border = (folds.calibration_from - as_of[trained]) / MICROSECONDS_PER_DAY
    learnt = Observed.of(outcome.days[trained], border, weight[trained])
    seen = Observed.of(outcome.days[tested], outcome.censored_after[tested], weight[tested])
    return Case(examples, dimension, trained, learnt, tested, seen), lead_ids


def funnel() -> dict[str, Any]:
    current = settings()
    file = pull("bpic2012", mirror=current.data_mirror, into=current.data_path)
    now = datetime.now(UTC)
    events = pa.concat_tables(
        [check(one.events, tenant="bpic2012", now=now).events for one in bpic2012(file).batches()]
    )
    tenant = Tenant("bpic2012", labels="bpic2012", time_zone="Europe/Amsterdam", clock=Clock.LOG_END)
    one, _ = case(tenant, events)
    curve, everybody = one.curve(), kaplan_meier(one.learnt)
    forecasts: dict[str, Forecast] = {
        "Lintel": curve.within,
        "Cox": cox(one),
        "Kaplan-Meier": lambda days: np.full(len(one.tested), 1.0 - float(everybody.at(days))),
    }
    still = censoring(one.seen)
    models = {name: judged(one.seen, forecast, still) for name, forecast in forecasts.items()}
    return {
        "n": len(one.tested),
        "leads": len(np.unique(one.examples.points.queries.lead[one.tested])),
        "members": list(one.dimension.ensemble.kinds),
        "models": models,
        "brier_less_cox": {f"{days:g}": less_cox(one, forecasts, days, still) for days in HORIZONS},
        "causes_14_days": causes(one, curve, 14.0),
    }


def judged(seen: Observed, forecast: Forecast, still: StepCurve) -> dict[str, float]:
    figures = {f"brier_{days:g}": brier_at(seen, forecast(days), days, still) for days in HORIZONS}
    figures["integrated_brier"] = integrated_brier(seen, forecast, GRID, still)
    figures["concordance"] = concordance(seen, forecast, until=float(GRID[-1]), still_observed=still)
    return {name: round(value, 4) for name, value in figures.items()}


def less_cox(one: Case, forecasts: Mapping[str, Forecast], days: float, still: StepCurve) -> list[float]:
    """95 % interval of Lintel's Brier score less that of Cox, drawn by lead; below zero Lintel is better."""
    ours, theirs = forecasts["Lintel"](days), forecasts["Cox"](days)
    found = []
    for count in islice(lead_draws(one.examples.points.queries.lead[one.tested], SEED), BOOTSTRAPS):
        drawn = Observed(one.seen.days, one.seen.decided, one.seen.weight * count)
        found.append(brier_at(drawn, ours, days, still) - brier_at(drawn, theirs, days, still))
    return [round(float(bound), 4) for bound in np.quantile(found, (0.025, 0.975))]


def causes(one: Case, curve: TimingCurve, days: float) -> dict[str, Any]:
    """By cause, what was forecast to be decided within the days and what was, of rows seen for so long."""
    status = one.outcome.within(days)[one.tested]
    rows = np.flatnonzero(status >= Status.NO)
    forecast, weight = curve.within_by_cause(days)[rows], one.seen.weight[rows]
    assert one.outcome.cause is not None
    shown = {}
    for position, name in enumerate(CAUSES):
        happened = (status[rows] == Status.YES) & (one.outcome.cause[one.tested][rows] == position + 1)
        rate = metrics.base_rate(happened, weight)
        figures = {
            "observed": rate,
            "predicted": float(weight @ forecast[:, position] / weight.sum()),
            "auc": metrics.auc(happened, forecast[:, position], weight),
            "brier": metrics.brier(happened, forecast[:, position], weight),
            "brier_base_rate": rate * (1.0 - rate),
        }
        shown[name] = {key: round(value, 4) for key, value in figures.items()}
    return shown


def cox(one: Case) -> Forecast:
    """P(decided <= t) of the newest fold by proportional hazards."""
    chosen = np.unique(np.linspace(0, len(one.trained) - 1, MOST_COX_ROWS).astype(np.intp))
    prepare = standardised(one.examples.features[one.trained[chosen]])
    table = pd.DataFrame(prepare(one.examples.features[one.trained[chosen]]))
    table.columns = [f"f{column}" for column in table.columns]
    table["days"], table["decided"] = np.maximum(one.learnt.days[chosen], 1e-4), one.learnt.decided[chosen]
    table["weight"] = one.learnt.weight[chosen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that weights bias the variance of coefficients, which nobody reads here
        model = CoxPHFitter(penalizer=RIDGE).fit(table, "days", "decided", weights_col="weight", robust=False)
    tested = pd.DataFrame(prepare(one.examples.features[one.tested]), columns=table.columns[:-3])
    risk = model.predict_partial_hazard(tested).to_numpy()
    base = model.baseline_cumulative_hazard_
    days, hazard = base.index.to_numpy(), np.append(0.0, base.iloc[:, 0].to_numpy())
    return lambda at: 1.0 - np.exp(-hazard[np.searchsorted(days, at, side="right")] * risk)


def standardised(features: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], Float64]:
    """Mean 0, deviation 1 and at most five of them, medians for what is missing; features that never vary left out."""
    known = np.flatnonzero(~np.isnan(features).all(axis=0))
    median = np.nanmedian(features[:, known].astype(np.float64), axis=0)
    filled = np.where(np.isnan(features[:, known]), median, features[:, known])
    deviation = filled.std(axis=0)
    varies = deviation > 1e-6
    mean, deviation = filled.mean(axis=0)[varies], deviation[varies]

    def prepare(rows: NDArray[np.float32]) -> Float64:
        own = np.where(np.isnan(rows[:, known]), median, rows[:, known])[:, varies]
        return np.clip((own - mean) / deviation, -FARTHEST, FARTHEST)

    return prepare


def simulated(name: str, leads: int) -> dict[str, Any]:
    """Medians of tenths by predicted median, on one held-out world."""
    world = preset(name)
    source = Simulator(world, world.tenants[0].id, seed=5, leads=leads, days=DAYS)
    tenant, now = source.tenant_settings(), datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables([check(one.events, tenant=tenant.id, now=now).events for one in source.batches()])
    one, lead_ids = case(tenant, events)
    chosen = np.unique(np.linspace(0, len(one.tested) - 1, MOST_TRUE_ROWS).astype(np.intp))
    queries = one.examples.points.queries
    asked = [lead_ids[lead] for lead in queries.lead[one.tested[chosen]]]
    as_of = queries.as_of[one.tested[chosen]]
    true = decided_within(world, tenant.id, events, asked, as_of, days=TRUE_DAYS).sum(axis=2)
    curve = one.curve().cumulative[chosen]
    rows = tenths(one, chosen, curve, true)
    far = [abs(row["predicted"] / row["true"] - 1.0) for row in rows if row["predicted"] and row["true"]]
    everybody = kaplan_meier(one.learnt)
    common = float(np.append(everybody.days, np.nan)[np.argmax(np.append(everybody.survival, 0.0) <= MEDIAN)])
    same = [abs(common / row["true"] - 1.0) for row in rows if row["true"]]
    return {
        "tenths": rows,
        "mean_error": round(float(np.mean(far)), 3) if far else None,
        "within_10_percent": round(float(np.mean(np.array(far) <= 0.1)), 2) if far else None,
        "kaplan_meier_mean_error": round(float(np.mean(same)), 3) if same else None,
    }


def tenths(one: Case, chosen: Rows, curve: Float64, true: Float64) -> list[dict[str, Any]]:
    weight = one.seen.weight[chosen]
    order = np.argsort(-curve.sum(axis=1), kind="stable")  # the area above: defined where the median is not
    rows = []
    for group in np.array_split(order, TENTHS):
        predicted = TimingCurve(np.average(curve[group], axis=0, weights=weight[group])[None]).quantile(MEDIAN)[0]
        actual = np.append(0.0, np.average(true[group], axis=0, weights=weight[group]))
        median = float(np.interp(MEDIAN, actual, np.append(0, TRUE_DAYS))) if actual[-1] >= MEDIAN else np.nan
        days = (None if np.isnan(one) else round(float(one), 1) for one in (predicted, median))
        rows.append(dict(zip(("predicted", "true"), days, strict=True)))
    return rows


def shown_funnel(found: Mapping[str, Any]) -> Table:
    return shown_rows(found["models"], f"bpic2012 (a loan funnel), newest fold, {found['leads']:,} leads")


def shown_rows(rows: Mapping[str, Mapping[str, float]], title: str) -> Table:
    names = list(next(iter(rows.values())))
    table = Table("", *(name.replace("_", " ") for name in names), title=title)
    for row, figures in rows.items():
        table.add_row(row, *(f"{figures[name]:.4f}" for name in names))
    return table


def shown_simulated(found: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("world (simulated)", "median days by tenth: predicted / true", "mean error", "Kaplan-Meier's")
    for name, one in found.items():
        pairs: Sequence[str] = [f"{row['predicted'] or '-'}/{row['true'] or '-'}" for row in one["tenths"]]
        table.add_row(name, "  ".join(pairs), str(one["mean_error"]), str(one["kaplan_meier_mean_error"]))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("funnel", "simulated"), help="one part")
    parser.add_argument("--leads", type=int, default=4_000, help="of each simulated world")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console, results = Console(stderr=arguments.json), {}
    if arguments.only != "simulated":
        results["funnel"] = funnel()
        console.print(shown_funnel(results["funnel"]))
        console.print(shown_rows(results["funnel"]["causes_14_days"], "decided within 14 days, by cause"))
    if arguments.only != "funnel":
        results["simulated"] = {name: simulated(name, arguments.leads) for name in WORLDS}
        console.print(shown_simulated(results["simulated"]))
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
