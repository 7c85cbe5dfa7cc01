"""How each feature was distributed in training: what is typical, and beyond what the models have seen nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LEVELS = (0.0, 0.05, 0.5, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """Quantiles (len(LEVELS), F) over the training rows that have the feature, NaN if none has, and the share of
    rows that have it, (F,)."""

    quantiles: Float64
    present: Float64

    @property
    def median(self) -> Float64:
        return self.quantiles[LEVELS.index(0.5)]

    def out_of_range(self, features: Float32) -> NDArray[np.bool_]:
        """Values outside all that training saw, (n, F)."""
        with np.errstate(invalid="ignore"):
            return (features < self.quantiles[0]) | (features > self.quantiles[-1])

    def to_json(self) -> dict[str, Any]:
        quantiles = [[None if np.isnan(value) else value for value in row] for row in self.quantiles.tolist()]
        return {"levels": list(LEVELS), "quantiles": quantiles, "present": self.present.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeatureProfile":
        return cls(np.array(data["quantiles"], np.float64), np.array(data["present"], np.float64))


def feature_profile(features: Float32) -> FeatureProfile:
    """The profile of training rows (n, F)."""
    quantiles = np.full((len(LEVELS), features.shape[1]), np.nan)
    for position, column in enumerate(features.T):
        values = column[~np.isnan(column)]
        if len(values):
            quantiles[:, position] = np.quantile(values, LEVELS)
    return FeatureProfile(quantiles, 1.0 - np.isnan(features).mean(axis=0))
