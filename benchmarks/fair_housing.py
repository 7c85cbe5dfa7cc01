"""What a proxy audit finds on real calls with age and marital status held out, and on simulated worlds.

    python -m benchmarks.fair_housing [--leads 1500] [--seeds 10] [--json]

Bank telemarketing (Moro 2014): a plain XGBoost learns from the first 70 % of the calls and is judged on the rest,
without age, marital status, `duration` (known after the call) and the country's series (they name the month, not the
client). Can its inputs, or its score, tell the client's age band or marital status, what carries that, and what does
the score lose when it is dropped? Simulated: a plain XGBoost for `intent`, and a protected group that is in no event;
with a proxy planted (where leads come from, or their price band) the audit must find it and name the family; with
nothing planted, over several seeds, it must find nothing. The baseline, on the same rows, is the usual scan: the
largest AUC of one feature by itself.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lintel.events.columns import columns_from_table
from lintel.events.validation import check
from lintel.fairness.audit import sampled_rows
from lintel.fairness.families import feature_families
from lintel.fairness.group_report import GroupReport, group_report
from lintel.fairness.groups import UNKNOWN, Groups, groups_of
from lintel.fairness.predictability import AuditSettings, lead_weight
from lintel.fairness.proxy_audit import FEATURE_TOLERANCE, SCORE_TOLERANCE, own_auc, proxy_audit
from lintel.fairness.proxy_finding import ProxyAudit, Verdict
from lintel.fairness.removal_cost import RemovalCost, removal_cost
from lintel.labels.outcomes import Status
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import build_examples
from lintel.scoring.folds import Fold
from lintel.settings import settings
from lintel.sources.bank_marketing import FILE, bank_calls
from lintel.sources.simulator import Simulator, preset
from lintel.sources.simulator.protected import PLANTS, members
from lintel.store.log import TenantLog

WORLD, DAYS, DIMENSION = "demo", 730, "intent"
BANK_ROWS, TRAIN_SHARE = 4_000, 0.7
AGES = (30, 40, 50, 60)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
TREES = {
    "objective": "binary:logistic", "tree_method": "hist", "max_depth": 4, "learning_rate": 0.1,
    "min_child_weight": 10, "subsample": 0.8, "colsample_bytree": 0.5, "seed": 1, "nthread": 1,
}  # fmt: skip

Float32 = NDArray[np.float32]
Json = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """Rows to learn from and rows to be judged on, with the families of their columns."""

    features: Float32  # (n, F)
    names: tuple[str, ...]
    families: tuple[str, ...]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float64]
    lead: NDArray[np.int32]
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    lead_ids: tuple[str, ...]

    def fit(self, columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Probabilities of the judged rows, from a model of these columns."""
        own = self.features[:, columns]
        rows = xgboost.DMatrix(own[self.train], self.outcome[self.train], weight=self.weight[self.train])
        booster = xgboost.train(TREES, rows, 80)
        return booster.inplace_predict(own[self.test]).astype(np.float64)

    def score(self) -> NDArray[np.float64]:
        return self.fit(np.arange(len(self.names)))


@dataclass(frozen=True)
class Finding:
    """All that is found about one grouping."""

    features: ProxyAudit
    score: ProxyAudit
    single_feature_auc: float
    report: GroupReport
    cost: RemovalCost | None
    score_after: ProxyAudit | None

    def to_json(self) -> Json:
        worst = self.features.worst
        return {
            "features": {
                "verdict": self.features.verdict.value,
                "group": worst.group,
                "auc": _three(worst.predicted),
                "limit": round(self.features.limit, 3),
                "carried_by": [one.name for one in self.features.families if one.carries],
                "first_feature": self.features.carriers[0].feature if self.features.carriers else None,
                "dropped_in_turn": [
                    {"family": one.family, "auc_left": one.left and _three(one.left)} for one in self.features.removals
                ],
            },
            "baseline_single_feature_auc": round(self.single_feature_auc, 3),
            "score": _score_json(self.score),
            "groups": [
                {
                    "group": one.group,
                    "leads": one.leads,
                    "score_gap": _three(one.score_gap),
                    "impact_ratio": _three(one.impact_ratio),
                    "calibration_gap": _three(one.calibration_gap),
                    "auc": one.auc and _three(one.auc),
                }
                for one in self.report.groups
            ],
            "without_carriers": self.cost
            and {
                "auc": round(self.cost.auc, 3),
                "auc_without": round(self.cost.auc_without, 3),
                "auc_loss_interval": [round(one, 3) for one in self.cost.auc_loss_interval],
                "score": self.score_after and _score_json(self.score_after),
            },
        }


def bank() -> tuple[Task, dict[str, Groups]]:
    """The calls in time order, and their age bands and marital status."""
    folder = settings().data_mirror
    if folder is None:
        raise SystemExit("Set LINTEL_DATA_MIRROR to a folder that holds bank_marketing.")
    calls = bank_calls(folder / FILE, macro=False)
    border = int(TRAIN_SHARE * len(calls))
    task = Task(
        features=calls.features,
        names=calls.names,
        families=tuple(name.split("=")[0] for name in calls.names),
        outcome=calls.positive,
        weight=np.ones(len(calls)),
        lead=np.arange(len(calls), dtype=np.int32),  # a call is all that is known of a client
        train=np.arange(border),
        test=np.arange(border, len(calls)),
        lead_ids=(),
    )
    bands = ("under 30", *(f"{low}-{low + 9}" for low in AGES[:-1]), f"{AGES[-1]} and over")
    statuses = tuple(sorted(set(calls.marital.tolist()) - {"unknown"}))
    known = calls.marital != "unknown"
    marital = np.where(known, np.searchsorted(statuses, calls.marital), UNKNOWN).astype(np.int64)
    return task, {
        "age": Groups(np.searchsorted(AGES, calls.age, side="right"), bands),
        "marital": Groups(marital, statuses),
    }


def simulated(leads: int) -> tuple[Task, pa.Table]:
    """The decision points of one dimension of a simulated brokerage, and its events."""
    world = preset(WORLD)
    source = Simulator(world, world.tenants[0].id, seed=5, leads=leads, days=DAYS)
    tenant = source.tenant_settings()
    events = pa.concat_tables([check(one.events, tenant=tenant.id, now=NOW).events for one in source.batches()])
    lead_ids = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    log = TenantLog(tenant, lead_ids, columns, max(events.column("known_at").to_pylist()))
    examples = build_examples(log, seed=1)
    folds = fold_rows(examples, DIMENSION)
    task = Task(
        features=examples.features,
        names=examples.names,
        families=feature_families(examples.names),
        outcome=examples.outcomes[DIMENSION].status == Status.YES,
        weight=examples.points.weight,
        lead=examples.points.queries.lead,
        train=folds.rows(Fold.TRAIN),
        test=folds.rows(Fold.TEST),
        lead_ids=lead_ids,
    )
    return task, events


def examined(
    task: Task, groups: Groups, rows: NDArray[np.intp], score: NDArray[np.float64], *, seed: int, costs: bool
) -> Finding:
    """Audits of the features on `rows` and of the score on the judged rows; `groups` are of every row."""
    asked = AuditSettings()
    found = proxy_audit(
        task.features[rows], task.names, task.families, groups.take(rows), task.lead[rows],
        tolerance=FEATURE_TOLERANCE, seed=seed, settings=asked,
    )  # fmt: skip
    own, lead = groups.take(task.test), task.lead[task.test]
    outcome, weight = task.outcome[task.test], task.weight[task.test]
    cost, after = None, None
    if costs and found.verdict is Verdict.FOUND:
        families = {one.family for one in found.removals}
        dropped = np.flatnonzero(np.isin(task.families, list(families)))
        kept = np.setdiff1d(np.arange(len(task.names)), dropped)
        if len(kept):
            cost = removal_cost(
                task.fit, len(task.names), dropped, outcome=outcome, weight=weight, lead=lead, seed=seed
            )
            after = _of_score(task.fit(kept), own, lead, seed)
    return Finding(
        features=found,
        score=_of_score(score, own, lead, seed),
        single_feature_auc=_single(task, groups, rows),
        report=group_report(score, outcome, weight, own, lead, seed=seed),
        cost=cost,
        score_after=after,
    )


def _of_score(score: NDArray[np.float64], own: Groups, lead: NDArray[np.int32], seed: int) -> ProxyAudit:
    column = score.astype(np.float32)[:, None]
    return proxy_audit(column, ("score",), ("score",), own, lead, tolerance=SCORE_TOLERANCE, seed=seed)


def _single(task: Task, groups: Groups, rows: NDArray[np.intp]) -> float:
    """The largest AUC of one feature as it is, over all groups."""
    known = rows[groups.code[rows] != UNKNOWN]
    code, weight = groups.code[known], lead_weight(task.lead[known])
    columns = task.features[known].T
    return max(own_auc(one, code == group, weight) for group in range(len(groups.names)) for one in columns)


def bank_findings() -> Iterator[tuple[str, Finding]]:
    task, groupings = bank()
    score = task.score()
    rows = np.sort(np.random.default_rng(1).choice(task.test, BANK_ROWS, replace=False))
    for name, groups in groupings.items():
        yield name, examined(task, groups, rows, score, seed=1, costs=True)


def planted_findings(leads: int, seeds: int) -> Iterator[tuple[str, Finding]]:
    """Each plant once with its cost, then more seeds of every one; the model and the events are the same for all."""
    task, events = simulated(leads)
    score = task.score()
    rows = sampled_rows(task.lead, leads=leads, rows_a_lead=2, seed=1)
    world = preset(WORLD)
    for seed in range(seeds):
        for name, planted in PLANTS.items():
            if name != "none" and seed >= max(1, seeds // 3):
                continue
            group = members(world, world.tenants[0].id, events, task.lead_ids, planted, seed=seed)
            stated = {lead: "member" if one else "other" for lead, one in zip(task.lead_ids, group, strict=True)}
            groups = groups_of(task.lead_ids, stated).take(task.lead)
            yield name, examined(task, groups, rows, score, seed=seed, costs=seed == 0)


def summary(name: str, found: Sequence[Finding]) -> Json:
    """How often a proxy was found in each plant, and by which family first."""
    expected = PLANTS[name].family
    return {
        "plant": name,
        "audits": len(found),
        "found_in_features": sum(one.features.verdict is Verdict.FOUND for one in found),
        "family_named_first": sum(
            bool(one.features.families) and one.features.families[0].name == expected for one in found
        ),
        "found_in_score": sum(one.score.verdict is Verdict.FOUND for one in found),
        "baseline_single_feature_over_tolerance": sum(one.single_feature_auc > FEATURE_TOLERANCE for one in found),
        "first": found[0].to_json(),
    }


def _score_json(audit: ProxyAudit) -> Json:
    worst = audit.worst
    return {
        "verdict": audit.verdict.value,
        "group": worst.group,
        "auc": _three(worst.predicted),
        "limit": round(audit.limit, 3),
    }


def _three(one: Any) -> list[float]:
    """Value, low, high."""
    value = one.auc if hasattr(one, "auc") else one.value
    return [round(float(number), 3) for number in (value, one.low, one.high)]


def _show(console: Console, real: Json, planted: Sequence[Json]) -> None:
    shown = Table(
        "data", "held out", "features' AUC", "limit", "carried by", "one feature's", "score's AUC", "AUC lost"
    )
    rows = [("bank", name, found) for name, found in real.items()]
    rows += [("simulated", f"plant: {one['plant']}", one["first"]) for one in planted]
    for data, name, one in rows:
        cost = one["without_carriers"]
        lost = f"{cost['auc'] - cost['auc_without']:.3f} {cost['auc_loss_interval']}" if cost else ""
        auc, score = one["features"]["auc"], one["score"]["auc"]
        shown.add_row(
            data, name, f"{auc[0]:.3f} ({auc[1]:.3f}-{auc[2]:.3f}) {one['features']['group']}",
            f"{one['features']['limit']:.3f}", ", ".join(one["features"]["carried_by"]),
            f"{one['baseline_single_feature_auc']:.3f}",
            f"{score[0]:.3f} ({score[1]:.3f}-{score[2]:.3f}) {one['score']['group']}", lost,
        )  # fmt: skip
    console.print(shown)
    counted = Table("simulated plant", "audits", "found in features", "right family first", "found in score")
    for one in planted:
        names = ("plant", "audits", "found_in_features", "family_named_first", "found_in_score")
        counted.add_row(*(str(one[name]) for name in names))
    console.print(counted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=1_500, help="of the simulated brokerage")
    parser.add_argument("--seeds", type=int, default=10, help="groups drawn without a plant; a third of it with one")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    real = {name: one.to_json() for name, one in bank_findings()}
    by_plant: dict[str, list[Finding]] = {}
    for name, one in planted_findings(arguments.leads, arguments.seeds):
        by_plant.setdefault(name, []).append(one)
    planted = [summary(name, found) for name, found in by_plant.items()]
    _show(Console(stderr=arguments.json, width=160), real, planted)
    if arguments.json:
        print(json.dumps({"bank_marketing": real, "simulated": planted}))


if __name__ == "__main__":
    main()
