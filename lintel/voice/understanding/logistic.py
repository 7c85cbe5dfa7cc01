"""Multinomial logistic regression on dense and sparse columns side by side, by L-BFGS."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """dense (columns, classes), sparse (columns, classes), bias (classes,)."""

    dense: Floats
    sparse: Floats
    bias: Floats

    def probabilities(self, dense: NDArray[Any], sparse: Any) -> Floats:
        """Shape (rows, classes), rows sum to 1."""
        return softmax(dense @ self.dense + sparse @ self.sparse + self.bias)


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit(
    dense: NDArray[Any],
    sparse: Any,
    classes: NDArray[np.int64],
    *,
    penalty: float,
    kinds: int | None = None,
    row_weights: Floats | None = None,
    iterations: int = 200,
) -> Weights:
    """Weights that minimise the weighted log loss summed over rows plus penalty / 2 times the squared weights (not the
    bias's). `classes` holds 0 .. K-1, K being `kinds` or the classes that occur. Deterministic: it starts at 0."""
    from scipy.optimize import minimize  # noqa: PLC0415

    kinds = kinds or int(classes.max()) + 1
    columns, hashed = dense.shape[1], sparse.shape[1]
    weights = np.ones(len(classes)) if row_weights is None else row_weights
    truth = np.eye(kinds)[classes]
    dense = np.asarray(dense, np.float64)
    transposed = sparse.T.tocsr()

    def split(flat: Floats) -> Weights:
        table = flat.reshape(-1, kinds)
        return Weights(table[:columns], table[columns : columns + hashed], table[-1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        now = split(flat)
        probabilities = now.probabilities(dense, sparse)
        error = (probabilities - truth) * weights[:, None]
        surprise = -np.log(np.maximum(probabilities[np.arange(len(classes)), classes], 1e-300))
        gradient = np.vstack(
            [dense.T @ error + penalty * now.dense, transposed @ error + penalty * now.sparse, error.sum(0)[None]]
        )
        squares = float(np.sum(now.dense**2) + np.sum(now.sparse**2))
        return float(weights @ surprise) + penalty / 2 * squares, gradient.ravel()

    start = np.zeros((columns + hashed + 1) * kinds)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
    return split(found.x)
