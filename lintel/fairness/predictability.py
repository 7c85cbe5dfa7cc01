"""How well a protected group can be told from columns of numbers, on leads that the model has not seen.

Small gradient-boosted trees (XGBoost) predict the group; a lead is in one fold with all its rows, and folds hold the
same share of each group. The figure is the AUC of group against rest, in which every lead counts once.
"""

from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How an audit's model is grown and how often chance is asked."""

    folds: int = 5
    trees: int = 40
    learning_rate: float = 0.15
    max_depth: int = 3
    min_child_weight: float = 5.0
    colsample_bytree: float = 0.5
    max_bin: int = 64
    permutations: int = 39
    draws: int = 200  # bootstrap samples of leads
    level: float = 0.95
    threads: int = 1  # on rows this few a second one costs more than it brings

    def parameters(self, seed: int) -> dict[str, object]:
        """As XGBoost names them."""
        return {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "colsample_bytree": self.colsample_bytree,
            "subsample": 0.8,
            "max_bin": self.max_bin,
            "base_score": 0.5,  # of no account: the AUC reads the order alone
            "nthread": self.threads,
            "seed": seed,
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of n rows of leads that it has not seen, and where it found it."""

    margin: Float64  # (n,) log-odds of the group
    gain: Float64  # (F,) share of each column in the gain of all splits, mean over folds; adds up to 1, or to 0


class GroupPredictor:
    """Out-of-fold predictions from one matrix, for as many groupings as are asked for.

    Parameters
    ----------
    features: (n, F), NaN where missing.
    fold: (n,) of each row; all rows of a lead in one.
    weight: (n,) rows' weights, mean about 1.
    """

    def __init__(self, features: Float32, fold: Int64, weight: Float64, *, seed: int, settings: AuditSettings) -> None:
        self._features, self._fold, self._weight = features, fold, weight
        self._parameters, self._trees = settings.parameters(seed), settings.trees
        self._train = {
            one: xgboost.QuantileDMatrix(
                features[fold != one], weight=weight[fold != one], max_bin=settings.max_bin, nthread=settings.threads
            )
            for one in np.unique(fold).tolist()
        }

    def predict(self, member: Bool) -> Prediction:
        """Whether each row is of the group, `member` (n,), told from the other folds."""
        margin, gain = np.zeros(len(member)), np.zeros(self._features.shape[1])
        for one, matrix in self._train.items():
            held = self._fold == one
            matrix.set_info(label=member[~held])
            booster = xgboost.train(self._parameters, matrix, self._trees)
            margin[held] = booster.inplace_predict(self._features[held], predict_type="margin")
            gain += _gain(booster, len(gain))
        return Prediction(margin, gain / max(gain.sum(), 1e-12))


def lead_folds(lead: NDArray[np.int32], group: Int64, folds: int, *, seed: int) -> Int64:
    """(n,) fold of each row: leads of each group are shuffled and dealt out in turn. A lead's rows have one group."""
    leads, first, position = np.unique(lead, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(leads))
    by_group = shuffled[np.argsort(group[first][shuffled], kind="stable")]
    fold = np.empty(len(leads), np.int64)
    fold[by_group] = np.arange(len(leads)) % folds
    return fold[position]


def permuted(group: Int64, lead: NDArray[np.int32], fold: Int64, random: np.random.Generator) -> Int64:
    """(n,) groups handed around among the leads of each fold, which leaves the folds' shares as they are."""
    _, first, position = np.unique(lead, return_index=True, return_inverse=True)
    own, place = group[first].copy(), fold[first]
    for one in np.unique(place):
        there = np.flatnonzero(place == one)
        own[there] = own[random.permutation(there)]
    return own[position]


def lead_weight(lead: NDArray[np.int32]) -> Float64:
    """(n,) weights with which every lead counts once, mean 1."""
    leads, position, count = np.unique(lead, return_inverse=True, return_counts=True)
    return len(lead) / len(leads) / count[position]


def _gain(booster: xgboost.Booster, columns: int) -> Float64:
    """(F,) total gain by column; its names are f0, f1, ..."""
    found = np.zeros(columns)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        found[int(name[1:])] = gain
    return found
