"""What is chosen before training: which kinds of member there are, and how each of them learns."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.network_settings import NetworkSettings
from lintel.scoring.xgboost_member import TreeSettings

KINDS = ("xgboost", "lightgbm", "network")
"""Of member, in the order in which they are stacked."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Settings by kind of member; None stands for the kind's own defaults, which differ between dimensions.

    `tuned` holds those of single dimensions, which go before the others.
    """

    kinds: tuple[str, ...] = KINDS
    trees: TreeSettings | None = None
    leaves: LeafSettings | None = None
    network: NetworkSettings | None = None  # one for all dimensions
    draws: int = 200  # of the bootstrap of stack and calibration
    tuned: Mapping[str, "Hyperparameters"] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 of all settings: with data, code and seed, what a bundle depends on."""
        return f"sha256:{sha256(repr(self).encode()).hexdigest()}"

    def of(self, dimension: str) -> "Hyperparameters":
        """Those of one dimension."""
        own = self.tuned.get(dimension)
        if own is None:
            return self
        return replace(self, trees=own.trees or self.trees, leaves=own.leaves or self.leaves)
