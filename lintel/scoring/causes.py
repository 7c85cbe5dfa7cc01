"""Competing risks: by which cause (won, lost, silent) a deal is decided, given the bin of days that it is decided in.

With the hazard of being decided at all, this is a competing-risk model in full: the hazard of a cause is the all-cause
hazard times the cause's share (Tutz and Schmid 2016, "Modeling Discrete Time-to-Event Data", chapter 8). The two parts
are fitted apart, so that the causes always sum to the all-cause curve, also after that has been calibrated.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.labels.definition import CAUSES
from lintel.scoring.booster_file import load_booster, save_booster
from lintel.scoring.booster_trees import xgboost_forest
from lintel.scoring.forest import Forest
from lintel.scoring.hazard import append_bin, person_periods, with_bins
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.timing_curve import BINS
from lintel.scoring.xgboost_member import Float32, Float64, TreeSettings

SHARE_TREES = TreeSettings(learning_rate=0.1, colsample_bytree=0.3, max_trees=200, patience=15, max_bin=64)
_SEEN = "causes"
"""Attribute of the booster: the causes that its training rows had, by position in CAUSES."""


@dataclass(frozen=True)
class CauseShares:
    """P(cause | decided in a bin) of each of CAUSES; nothing for causes that no training row had."""

    booster: xgboost.Booster

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features that it reads, in their order."""
        return tuple(self.booster.feature_names or ())[:-1]

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes that a deal can be decided by."""
        return tuple(cause for cause, seen in zip(CAUSES, self._seen.tolist(), strict=True) if seen)

    @property
    def trees(self) -> int:
        """Boosting rounds, of one tree a cause each."""
        return int(self.booster.num_boosted_rounds())

    def shares(self, inputs: Inputs) -> Float64:
        """(n, BINS, 3) shares of CAUSES, which sum to 1. Raises InputError for other columns or infinities."""
        features = checked_features(inputs, self.names)
        if not len(inputs):
            return np.zeros((0, BINS, len(CAUSES)))
        if self._forest is None:
            shares = self.booster.inplace_predict(with_bins(inputs, BINS).features)
        else:
            shares = _softmax(self._forest.margins(features).transpose(2, 1, 0))
        seen = shares.reshape(len(inputs), BINS, len(CAUSES)).astype(np.float64) * self._seen
        return seen / seen.sum(axis=2, keepdims=True)

    def save(self, path: Path) -> None:
        """Write XGBoost's own UBJSON, sealed."""
        save_booster(self.booster, path)

    @classmethod
    def load(cls, path: Path) -> "CauseShares":
        """Raises IncompatibleError if the file is corrupt, or not such a model."""
        booster = load_booster(path)
        if booster.attr(_SEEN) is None:
            raise IncompatibleError(f"{path.name} is no model of causes.", mend="Fetch the bundle again.")
        return cls(booster)

    @cached_property
    def _forest(self) -> Forest | None:
        return xgboost_forest(self.booster, bins=BINS, bin_feature=len(self.names))

    @cached_property
    def _seen(self) -> NDArray[np.bool_]:
        positions = [int(one) for one in self.booster.attr(_SEEN).split(",")]
        return np.isin(np.arange(len(CAUSES)), positions)


def _softmax(margins: NDArray[np.floating]) -> Float32:
    """Over the last axis, in XGBoost's precision: as it answers, but for the last bit of one exponential in 500."""
    away = (margins - margins.max(axis=-1, keepdims=True)).astype(np.float64)
    exponential = np.ascontiguousarray(np.exp(away).astype(np.float32))
    return exponential / exponential.sum(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)


def fit_causes(
    inputs: Inputs,
    days: Float64,
    observed_days: Float64,
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    cause: NDArray[np.int8],
    seed: int,
    settings: TreeSettings | None = None,
) -> CauseShares:
    """Fit on examples of the training fold; those that were seen to be decided, by a known cause, teach something.

    Parameters
    ----------
    days, observed_days: (n,) as in `person_periods`.
    weight, slices: as in `fit_xgboost`.
    cause: (n,) 1 + position in CAUSES, 0 if not decided.

    Raises InputError if either slice has no decided row, or for infinities.
    """
    settings = settings or SHARE_TREES
    periods = person_periods(days, observed_days)
    told = periods.decided & (cause[periods.example] > 0)
    example, bin_ = periods.example[told], periods.bin[told]
    rows = append_bin(inputs.take(example), bin_)
    checked_features(rows, rows.names)
    own = slices.take(example)
    _check_decided(own)
    label = cause[example] - 1
    parameters = _parameters(settings, seed=seed, features=len(rows.names))

    def matrix(chosen: Any) -> xgboost.DMatrix:
        return xgboost.DMatrix(
            rows.features[chosen], label[chosen], weight=weight[example[chosen]], feature_names=list(rows.names)
        )

    rounds = _rounds(parameters, matrix(own.earlier), matrix(own.later), settings)
    booster = xgboost.train(parameters, matrix(slice(None)), rounds)
    booster.set_attr(**{_SEEN: ",".join(str(one) for one in np.unique(label))})
    return CauseShares(booster)


def _parameters(settings: TreeSettings, *, seed: int, features: int) -> dict[str, Any]:
    binary = settings.parameters(seed=seed, monotone=[0] * features)
    del binary["monotone_constraints"]
    return binary | {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": len(CAUSES)}


def _rounds(
    parameters: dict[str, Any], earlier: xgboost.DMatrix, later: xgboost.DMatrix, settings: TreeSettings
) -> int:
    """How many rounds make the log loss on the later leads least."""
    booster = xgboost.train(
        parameters,
        earlier,
        settings.max_trees,
        evals=[(later, "later")],
        early_stopping_rounds=settings.patience,
        verbose_eval=False,
    )
    return int(booster.best_iteration) + 1


def _check_decided(slices: StoppingSlices) -> None:
    for part, rows in (("earlier", slices.earlier), ("later", slices.later)):
        if not rows.any():
            raise InputError(
                f"no deal of the {part} slice of the training rows was seen to be decided.",
                mend="Causes need decided deals; wait for more of them.",
            )
