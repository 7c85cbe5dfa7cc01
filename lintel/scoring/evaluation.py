"""How good a bundle is on the newest fold, beside the two baselines, in the form of `lintel evaluate --json`."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.events.moments import time_text
from lintel.features.catalogue import catalogue
from lintel.labels.outcomes import Status
from lintel.labels.points import Origin
from lintel.scoring import metrics
from lintel.scoring.baselines import fit_logistic
from lintel.scoring.bundle import Bundle
from lintel.scoring.calibration import fit_platt
from lintel.scoring.coverage import base_rate_interval
from lintel.scoring.coverage_figures import coverage_figures
from lintel.scoring.dimension import LEVEL, Dimension, DimensionScores, Gap, MissingDimension
from lintel.scoring.evidence import JUDGED_ON_POOL, Rung
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds, split
from lintel.scoring.importance import importance
from lintel.scoring.reliability import calibration_line, expected_calibration_error
from lintel.scoring.resampling import bootstrap_interval
from lintel.scoring.scorer import Scorer
from lintel.scoring.timing_curve import EDGES_DAYS

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
Json = dict[str, Any]
Log = Callable[[str], None]

_ORIGINS = {"event": Origin.EVENT, "tick": Origin.TICK, "touch": Origin.TOUCH}


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What was forecast for the n rows of a test fold, and what happened."""

    rows: NDArray[np.intp]  # positions among the examples
    outcome: NDArray[np.bool_]
    scores: DimensionScores
    logistic: Float64
    base_rate: Float64
    weight: Float64
    lead: NDArray[np.int32]
    origin: NDArray[np.int8]
    unseen: NDArray[np.bool_]

    @property
    def model(self) -> Float64:
        """The model's probabilities, (n,)."""
        return self.scores.probability


@dataclass(frozen=True, slots=True)
class TestedFold:
    """The folds of one dimension, and the forecasts on the newest."""

    folds: Folds
    forecasts: Forecasts


def evaluate(bundle: Bundle, examples: Examples, *, log: Log = lambda _: None) -> Json:
    """Metrics of every dimension of `bundle` on the newest fold of `examples`.

    The logistic baseline is fitted on the train fold of the same examples and calibrated on the same later fold.
    Raises IncompatibleError if features or labels are of other versions than the bundle's.
    """
    manifest = bundle.manifest
    if (manifest.feature_digest, manifest.label_digest) != (examples.feature_digest, examples.label_digest):
        raise IncompatibleError("the examples have other features or labels than the bundle.", mend="Build them again.")
    tested = forecast(bundle.scorer, examples, log=log)
    return metrics_of(bundle, examples, tested)


def forecast(scorer: Scorer, examples: Examples, *, log: Log = lambda _: None) -> dict[str, TestedFold | str]:
    """Forecasts on the newest fold by dimension, or why there is none."""
    tested: dict[str, TestedFold | str] = {}
    for name, dimension in scorer.ready.items():
        log(f"{name}: forecasting the newest fold")
        try:
            folds = judged_rows(dimension, examples)
        except InputError as error:
            tested[name] = str(error)
            continue
        tested[name] = TestedFold(folds, forecasts(dimension, examples, folds))
    return tested


def metrics_of(bundle: Bundle, examples: Examples, tested: Mapping[str, TestedFold | str]) -> Json:
    """All metrics, in the form of `lintel evaluate --json`; `model_version` is for the registry to fill in."""
    seed = bundle.manifest.seed
    dimensions: Json = {}
    for name, dimension in bundle.scorer.dimensions.items():
        if not isinstance(dimension, Dimension):
            dimensions[name] = dimension.to_json()
            continue
        found = tested[name]
        if isinstance(found, str):
            values = {"status": Gap.NOT_ENOUGH_DATA.value, "needs": found}
        else:
            values = _evaluated(dimension, examples, found, seed)
        pools = bundle.metrics.get("dimensions", {}).get(name, {})
        judged_by_pool = dimension.evidence_rung is Rung.POOLED and pools.get("judged_on") == JUDGED_ON_POOL
        if not isinstance(found, str):
            values |= _light(bundle.light.get(name), examples, found.forecasts)
        dimensions[name] = {**pools, "own": values} if judged_by_pool else values
    return {
        "data": examples.data.name,
        "simulated": examples.data.simulated,
        "model_version": None,
        "digest": bundle.digest or None,
        "dimensions": dimensions,
    }


def fold_rows(examples: Examples, dimension: str) -> Folds:
    """The folds of one dimension. Raises InputError if there is too little history."""
    queries, outcome = examples.points.queries, examples.outcomes[dimension]
    return split(dimension, queries.lead, queries.as_of, outcome.status, outcome.known_from)


def judged_rows(dimension: Dimension, examples: Examples) -> Folds:
    """The folds, of whose newest the dimension has learnt nothing. Raises InputError if there is too little history."""
    folds, outcome = fold_rows(examples, dimension.name), examples.outcomes[dimension.name]
    if dimension.judged_from is None:
        raise InputError(f"{dimension.name} is judged by its pool alone, for lack of own outcomes.")
    return folds.judged_from(dimension.judged_from, dimension.name, examples.points.queries.as_of, outcome.status)


def forecasts(dimension: Dimension, examples: Examples, folds: Folds) -> Forecasts:
    """The model's and the baselines' probabilities on the test fold."""
    rows = folds.rows(Fold.TEST)
    points = examples.points
    return Forecasts(
        rows=rows,
        outcome=examples.outcomes[dimension.name].status[rows] == Status.YES,
        scores=dimension.scores(examples.inputs(rows)),
        logistic=_logistic(dimension, examples, folds),
        base_rate=np.full(len(rows), dimension.base_rate),
        weight=points.weight[rows],
        lead=points.queries.lead[rows],
        origin=points.origin[rows],
        unseen=folds.unseen[rows],
    )


def _logistic(dimension: Dimension, examples: Examples, folds: Folds) -> Float64:
    """Test probabilities of the logistic baseline, which learns and is calibrated on the same folds."""
    positive = examples.outcomes[dimension.name].status == Status.YES
    weight, lead = examples.points.weight, examples.points.queries.lead
    features = examples.features[:, dimension.ensemble.columns]
    train, later, test = (folds.rows(fold) for fold in (Fold.TRAIN, Fold.CALIBRATION, Fold.TEST))
    model = fit_logistic(features[train], positive[train], weight[train])
    calibrator = fit_platt(model.margin(features[later]), positive[later], weight[later], lead[later], seed=0, draws=0)
    return calibrator.probability(model.margin(features[test]))


def _evaluated(dimension: Dimension, examples: Examples, tested: TestedFold, seed: int) -> Json:
    folds, found = tested.folds, tested.forecasts
    whole = _figures(found, found.model, seed)
    by_origin = {name: _figures(found, found.model, seed, found.origin == one) for name, one in _ORIGINS.items()}
    return whole | {
        "definition": dimension.definition,
        "baselines": {
            "base_rate": _baseline_figures(found, found.base_rate),
            "logistic_regression": _baseline_figures(found, found.logistic),
        },
        "by_origin": {name: figures for name, figures in by_origin.items() if figures["n"]},
        "unseen": _figures(found, found.model, seed, found.unseen),
        "coverage": _coverage(dimension, examples, tested, seed),
        "members": [one.to_json() for one in dimension.evidence],
        "importance": importance(dimension, examples, found.rows, catalogue(), seed=seed),
        "intervals": {
            "auc": whole["auc_interval"],
            "calibration_slope": _slope_interval(found, seed),
            "level": 0.95,
            "resampled": "leads",
        },
        "folds": _fold_figures(folds),
        **({"within": _within(dimension, examples, found)} if dimension.name == "timing" else {}),
    }


def _slope_interval(found: Forecasts, seed: int) -> list[float] | None:
    """Of the calibration slope, which some hundred leads hardly tell; None where they have one outcome."""

    def slope(outcome: Bool, probability: Float64, weight: Float64) -> float:
        return calibration_line(outcome, probability, weight)[0]

    low, high = bootstrap_interval(slope, found.outcome, found.model, found.weight, found.lead, seed=seed)
    return [low, high] if low <= high else None


def _light(light: Dimension | MissingDimension | None, examples: Examples, found: Forecasts) -> Json:
    """The light model's figures on the same rows, or why there is none; nothing of bundles of before there was one."""
    if not isinstance(light, Dimension):
        return {} if light is None else {"light_model": light.to_json()}
    return {"light_model": _baseline_figures(found, light.scores(examples.inputs(found.rows)).probability)}


def _coverage(dimension: Dimension, examples: Examples, tested: TestedFold, seed: int) -> Json:
    """How far the interval and the bands can be trusted, beside what whoever has no model would say."""
    found, outcome, points = tested.forecasts, examples.outcomes[dimension.name], examples.points
    segments = {name: found.origin == one for name, one in _ORIGINS.items()} | {"unseen": found.unseen}
    later = tested.folds.rows(Fold.CALIBRATION)
    known = outcome.status[later] == Status.YES, points.weight[later].astype(np.float64), points.queries.lead[later]
    return coverage_figures(
        dimension,
        found.scores,
        outcome.take(found.rows),
        found.weight,
        found.lead,
        segments=segments,
        base_interval=base_rate_interval(*known, seed=seed, level=LEVEL),
    )


def _figures(found: Forecasts, probability: Float64, seed: int, chosen: NDArray[np.bool_] | None = None) -> Json:
    """All metrics on the chosen rows; None where one is not defined on them."""
    rows = np.ones(len(found.outcome), bool) if chosen is None else chosen
    figures = metrics.evaluate(found.outcome[rows], probability[rows], found.weight[rows], found.lead[rows], seed=seed)
    return {name: _plain(value) for name, value in asdict(figures).items()}


def _baseline_figures(found: Forecasts, probability: Float64) -> Json:
    """The same metrics on all rows, without their bands."""
    judged = found.outcome, probability, found.weight
    figures = {
        "n": len(found.outcome),
        "auc": metrics.auc(*judged),
        "average_precision": metrics.average_precision(*judged),
        "log_loss": metrics.log_loss(*judged),
        "brier": metrics.brier(*judged),
        "ece": expected_calibration_error(*judged),
        "lift_top_decile": metrics.lift(*judged, share=0.1),
    }
    return {name: _plain(value) for name, value in figures.items()}


def _plain(value: Any) -> Any:
    """A number that JSON knows."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _fold_figures(folds: Folds) -> Json:
    counts = {fold.name.lower(): len(folds.rows(fold)) for fold in (Fold.TRAIN, Fold.CALIBRATION, Fold.TEST)}
    borders = {"calibration_from": time_text(folds.calibration_from), "test_from": time_text(folds.test_from)}
    return counts | borders


def _within(dimension: Dimension, examples: Examples, found: Forecasts) -> Json:
    """Timing's other horizons: one calibration serves them all, so each is shown on its own."""
    curve = found.scores.curve
    outcome = examples.outcomes[dimension.name]
    shown: Json = {}
    for days in EDGES_DAYS[1:]:
        status = outcome.within(days)[found.rows]
        rows = status >= Status.NO
        if curve is None or not rows.any():
            continue
        happened, weight = status[rows] == Status.YES, found.weight[rows]
        predicted = curve.within(days)[rows]
        shown[f"{days:g}"] = {
            "n": int(rows.sum()),
            "observed": metrics.base_rate(happened, weight),
            "predicted": float(weight @ predicted / weight.sum()),
            "brier": metrics.brier(happened, predicted, weight),
        }
    return shown
