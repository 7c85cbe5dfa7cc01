"""A piecewise-linear encoding of features, on which a linear model is a sum of one curve a feature.

Between the quantiles of a feature each piece runs from 0 to 1 (Gorishniy et al. 2022, "On embeddings for numerical
features in tabular deep learning", NeurIPS). Values beyond the outer quantiles are as those at them, so that no
extreme value is carried further than the data went. A missing value has no pieces, but an indicator of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """Up to T pieces of each of F features: where each starts, and how wide it is; infinite for one that is not."""

    start: Float64  # (F, T)
    width: Float64  # (F, T) > 0

    @property
    def pieces(self) -> int:
        return int(self.start.shape[1])

    def encode(self, features: Float32) -> Float64:
        """(T + 1, n, F): each piece in [0, 1], and last the indicator of a missing value."""
        missing = np.isnan(features)
        known = np.where(missing, 0.0, features)
        encoded = np.empty((self.pieces + 1, *features.shape))
        for piece in range(self.pieces):
            share = (known - self.start[:, piece]) / self.width[:, piece]
            encoded[piece] = np.where(missing, 0.0, np.minimum(np.maximum(share, 0.0), 1.0))
        encoded[-1] = missing
        return encoded


def fit_pieces(features: Float32, *, pieces: int) -> PiecewiseLinear:
    """Pieces between the quantiles of each feature (n, F); equal quantiles give fewer."""
    count = features.shape[1]
    start, width = np.zeros((count, pieces)), np.full((count, pieces), np.inf)
    for column in range(count):
        known = features[~np.isnan(features[:, column]), column].astype(np.float64)
        edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, pieces + 1))) if len(known) else np.zeros(1)
        start[column, : len(edges) - 1] = edges[:-1]
        width[column, : len(edges) - 1] = np.diff(edges)
    return PiecewiseLinear(start, width)
