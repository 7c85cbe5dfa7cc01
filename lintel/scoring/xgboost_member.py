"""Gradient-boosted trees on the features: one binary model for one dimension.

The margin is the log-odds before calibration. Trees are grown on histograms (Chen and Guestrin 2016,
"XGBoost: a scalable tree boosting system", KDD), with a fixed seed and a fixed number of threads: the same examples
give the same bytes. The number of trees is found on later leads of the training fold, then all its rows are used to
grow that many. Reasons come from TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.stopping import StoppingSlices

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """Hyperparameters, chosen inside the training folds."""

    learning_rate: float = 0.05
    max_depth: int = 3
    min_child_weight: float = 20.0
    subsample: float = 0.7
    colsample_bytree: float = 0.2
    reg_lambda: float = 5.0
    max_bin: int = 128
    max_trees: int = 500
    patience: int = 30
    threads: int = 2

    def parameters(self, *, seed: int, monotone: Sequence[int]) -> dict[str, Any]:
        """As XGBoost names them. `monotone` holds -1, 0 or 1 for each feature."""
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "reg_lambda": self.reg_lambda,
            "max_bin": self.max_bin,
            "nthread": self.threads,
            "seed": seed,
            "monotone_constraints": "(" + ",".join(str(int(sign)) for sign in monotone) + ")",
        }


@dataclass(frozen=True, slots=True)
class XGBoostMember:
    """A fitted model of F features, which must come in the order of `names`."""

    names: tuple[str, ...]
    booster: xgboost.Booster

    @property
    def trees(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def margin(self, features: Float32, names: Sequence[str]) -> Float64:
        """Log-odds before calibration, (n,), of features (n, F). NaN means missing; infinities are refused."""
        checked_features(features, names, self.names)
        if not len(features):
            return np.zeros(0)
        return self.booster.inplace_predict(features, predict_type="margin").astype(np.float64)

    def contributions(self, features: Float32, names: Sequence[str]) -> Float64:
        """TreeSHAP values (n, F + 1) in log-odds; a row sums to its margin and its last entry is the bias."""
        checked_features(features, names, self.names)
        if not len(features):
            return np.zeros((0, len(self.names) + 1))
        rows = xgboost.DMatrix(features, feature_names=list(self.names))
        return self.booster.predict(rows, pred_contribs=True).astype(np.float64)

    def save(self, path: Path) -> None:
        """Write XGBoost's own UBJSON; the suffix must be `.ubj`."""
        path.write_bytes(bytes(self.booster.save_raw("ubj")))

    @classmethod
    def load(cls, path: Path) -> "XGBoostMember":
        """Raises IncompatibleError if the file is not a model that this XGBoost can read."""
        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(path.read_bytes()))
        except xgboost.core.XGBoostError:
            raise IncompatibleError(f"{path.name} is not an XGBoost model.", mend="Fetch the bundle again.") from None
        return cls(tuple(booster.feature_names or ()), booster)


def fit_xgboost(
    features: Float32,
    positive: NDArray[np.bool_],
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    names: Sequence[str],
    monotone: Mapping[str, int],
    seed: int,
    settings: TreeSettings | None = None,
) -> XGBoostMember:
    """Fit on rows of the training fold.

    Parameters
    ----------
    features: (n, F), NaN where missing.
    positive, weight: (n,) the outcome and the row's share of the serving mix.
    slices: which rows find the number of trees.
    monotone: direction (-1 or 1) of the features whose direction is known; others are free.

    Raises InputError for no rows, a single class, infinities, or names that do not fit the columns.
    """
    settings = settings or TreeSettings()
    checked_features(features, names, tuple(names))
    _check_outcomes(positive, slices)
    signs = [monotone.get(name, 0) for name in names]
    parameters = settings.parameters(seed=seed, monotone=signs)
    trees = _number_of_trees(features, positive, weight, slices, parameters=parameters, settings=settings)
    whole = xgboost.DMatrix(features, label=positive, weight=weight, feature_names=list(names))
    return XGBoostMember(tuple(names), xgboost.train(parameters, whole, trees))


def _number_of_trees(
    features: Float32,
    positive: NDArray[np.bool_],
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    parameters: dict[str, Any],
    settings: TreeSettings,
) -> int:
    """Trees at which the log loss on the later leads is least."""
    earlier, held = (
        xgboost.DMatrix(features[rows], label=positive[rows], weight=weight[rows])
        for rows in (slices.earlier, slices.later)
    )
    booster = xgboost.train(
        parameters,
        earlier,
        settings.max_trees,
        evals=[(held, "later")],
        early_stopping_rounds=settings.patience,
        verbose_eval=False,
    )
    return int(booster.best_iteration) + 1


def _check_outcomes(positive: NDArray[np.bool_], slices: StoppingSlices) -> None:
    for part, rows in (("earlier", positive[slices.earlier]), ("later", positive[slices.later])):
        if rows.all() or not rows.any():
            raise InputError(
                f"the {part} slice of the training rows has {int(rows.sum())} positives among {len(rows)} rows.",
                mend="A model needs both outcomes; wait for more mature outcomes.",
            )


def checked_features(features: Float32, given: Sequence[str], expected: Sequence[str]) -> None:
    """Raise InputError unless `features` is (n, F) without infinities and its columns are the `expected` ones."""
    if tuple(given) != tuple(expected):
        first = next(
            (f"{b!r} was expected, {a!r} given" for a, b in zip(given, expected, strict=False) if a != b), None
        )
        difference = first or f"their number is {len(given)}, not {len(expected)}"
        raise InputError(f"feature columns are not those of the model: {difference}.", mend="Use its catalogue.")
    if features.ndim != 2 or features.shape[1] != len(expected):
        raise InputError(f"features have shape {features.shape}, expected (n, {len(expected)}).")
    infinite = np.isinf(features).any(axis=0)
    if infinite.any():
        raise InputError(f"feature {expected[int(np.argmax(infinite))]!r} is infinite.", mend="Missing is NaN.")
