"""Training: from examples to a bundle whose figures are those of the models that serve."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import LabelSet, Undefined
from lintel.scoring.bundle import Bundle, Report
from lintel.scoring.bundle_manifest import manifest_of
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.evaluation import fold_rows, forecast, metrics_of
from lintel.scoring.evaluation_plots import evaluation_plots
from lintel.scoring.examples import Examples
from lintel.scoring.feature_profile import feature_profile
from lintel.scoring.fitting import Fitting
from lintel.scoring.folds import Fold
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.model_card import model_card
from lintel.scoring.network_fitting import fit_shared_network
from lintel.scoring.scorer import Scorer

Log = Callable[[str], None]


def train(
    examples: Examples,
    label_set: LabelSet,
    catalogue: Catalogue,
    *,
    scope: str = "global",
    seed: int,
    hyperparameters: Hyperparameters | None = None,
    log: Log = lambda _: None,
) -> Bundle:
    """Fit every dimension, calibrate it on a later fold, evaluate it on the newest; nothing is fitted again after that.

    Parameters
    ----------
    log: told what is being done.
    hyperparameters: instead of each kind of member's own.

    A dimension without enough data, that the source does not define, or that turns out no better than its base rate,
    is in the bundle with its reason.
    Raises IncompatibleError if the examples were made with other features or labels.
    """
    if (examples.feature_digest, examples.label_digest) != (catalogue.digest, label_set.digest):
        raise IncompatibleError("the examples have other features or labels than this code.", mend="Build them again.")
    scorer = _fitted(examples, label_set, catalogue, seed=seed, hyperparameters=hyperparameters, log=log)
    manifest = manifest_of(
        scope=scope,
        known_until=examples.data.log_end,
        data=examples.data.name,
        data_digest=examples.digest,
        tenants=examples.data.tenants,
        simulated=examples.data.simulated,
        seed=seed,
        label_set=label_set,
        catalogue=catalogue,
    )
    bundle = Bundle(manifest, scorer, Report({}, ""))
    tested = forecast(scorer, examples, log=log)
    metrics = metrics_of(bundle, examples, tested)
    plots = evaluation_plots(examples.data, tested, seed=seed)
    scorer = _skilled(scorer, metrics)
    return Bundle(manifest, scorer, Report(metrics, model_card(manifest, scorer.dimensions, metrics), plots))


def _skilled(scorer: Scorer, metrics: dict[str, Any]) -> Scorer:
    """The scorer without the dimensions that tell no more than their base rate; `metrics` says so, too."""
    dimensions = dict(scorer.dimensions)
    for name in scorer.ready:
        values = metrics["dimensions"][name]
        if "log_loss" not in values or values["log_loss"] < values["baselines"]["base_rate"]["log_loss"]:
            continue
        base = values["baselines"]["base_rate"]["log_loss"]
        reason = f"on the newest fold its log loss is {values['log_loss']:.4f}, that of the base rate {base:.4f}"
        dimensions[name] = MissingDimension(name, Gap.NO_SKILL, reason)
        metrics["dimensions"][name] = values | {"status": Gap.NO_SKILL.value, "reason": reason}
    return replace(scorer, dimensions=dimensions)


def _fitted(
    examples: Examples,
    label_set: LabelSet,
    catalogue: Catalogue,
    *,
    seed: int,
    hyperparameters: Hyperparameters | None,
    log: Log,
) -> Scorer:
    chosen, network = hyperparameters or Hyperparameters(), None
    if "network" in chosen.kinds:
        log("network: fitting, for all dimensions at once")
        network = fit_shared_network(examples, label_set.defined, seed=seed, settings=chosen.network)
    fitting = Fitting(examples, catalogue, seed, chosen, network)
    dimensions: dict[str, Dimension | MissingDimension] = {}
    for name, entry in label_set.dimensions.items():
        if isinstance(entry, Undefined):
            dimensions[name] = MissingDimension(name, Gap.NOT_DEFINED, entry.reason)
            continue
        log(f"{name}: fitting")
        dimensions[name] = fitting.dimension(entry)
    profile = feature_profile(examples.features[_train_rows(examples, dimensions)])
    return Scorer(catalogue, dimensions, profile, examples.data.typical_amount, examples.contact)


def _train_rows(examples: Examples, dimensions: Mapping[str, Dimension | MissingDimension]) -> NDArray[np.bool_]:
    """The rows in the train fold of some model; all rows if there is no model."""
    folds = [fold_rows(examples, name).fold for name, one in dimensions.items() if isinstance(one, Dimension)]
    return np.any(np.array(folds) == Fold.TRAIN, axis=0) if folds else np.ones(len(examples), bool)
