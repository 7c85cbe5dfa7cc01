"""The trees of a fitted booster as `forest` asks them, read from what XGBoost and LightGBM write about themselves."""

import json
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray

from lintel.scoring.forest import Forest, Split, Tree, forest

_LEFT, _RIGHT = float("-inf"), float("inf")
_LARGEST = float(np.finfo(np.float32).max)


def xgboost_forest(booster: xgboost.Booster, *, bins: int = 1, bin_feature: int | None = None) -> Forest | None:
    """To the bit the margins of a binary or multi-class booster; parameters as of `forest`."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    trees = [_xgboost_tree(tree, 0) for tree in learner["gradient_booster"]["model"]["trees"]]
    return forest(trees, _start(learner), bins=bins, bin_feature=bin_feature)


def _start(learner: Mapping[str, Any]) -> NDArray[np.float32]:
    """What the trees are added to: of several classes it is written down, of two in a unit of its own."""
    base = json.loads(learner["learner_model_param"]["base_score"])
    if len(base) > 1:
        return np.array(base, np.float32)
    # XGBoost's own logarithm, whose last bit is no other's: asked for by trees that add nothing
    parameters = {"objective": learner["objective"]["name"], "base_score": base[0], "learning_rate": 0.0, "nthread": 1}
    row = np.zeros((1, 1), np.float32)
    flat = xgboost.train(parameters, xgboost.DMatrix(row, label=np.zeros(1)), 1)
    return np.asarray(flat.inplace_predict(row, predict_type="margin"), np.float32)


def _xgboost_tree(tree: Mapping[str, Any], node: int) -> Tree:
    """A row goes left below the condition; in a leaf that is its value."""
    condition, left = tree["split_conditions"][node], tree["left_children"][node]
    if left < 0:
        return float(condition)
    missing = _LEFT if tree["default_left"][node] else _RIGHT
    sides = (_xgboost_tree(tree, child) for child in (left, tree["right_children"][node]))
    return Split(tree["split_indices"][node], condition, missing, *sides)


def lightgbm_forest(booster: lightgbm.Booster, *, bins: int = 1, bin_feature: int | None = None) -> Forest | None:
    """To the bit the raw scores of a booster with one output; parameters as of `forest`."""
    trees = [_lightgbm_tree(one["tree_structure"]) for one in booster.dump_model()["tree_info"]]
    return forest(trees, np.zeros(1), bins=bins, bin_feature=bin_feature)


def _lightgbm_tree(node: Mapping[str, Any]) -> Tree:
    """A row goes left up to the threshold; what training never missed counts as 0 where it is missing."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    missing = {"None": 0.0, "NaN": _LEFT if node["default_left"] else _RIGHT}[node["missing_type"]]
    sides = (_lightgbm_tree(node[child]) for child in ("left_child", "right_child"))
    return Split(node["split_feature"], _next_float32(node["threshold"]), missing, *sides)


def _next_float32(value: float) -> float:
    """The least float32 above the value: what a float32 is at least if it is more than the value."""
    if value >= _LARGEST:
        return float("inf")
    near = np.float32(max(value, -_LARGEST))
    return float(near if near > value else np.nextafter(near, np.float32(np.inf)))
