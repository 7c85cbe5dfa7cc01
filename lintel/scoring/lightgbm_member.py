"""Gradient-boosted trees grown leaf by leaf: one binary model for one dimension.

The margin is the log-odds before calibration. Trees grow at the leaf that gains most (Ke et al. 2017, "LightGBM: a
highly efficient gradient boosting decision tree", NeurIPS), with a fixed seed and sums in a fixed order: the same
examples give the same bytes, whatever the number of threads. The number of trees is found on later leads of the
training fold, then all its rows are used to grow that many. Reasons come from TreeSHAP (Lundberg et al. 2020, Nature
Machine Intelligence 2, 56-67).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import lightgbm
import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.scoring.booster_trees import lightgbm_forest
from lintel.scoring.forest import Forest
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.member import Fit, without_sequence
from lintel.scoring.model_file import read_model, write_model
from lintel.scoring.stopping import StoppingSlices, check_outcomes, mean_one, number_of_trees

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_SERVING = {"num_threads": 1, "predict_disable_shape_check": True}
"""Waking threads takes longer than scoring a lead; `checked_features` knows the shape."""


@dataclass(frozen=True, slots=True)
class LeafSettings:
    """Hyperparameters, chosen inside the training folds."""

    learning_rate: float = 0.05
    num_leaves: int = 8
    min_data_in_leaf: int = 50
    bagging_fraction: float = 0.7
    feature_fraction: float = 0.2
    lambda_l2: float = 5.0
    max_bin: int = 127
    max_trees: int = 500
    patience: int = 40
    threads: int = 2

    def parameters(self, *, seed: int, monotone: Sequence[int]) -> dict[str, Any]:
        """As LightGBM names them. `monotone` holds -1, 0 or 1 for each feature."""
        return {
            "verbosity": -1,
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_data_in_leaf,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
            "max_bin": self.max_bin,
            "num_threads": self.threads,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "monotone_constraints": [int(sign) for sign in monotone],
        }


@dataclass(frozen=True)
class LightGBMMember:
    """A fitted model of F features, which must come in the order of `names`."""

    kind: ClassVar[str] = "lightgbm"
    names: tuple[str, ...]
    booster: lightgbm.Booster

    @property
    def trees(self) -> int:
        return int(self.booster.num_trees())

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds before calibration, (n,), of features (n, F). NaN means missing; infinities are refused."""
        features = checked_features(inputs, self.names)
        if not len(features):
            return np.zeros(0)
        if self._forest is not None:
            return self._forest.margins(features)[0, 0].astype(np.float64)
        return np.asarray(self.booster.predict(features, raw_score=True, **_SERVING), np.float64)

    def contributions(self, inputs: Inputs) -> Float64:
        """TreeSHAP values (n, F + 2) in log-odds; a row sums to its margin, and nothing is the sequence's."""
        features = checked_features(inputs, self.names)
        if not len(features):
            return np.zeros((0, len(self.names) + 2))
        return without_sequence(np.asarray(self.booster.predict(features, pred_contrib=True, **_SERVING), np.float64))

    def save(self, path: Path) -> None:
        """Write LightGBM's own text, sealed."""
        write_model(path, self.booster.model_to_string().encode())

    @classmethod
    def load(cls, path: Path) -> "LightGBMMember":
        """Raises IncompatibleError if the file is corrupt, or not a model that this LightGBM can read."""
        content = read_model(path)
        try:
            return _member(content.decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError):
            raise IncompatibleError(f"{path.name} is not a LightGBM model.", mend="Fetch the bundle again.") from None

    def binned_forest(self, bins: int) -> Forest | None:
        """The trees with the last feature as the index of a bin; None if they are too large for it."""
        return lightgbm_forest(self.booster, bins=bins, bin_feature=len(self.names) - 1)

    @cached_property
    def _forest(self) -> Forest | None:
        return lightgbm_forest(self.booster)


def fit_lightgbm(
    inputs: Inputs,
    positive: NDArray[np.bool_],
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    monotone: Mapping[str, int],
    seed: int,
    settings: LeafSettings | None = None,
    start: Float64 | None = None,
) -> Fit[LightGBMMember]:
    """Fit on n rows of the training fold; parameters and errors as in `fit_xgboost`."""
    settings = settings or LeafSettings()
    names = list(inputs.names)
    features = checked_features(inputs, names)
    check_outcomes(positive, slices)
    parameters = settings.parameters(seed=seed, monotone=[monotone.get(name, 0) for name in names])
    weight = mean_one(weight)

    def data(rows: NDArray[np.bool_] | slice, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        init = None if start is None else start[rows]
        return lightgbm.Dataset(
            features[rows], positive[rows], reference, weight=weight[rows], init_score=init, feature_name=names
        )

    early = _early(data, slices, parameters=parameters, settings=settings)
    whole = data(slice(None))
    booster = lightgbm.train(parameters, whole, early.trees)
    return Fit(_member(booster.model_to_string()), early)


def _early(
    data: Callable[..., lightgbm.Dataset],
    slices: StoppingSlices,
    *,
    parameters: dict[str, Any],
    settings: LeafSettings,
) -> LightGBMMember:
    """Trees of the earlier rows, about as many as make the log loss on the later leads least."""
    earlier = data(slices.earlier)
    booster = lightgbm.train(
        parameters,
        earlier,
        settings.max_trees,
        valid_sets=[data(slices.later, earlier)],
        callbacks=[lightgbm.early_stopping(settings.patience, verbose=False)],
    )
    found, grown = int(booster.best_iteration), int(booster.current_iteration())
    trees = number_of_trees(found, grown=grown, learning_rate=settings.learning_rate)
    return _member(booster.model_to_string(num_iteration=trees))


def _member(text: str) -> LightGBMMember:
    """The model in LightGBM's own text: what is fitted and what is loaded are one."""
    booster = lightgbm.Booster(model_str=text)
    return LightGBMMember(tuple(booster.feature_name()), booster)
