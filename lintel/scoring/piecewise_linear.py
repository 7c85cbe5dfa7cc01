"""A piecewise-linear encoding of features, on which a linear model is a sum of one curve a feature.

Between the quantiles of a feature each piece runs from 0 to 1 (Gorishniy et al. 2022, "On embeddings for numerical
features in tabular deep learning", NeurIPS). Values beyond the outer quantiles are as those at them, so that no
extreme value is carried further than the data went. A missing value has no pieces, but an indicator of its own.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
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

    def locate(self, features: Float32) -> tuple[Index, Float64]:
        """The piece that each value lies in, and how far it is through it, 0 to 1; both (n, F).

        All pieces before it are 1 in `encode`, and all after it 0. A missing value is all through piece T.
        """
        known = features.astype(np.float64)
        piece = (known >= self._later_starts).sum(axis=0, dtype=np.intp)
        cell = piece * len(self.start) + np.arange(len(self.start))
        share = (known - self._flat_start[cell]) / self._flat_width[cell]
        missing = np.isnan(features)
        piece[missing], share[missing] = self.pieces, 1.0
        return piece, np.minimum(np.maximum(share, 0.0), 1.0)

    @cached_property
    def _later_starts(self) -> Float64:
        """(T - 1, 1, F) where all pieces but the first start; infinite for those that are not."""
        starts = np.where(np.isinf(self.width), np.inf, self.start)
        return np.ascontiguousarray(starts[:, 1:].T[:, None])

    @cached_property
    def _flat_start(self) -> Float64:
        """(T F,) by piece, then by feature."""
        return self.start.T.ravel()

    @cached_property
    def _flat_width(self) -> Float64:
        return self.width.T.ravel()


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
