"""How large the budget is: quantiles 10, 50 and 90 of the amount, and which missing facts would narrow the band.

Gradient-boosted trees for three quantiles at once (Koenker and Bassett 1978, "Regression quantiles", Econometrica 46,
33-50) on the logarithm of the amount. Trees start from the amount that the lead's history names, so that they
need not learn what a logarithm is. The band is widened, or narrowed, until it holds its level on a later fold
(Romano, Patterson and Candes 2019, "Conformalized quantile regression", NeurIPS).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.booster_file import load_booster, save_booster
from lintel.scoring.conformal import ConformalBand, fit_conformal
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.xgboost_member import Float32, Float64, TreeSettings

LEVELS = (0.1, 0.5, 0.9)
AMOUNT_TREES = TreeSettings(max_depth=3, min_child_weight=10.0, colsample_bytree=0.3, max_trees=400)
LEAST_ROWS = 100
"""Rows with an amount, in either slice together, that quantiles can be learnt from."""
_ATTRIBUTE = "amount"
_LEAST_OF_A_STEP = 40


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the trees start: log(amount) = log(feature) + shift of the first of `steps` that the row has.

    `otherwise` is for rows that have none of them.
    """

    steps: tuple[tuple[str, float], ...]  # feature, shift
    otherwise: float

    def start(self, inputs: Inputs) -> Float64:
        """(n,) log amounts."""
        start = np.full(len(inputs), self.otherwise)
        for feature, shift in reversed(self.steps):
            value = inputs.features[:, inputs.names.index(feature)].astype(np.float64)
            start = np.where(value > 0, np.log(np.where(value > 0, value, 1.0)) + shift, start)
        return start

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Anchor":
        """Read what `asdict` and JSON made of it."""
        return cls(tuple((feature, shift) for feature, shift in content["steps"]), content["otherwise"])


@dataclass(frozen=True, eq=False)
class AmountModel:
    """Quantiles of the amount; `conformal` moves the ends of the band, in log units."""

    names: tuple[str, ...]
    booster: xgboost.Booster
    anchor: Anchor
    conformal: ConformalBand | None = None

    def log_quantiles(self, inputs: Inputs) -> Float64:
        """(n, 3) logarithms of the amount at LEVELS before the correction; they never cross."""
        features = checked_features(inputs, self.names)
        if not len(features):
            return np.zeros((0, len(LEVELS)))
        start = np.repeat(self.anchor.start(inputs)[:, None], len(LEVELS), axis=1)
        found = self.booster.inplace_predict(features, base_margin=start.astype(np.float32))
        # crossing is a matter of noise: sorting mends it, and never makes the loss larger (Chernozhukov et al. 2010)
        return np.sort(found.astype(np.float64), axis=1)

    def quantiles(self, inputs: Inputs) -> Float64:
        """(n, 3) amounts, in the unit that was learnt from, at LEVELS. Raises InputError as `checked_features`."""
        low, middle, high = self.log_quantiles(inputs).T
        if self.conformal is not None:
            low, high = self.conformal.band(low, high)
        return np.exp(np.stack((np.minimum(low, middle), middle, np.maximum(high, middle)), axis=1))

    def conformed(self, inputs: Inputs, amount: Float64, weight: Float64, lead: NDArray[np.int32]) -> "AmountModel":
        """With a band that holds its level on these rows, of later leads than it was learnt from, (n,) each.

        Rows without an amount (NaN) do not matter. Raises InputError if there is none with one, or if they are of so
        few leads that no band with ends holds the level.
        """
        rows = np.flatnonzero(amount > 0)
        low, _, high = self.log_quantiles(inputs.take(rows)).T
        known = np.log(amount[rows])
        band = fit_conformal(low, high, known, weight[rows], lead[rows], level=LEVELS[-1] - LEVELS[0])
        if not np.isfinite(band.shift):
            raise InputError(f"{band.leads} leads are too few for a band of amounts.", mend="Wait for more amounts.")
        return replace(self, conformal=band)

    def save(self, path: Path) -> None:
        """Write XGBoost's own UBJSON, sealed."""
        conformal = None if self.conformal is None else self.conformal.to_json()
        booster = self.booster.copy()
        booster.set_attr(**{_ATTRIBUTE: json.dumps({"anchor": asdict(self.anchor), "conformal": conformal})})
        save_booster(booster, path)

    @classmethod
    def load(cls, path: Path) -> "AmountModel":
        """Raises IncompatibleError if the file is corrupt, or not such a model."""
        booster = load_booster(path)
        attribute = booster.attr(_ATTRIBUTE)
        if attribute is None:
            raise IncompatibleError(f"{path.name} is no model of amounts.", mend="Fetch the bundle again.")
        kept = json.loads(attribute)
        band = None if kept["conformal"] is None else ConformalBand.from_json(kept["conformal"])
        return cls(tuple(booster.feature_names or ()), booster, Anchor.from_json(kept["anchor"]), band)


def fit_amount(
    inputs: Inputs,
    amount: Float64,
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    seed: int,
    money: Sequence[str] = (),
    settings: TreeSettings | None = None,
) -> AmountModel:
    """Fit on n rows of the training fold, of which those with an amount teach something.

    Parameters
    ----------
    amount: (n,) NaN where none is known.
    weight, slices: as in `fit_xgboost`.
    money: features in the amount's own unit; the trees start from those that tell most.

    Raises InputError if there are fewer than `LEAST_ROWS` amounts, or none in one of the slices.
    """
    settings = settings or AMOUNT_TREES
    checked_features(inputs, inputs.names)
    rows = np.flatnonzero(amount > 0)
    own, taught = slices.take(rows), inputs.take(rows)
    if len(rows) < LEAST_ROWS or not own.earlier.any() or not own.later.any():
        raise InputError(
            f"{len(rows)} rows of the training fold have an amount, {int(own.later.sum())} of the latest leads.",
            mend=f"Quantiles need {LEAST_ROWS} amounts, early and late; wait for more of them.",
        )
    target = np.log(amount[rows])
    anchor = best_anchor(taught, target, [name for name in money if name in inputs.names])
    start = np.repeat(anchor.start(taught)[:, None], len(LEVELS), axis=1)

    def matrix(chosen: Any) -> xgboost.DMatrix:
        return xgboost.DMatrix(
            taught.features[chosen],
            target[chosen],
            weight=weight[rows][chosen],
            base_margin=start[chosen],
            feature_names=list(inputs.names),
        )

    booster = _booster(matrix, own, settings, seed)
    return AmountModel(inputs.names, booster, anchor)


def best_anchor(inputs: Inputs, target: Float64, money: Sequence[str]) -> Anchor:
    """Steps from the features of `money`: the one whose logarithm is nearest to the target (n,) where it is known,
    then the next for the rows that lack it, as long as that is nearer than their median."""
    steps: list[tuple[str, float]] = []
    left, otherwise = np.arange(len(target)), float(np.median(target))
    while len(left):
        found = _best_step(inputs.take(left), target[left], money)
        if found is None:
            break
        steps.append(found)
        value = inputs.features[left, inputs.names.index(found[0])]
        left = left[~(value > 0)]
        otherwise = float(np.median(target[left])) if len(left) else otherwise
    return Anchor(tuple(steps), otherwise)


def _best_step(inputs: Inputs, target: Float64, money: Sequence[str]) -> tuple[str, float] | None:
    """The nearest feature and its shift; None if none is nearer than the median."""
    best, least = None, float(np.abs(target - np.median(target)).mean())
    for name in money:
        value = inputs.features[:, inputs.names.index(name)]
        known = value > 0
        if known.sum() < _LEAST_OF_A_STEP:
            continue
        distance = target[known] - np.log(value[known])
        shift = float(np.median(distance))
        if np.abs(distance - shift).mean() < least:
            best, least = (name, shift), float(np.abs(distance - shift).mean())
    return best


def _booster(matrix: Any, slices: StoppingSlices, settings: TreeSettings, seed: int) -> xgboost.Booster:
    """As many trees as make the pinball loss on the later leads least, grown on all rows."""
    features = matrix(slice(0, 1)).num_col()
    parameters = settings.parameters(seed=seed, monotone=[0] * features)
    del parameters["monotone_constraints"]
    parameters |= {"objective": "reg:quantileerror", "eval_metric": "quantile", "quantile_alpha": list(LEVELS)}
    stopped = xgboost.train(
        parameters,
        matrix(slices.earlier),
        settings.max_trees,
        evals=[(matrix(slices.later), "later")],
        early_stopping_rounds=settings.patience,
        verbose_eval=False,
    )
    return xgboost.train(parameters, matrix(slice(None)), int(stopped.best_iteration) + 1)


def pinball(amount: Float64, quantiles: Float64, weight: Float64) -> float:
    """Mean pinball loss of quantiles (n, k) at LEVELS, in the unit of the amount (n,)."""
    miss = amount[:, None] - quantiles
    loss = np.maximum(np.array(LEVELS) * miss, (np.array(LEVELS) - 1.0) * miss).mean(axis=1)
    return float(weight @ loss / weight.sum())
