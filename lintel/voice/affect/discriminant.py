"""Linear discriminant analysis with a shrunk covariance: few clips, many columns that move together.

On some thousand clips of 1,024 columns it did better on held-out speakers than logistic regression at its best penalty,
in a sixth of the time (Ledoit & Wolf 2004 on why shrinking helps).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.voice.understanding.logistic import Floats

_TEMPERATURES = np.geomspace(0.5, 64, 57)


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Linear in standardised vectors. mean and spread (columns,), weights (columns, kinds), bias (kinds,)."""

    mean: Floats
    spread: Floats
    weights: Floats
    bias: Floats

    def logits(self, vectors: Floats) -> Floats:
        """Shape (rows, kinds); minus infinity for kinds that training lacked."""
        result: Floats = (vectors - self.mean) / self.spread @ self.weights + self.bias
        return result


def fits(vectors: Floats, classes: NDArray[np.int64], kinds: int, shrinkages: Sequence[float]) -> list[Discriminant]:
    """One for each shrinkage, in 0..1: the share of the covariance within classes that gives way to a sphere of the
    same size. Each class weighs alike, however many rows it has."""
    mean, spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)
    rows = (vectors - mean) / spread
    there = np.unique(classes)
    centres, within = np.zeros((kinds, rows.shape[1])), np.zeros((rows.shape[1], rows.shape[1]))
    for kind in there:
        own = rows[classes == kind]
        centres[kind] = own.mean(axis=0)
        apart = own - centres[kind]
        within += apart.T @ apart / (len(own) * len(there))
    absent = np.where(np.isin(np.arange(kinds), there), 0.0, -np.inf)
    found = []
    for shrinkage in shrinkages:
        weights: Floats = np.linalg.solve(_shrunk(within, shrinkage), centres.T).astype(np.float64)
        found.append(Discriminant(mean, spread, weights, -0.5 * np.sum(centres.T * weights, axis=0) + absent))
    return found


def temperature(logits: Floats, classes: NDArray[np.int64]) -> float:
    """What logits of held-out rows are to be divided by for the least log loss (Guo et al. 2017): with as many columns
    as rows a discriminant is far too sure of itself."""
    known = np.isfinite(logits[np.arange(len(classes)), classes])
    shifted = (logits - logits.max(axis=1, keepdims=True))[known]
    right = shifted[np.arange(len(shifted)), classes[known]]

    def loss(divisor: float) -> float:
        return float(np.sum(np.log(np.exp(shifted / divisor).sum(axis=1)) - right / divisor))

    return min(_TEMPERATURES.tolist(), key=loss)


def _shrunk(covariance: Floats, shrinkage: float) -> Floats:
    """A little of the sphere always stays, so that it can be inverted."""
    size = max(float(np.trace(covariance)) / len(covariance), 1e-9)
    shrunk: Floats = (1 - shrinkage) * covariance
    shrunk[np.diag_indices_from(shrunk)] += max(shrinkage, 1e-6) * size
    return shrunk
