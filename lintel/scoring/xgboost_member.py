"""Gradient-boosted trees on the features: one binary model for one dimension.

The margin is the log-odds before calibration. Trees are grown on histograms (Chen and Guestrin 2016,
"XGBoost: a scalable tree boosting system", KDD), with a fixed seed and a fixed number of threads: the same examples
give the same bytes. The number of trees is found on later leads of the training fold, then all its rows are used to
grow that many. Reasons come from TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xgboost
from numpy.typing import NDArray

from lintel.scoring.booster_file import load_booster, save_booster
from lintel.scoring.booster_trees import xgboost_forest
from lintel.scoring.forest import Forest
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.member import Fit, without_sequence
from lintel.scoring.stopping import StoppingSlices, check_outcomes, mean_one, number_of_trees

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
    patience: int = 40
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


@dataclass(frozen=True)
class XGBoostMember:
    """A fitted model of F features, which must come in the order of `names`."""

    kind: ClassVar[str] = "xgboost"
    names: tuple[str, ...]
    booster: xgboost.Booster

    @property
    def trees(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds before calibration, (n,), of features (n, F). NaN means missing; infinities are refused."""
        features = checked_features(inputs, self.names)
        if not len(features):
            return np.zeros(0)
        if self._forest is not None:
            return self._forest.margins(features)[0, 0].astype(np.float64)
        return self.booster.inplace_predict(features, predict_type="margin", validate_features=False).astype(np.float64)

    def contributions(self, inputs: Inputs) -> Float64:
        """TreeSHAP values (n, F + 2) in log-odds; a row sums to its margin, and nothing is the sequence's."""
        features = checked_features(inputs, self.names)
        if not len(features):
            return np.zeros((0, len(self.names) + 2))
        rows = xgboost.DMatrix(features, nthread=1)
        shares = self.booster.predict(rows, pred_contribs=True, validate_features=False)
        return without_sequence(shares.astype(np.float64))

    def save(self, path: Path) -> None:
        """Write XGBoost's own UBJSON, sealed."""
        save_booster(self.booster, path)

    @classmethod
    def load(cls, path: Path) -> "XGBoostMember":
        """Raises IncompatibleError if the file is corrupt, or not a model that this XGBoost can read."""
        booster = load_booster(path)
        return cls(tuple(booster.feature_names or ()), booster)

    def binned_forest(self, bins: int) -> Forest | None:
        """The trees with the last feature as the index of a bin; None if they are too large for it."""
        return xgboost_forest(self.booster, bins=bins, bin_feature=len(self.names) - 1)

    @cached_property
    def _forest(self) -> Forest | None:
        return xgboost_forest(self.booster)


def fit_xgboost(
    inputs: Inputs,
    positive: NDArray[np.bool_],
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    monotone: Mapping[str, int],
    seed: int,
    settings: TreeSettings | None = None,
    start: Float64 | None = None,
) -> Fit[XGBoostMember]:
    """Fit on n rows of the training fold.

    Parameters
    ----------
    inputs: features (n, F), NaN where missing.
    positive, weight: (n,) the outcome and the row's share of the serving mix.
    slices: which rows find the number of trees.
    monotone: direction (-1 or 1) of the features whose direction is known; others are free.
    start: (n,) log-odds that the trees add to. The member's margin is what they add.

    Raises InputError for no rows, a single class, infinities, or names that do not fit the columns.
    """
    settings = settings or TreeSettings()
    names = inputs.names
    features = checked_features(inputs, names)
    check_outcomes(positive, slices)
    parameters = settings.parameters(seed=seed, monotone=[monotone.get(name, 0) for name in names])
    if start is not None:
        parameters["base_score"] = 0.5
    weight = mean_one(weight)

    def matrix(rows: NDArray[np.bool_] | slice) -> xgboost.DMatrix:
        begin = None if start is None else start[rows]
        label = positive[rows]
        return xgboost.DMatrix(
            features[rows], label=label, weight=weight[rows], base_margin=begin, feature_names=list(names)
        )

    early = _early(matrix, slices, parameters=parameters, settings=settings)
    booster = xgboost.train(parameters, matrix(slice(None)), early.num_boosted_rounds())
    return Fit(XGBoostMember(names, booster), XGBoostMember(names, early))


def _early(
    matrix: Callable[[NDArray[np.bool_]], xgboost.DMatrix],
    slices: StoppingSlices,
    *,
    parameters: dict[str, Any],
    settings: TreeSettings,
) -> xgboost.Booster:
    """Trees of the earlier rows, about as many as make the log loss on the later leads least."""
    booster = xgboost.train(
        parameters,
        matrix(slices.earlier),
        settings.max_trees,
        evals=[(matrix(slices.later), "later")],
        early_stopping_rounds=settings.patience,
        verbose_eval=False,
    )
    found, grown = int(booster.best_iteration) + 1, int(booster.num_boosted_rounds())
    return booster[: number_of_trees(found, grown=grown, learning_rate=settings.learning_rate)]
