"""Training: from examples to a bundle whose figures are those of the models that serve."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.fairness.audit import fairness_audit
from lintel.fairness.section import fairness_section
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import LabelSet, Undefined
from lintel.scoring.borrowing import Borrowing
from lintel.scoring.bundle import Bundle, Report
from lintel.scoring.bundle_manifest import manifest_of
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.drift_reference import drift_reference
from lintel.scoring.evaluation import fold_rows, forecast, metrics_of
from lintel.scoring.evaluation_plots import evaluation_plots
from lintel.scoring.evidence import JUDGED_ON_POOL, Rung, outcomes_per_class
from lintel.scoring.examples import Examples
from lintel.scoring.feature_profile import feature_profile
from lintel.scoring.fitting import Fitting
from lintel.scoring.folds import Fold
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.light import LightModels
from lintel.scoring.light_fitting import fit_light
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
    groups: Mapping[str, str] | None = None,
    pool: Bundle | None = None,
    log: Log = lambda _: None,
) -> Bundle:
    """Fit every dimension, calibrate it on a later fold, evaluate it on the newest; nothing is fitted again after that.

    Parameters
    ----------
    log: told what is being done.
    hyperparameters: instead of each kind of member's own.
    groups: lead id -> protected group, which no feature reads: the model card says what scores give away of it.
    pool: lends the dimensions for which the tenant's own outcomes do not carry a model (`evidence`).

    A dimension without enough data, that the source does not define, or that turns out no better than its base rate,
    is in the bundle with its reason.
    Raises IncompatibleError if the examples, or the pool, were made with other features or labels.
    """
    _check_versions(examples, label_set, catalogue, pool)
    borrowing = None if pool is None else Borrowing(pool, examples, seed)
    chosen = hyperparameters or Hyperparameters()
    scorer = _fitted(examples, label_set, catalogue, seed=seed, chosen=chosen, borrowing=borrowing, log=log)
    lent = scorer.borrowed if borrowing else ()
    light = _light(scorer, examples, catalogue, seed=seed, borrowing=borrowing, log=log)
    manifest = manifest_of(
        scope=scope,
        known_until=examples.data.log_end,
        data=examples.data.name,
        data_digest=examples.digest,
        tenants=examples.data.tenants,
        simulated=examples.data.simulated or bool(pool and lent and pool.manifest.simulated),
        seed=seed,
        settings_digest=chosen.digest,
        label_set=label_set,
        catalogue=catalogue,
        pool=pool.digest if pool and lent else "",
    )
    pools = {name: borrowing.figures(name) for name in lent} if borrowing else {}
    bundle = Bundle(manifest, scorer, Report({"dimensions": pools}, ""), light=light)
    tested = forecast(scorer, examples, log=log)
    metrics = metrics_of(bundle, examples, tested)
    plots = evaluation_plots(examples.data, tested, seed=seed)
    for name in lent:
        if borrowing and metrics["dimensions"][name].get("judged_on") == JUDGED_ON_POOL:
            plots = {**plots, **borrowing.plots(name)}
    scorer = _skilled(scorer, metrics)
    audited = None if groups is None else fairness_audit(examples, tested, groups, seed=seed)
    card = model_card(manifest, scorer.dimensions, metrics, fairness=fairness_section(audited))
    light = {name: one for name, one in light.items() if name in scorer.ready}
    reference = drift_reference(scorer, examples, seed=seed)
    return Bundle(manifest, scorer, Report(metrics, card, plots), light=light, reference=reference)


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
    chosen: Hyperparameters,
    borrowing: Borrowing | None,
    log: Log,
) -> Scorer:
    own = {name: one for name, one in label_set.defined.items() if borrowing is None or not borrowing.better(name)}
    network = None
    if "network" in chosen.kinds and own:
        log("network: fitting, for all dimensions at once")
        network = fit_shared_network(examples, own, catalogue, seed=seed, settings=chosen.network)
    fitting = Fitting(examples, catalogue, seed, chosen, network)
    dimensions: dict[str, Dimension | MissingDimension] = {}
    for name, entry in label_set.dimensions.items():
        if isinstance(entry, Undefined):
            dimensions[name] = MissingDimension(name, Gap.NOT_DEFINED, entry.reason)
            continue
        log(f"{name}: {'fitting' if name in own else 'borrowing'}")
        found = fitting.dimension(entry) if name in own else None
        if not isinstance(found, Dimension) and borrowing is not None and borrowing.lends(name):
            found = borrowing.dimension(name)
        dimensions[name] = found or MissingDimension(name, Gap.NOT_ENOUGH_DATA, "a pool that lends it")
    dimensions = {name: _counted(one, examples) for name, one in dimensions.items()}
    profile = feature_profile(examples.features[_train_rows(examples, dimensions)])
    return Scorer(catalogue, dimensions, profile, examples.data.typical_amount, examples.contact)


def _light(
    scorer: Scorer, examples: Examples, catalogue: Catalogue, *, seed: int, borrowing: Borrowing | None, log: Log
) -> LightModels:
    """The light model of each dimension that has a model: from where that one comes, own or borrowed."""
    log("light models: fitting")
    light = None if borrowing is None else borrowing.lighter
    return {
        name: fit_light(one, examples, catalogue, seed=seed)
        if one.evidence_rung is Rung.TENANT or borrowing is None
        else _borrowed(name, light)
        for name, one in scorer.ready.items()
    }


def _borrowed(name: str, light: Borrowing | None) -> Dimension | MissingDimension:
    if light is None or not light.lends(name):
        return MissingDimension(name, Gap.NO_LIGHT_MODEL, "the pool that lends the dimension has none")
    return light.dimension(name)


def _counted(found: Dimension | MissingDimension, examples: Examples) -> Dimension | MissingDimension:
    """With the number of leads that speak for it."""
    if isinstance(found, MissingDimension):
        return found
    status, lead = examples.outcomes[found.name].status, examples.points.queries.lead
    return replace(found, outcomes_per_class=outcomes_per_class(status, lead))


def _check_versions(examples: Examples, label_set: LabelSet, catalogue: Catalogue, pool: Bundle | None) -> None:
    expected = catalogue.digest, label_set.digest
    if (examples.feature_digest, examples.label_digest) != expected:
        raise IncompatibleError("the examples have other features or labels than this code.", mend="Build them again.")
    if pool is not None and (pool.manifest.feature_digest, pool.manifest.label_digest) != expected:
        raise IncompatibleError("the pool has other features or labels than this code.", mend="Train it again.")


def _train_rows(examples: Examples, dimensions: Mapping[str, Dimension | MissingDimension]) -> NDArray[np.bool_]:
    """The rows in the train fold of some model of the tenant's own; all rows if there is none."""
    ready = (one for one in dimensions.values() if isinstance(one, Dimension))
    folds = [fold_rows(examples, one.name).fold for one in ready if one.evidence_rung is Rung.TENANT]
    return np.any(np.array(folds) == Fold.TRAIN, axis=0) if folds else np.ones(len(examples), bool)
