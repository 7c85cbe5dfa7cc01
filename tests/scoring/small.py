"""Ensembles that are fitted in moments."""

from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.xgboost_member import TreeSettings


def small_ensemble(trees: int = 40, *, patience: int = 8) -> Hyperparameters:
    """Both kinds of trees, at most `trees` of each."""
    return Hyperparameters(
        kinds=("xgboost", "lightgbm"),
        trees=TreeSettings(
            max_trees=trees, patience=patience, learning_rate=0.15, min_child_weight=5, max_bin=32, threads=1
        ),
        leaves=LeafSettings(
            max_trees=trees, patience=patience, learning_rate=0.15, min_data_in_leaf=10, max_bin=31, threads=1
        ),
        draws=40,
    )
