"""The pool of all tenants that allow it: what dimensions are borrowed from until a tenant's own data carries them."""

import shutil
from collections.abc import Iterator

import dagster as dg

from assets.training import EXAMPLES, shown, training_examples
from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import LabelSet, load_label_set
from lintel.registry.pools import pool_scope
from lintel.scoring.examples import Examples
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.pooling import pooled_examples, with_spreads
from lintel.scoring.training import train
from lintel.store.tenants import Tenant

LABEL_SETS = dg.DynamicPartitionsDefinition(name="label_sets")
BUNDLE = "bundle"


@dg.asset(
    deps=[dg.AssetDep(training_examples, partition_mapping=dg.AllPartitionMapping())],
    group_name="training",
    partitions_def=LABEL_SETS,
    kinds={"xgboost", "lightgbm", "mlflow"},
    code_version="1",
)
def pooled_bundle(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Models of all tenants with these labels that allow it, from the examples of their newest nights; registered."""
    labels, seed = load_label_set(context.partition_key), home.settings.seed
    scope = pool_scope(labels.source)
    examples = pooled_examples(_offered(home, labels))
    chosen = Hyperparameters()
    bundle = train(examples, labels, catalogue(), scope=scope, seed=seed, hyperparameters=chosen, log=context.log.info)
    path = home.pool_work(scope, BUNDLE)
    shutil.rmtree(path, ignore_errors=True)
    saved = with_spreads(bundle, examples).save(path)
    version = home.registry.register(path, scope=scope, tags={"dagster_run_id": context.run.run_id})
    return dg.MaterializeResult(
        metadata={
            "name": version.name,
            "version": version.version,
            "digest": saved.digest,
            "tenants": len(saved.manifest.tenants),
            **shown(saved),
        }
    )


def _offered(home: Home, labels: LabelSet) -> Iterator[tuple[Tenant, Examples]]:
    """Tenants that allow it with their newest examples, if these are of today's features and labels; real ones only,
    unless all of them are simulated. Of tenants that do not allow it no file is opened."""
    allowed = [one for one in pooling_tenants(home) if one.labels == labels.source]
    real = [one for one in allowed if not one.simulated]
    for tenant in real or allowed:
        file = home.work(tenant.id, EXAMPLES)
        examples = Examples.load(file) if file.exists() else None
        if examples and (examples.feature_digest, examples.label_digest) == (catalogue().digest, labels.digest):
            yield tenant, examples


def pooling_tenants(home: Home) -> list[Tenant]:
    """Those whose settings allow that others' models learn from them."""
    return [one for one in home.events.tenants() if one.pooled]
