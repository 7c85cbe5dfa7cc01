"""From labelled decision points to a trained, calibrated, evaluated score bundle."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np

from assets.gates import gated
from assets.ingest import event_lake
from assets.pictures import picture
from assets.tenants import TENANTS
from assets.whole_file import whole_file
from expectations import examples as examples_suite
from expectations.evaluation import evaluate
from expectations.verdict import verdict
from lintel.errors import InputError
from lintel.fairness.groups import FILE as GROUPS
from lintel.fairness.groups import read_groups
from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.learning.window import rolling_rows
from lintel.registry.pools import lending_pool
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.training import train
from lintel.scoring.tuned_settings import FILE as TUNED
from lintel.scoring.tuned_settings import load_tuned

EXAMPLES = "examples.parquet"
BUNDLE = "bundle"


@dg.asset(
    deps=[event_lake], group_name="training", partitions_def=TENANTS, kinds={"numpy", "parquet"}, code_version="1"
)
def training_examples(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Decision points with their features and the labels that are mature by the end of the log."""
    every = build_examples(home.log(context.partition_key, now=datetime.now(UTC)), seed=home.settings.seed)
    examples = every.take(rolling_rows(every.points.queries.as_of, home.settings.training_window_days))
    with whole_file(home.work(context.partition_key, EXAMPLES)) as path:
        examples.save(path)
    home.erase_late(context.partition_key, examples.lead_ids)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(examples),
            "leads": len(examples.lead_ids),
            "digest": examples.digest,
            "labels": dg.MetadataValue.md(examples.label_summary()),
        }
    )


@dg.asset_check(asset=training_examples, blocking=True, partitions_def=TENANTS)
def training_examples_are_sound(
    context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]
) -> dg.AssetCheckResult:
    """Identity, positive weights, labels from the four known answers, and outcomes that lie after their question.

    Examples that break a rule by themselves are left out of the night's training; too many of them stop the run.
    """
    tenant, now = context.partition_key, datetime.now(UTC)
    path = home.work(tenant, EXAMPLES)
    table = examples_suite.read(path, catalogue(), home.log(tenant, now=now).as_of)
    result = evaluate(table, examples_suite.NAME, examples_suite.rules(catalogue(), table))
    found = verdict(result, home.settings.gate_set_aside_share)
    if found.set_aside.any():
        sound = Examples.load(path).take(np.flatnonzero(~found.set_aside))
        with whole_file(path) as partial:
            sound.save(partial)
        home.erase_late(tenant, sound.lead_ids)
    return gated(home, tenant, found, now)


@dg.asset(
    deps=[training_examples],
    group_name="training",
    partitions_def=TENANTS,
    kinds={"xgboost", "lightgbm"},
    code_version="2",
)
def score_bundle(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """An ensemble a dimension, stacked and calibrated on later folds, evaluated on the newest; borrowed from the newest
    pool where the tenant's outcomes are too few."""
    tenant = context.partition_key
    examples = Examples.load(home.work(tenant, EXAMPLES))
    known = home.events.tenant(tenant)
    labels = load_label_set(known.labels)
    bundle = train(
        examples,
        labels,
        catalogue(),
        scope=tenant,
        seed=home.settings.seed,
        groups=stated_groups(home.work(tenant, GROUPS)),
        pool=lending_pool(home.registry, known, labels, home.events.tenants()),
        hyperparameters=Hyperparameters(tuned=load_tuned(home.work(tenant, TUNED))),
        log=context.log.info,
    )
    path = home.work(tenant, BUNDLE)
    shutil.rmtree(path, ignore_errors=True)
    saved = bundle.save(path)
    return dg.MaterializeResult(metadata={"digest": saved.digest, **shown(saved)})


def stated_groups(file: Path) -> dict[str, str] | None:
    """Protected groups, if the tenant supplied any; a broken file is told by the check on fairness."""
    try:
        return read_groups(file) if file.exists() else None
    except InputError:
        return None


def shown(bundle: Bundle) -> dict[str, dg.MetadataValue]:
    """The model card, the headline figures and the plots, as the Dagster UI shows them."""
    figures = {
        f"{name}/{metric}": dg.MetadataValue.float(float(values[metric]))
        for name, values in bundle.metrics["dimensions"].items()
        for metric in ("auc", "log_loss", "ece")
        if metric in values
    }
    plots = {f"plot/{name.removesuffix('.png')}": picture(image) for name, image in bundle.report.plots.items()}
    return {"model_card": dg.MetadataValue.md(bundle.model_card), **figures, **plots}
