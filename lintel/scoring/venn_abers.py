"""Venn-Abers prediction: two probabilities of which one is calibrated, whatever the scores are worth.

A new row gets the score's isotonic fit twice, once as if it turned out no (p0) and once as if it turned out yes (p1);
the fit with the row's true outcome is calibrated if rows are exchangeable. Inductive Venn-Abers predictor: Vovk, Petej
(2012), "Venn-Abers predictors", UAI 2014.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError

Float64 = NDArray[np.float64]

BINS = 100


@dataclass(frozen=True, slots=True, eq=False)
class VennAbers:
    """p0 and p1 of K bins of the score: exact for the binned score, which is what the scores are here."""

    edges: Float64  # (K - 1,) a bin begins at its edge
    p0: Float64  # (K,) never falls
    p1: Float64  # (K,) never falls, >= p0

    def probabilities(self, score: Float64) -> tuple[Float64, Float64]:
        """p0 and p1 of scores, of their shape."""
        bin_ = np.searchsorted(self.edges, score, side="right")
        return self.p0[bin_], self.p1[bin_]

    def to_json(self) -> dict[str, Any]:
        return {"edges": self.edges.tolist(), "p0": self.p0.tolist(), "p1": self.p1.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "VennAbers":
        """Read what `to_json` wrote; every float comes back exactly."""
        return cls(*(np.array(content[name], float) for name in ("edges", "p0", "p1")))


def fit_venn_abers(
    score: Float64, outcome: NDArray[np.bool_], weight: Float64, lead: NDArray[np.int32], *, bins: int = BINS
) -> VennAbers:
    """Fit on rows that the score has not been learnt from, (n,) each, in at most `bins` bins of equally many rows.

    A new row weighs as much as one lead does in the mean, since that is as much as the rows of one lead tell.
    Raises InputError if there is no row.
    """
    if not len(score):
        raise InputError("Venn-Abers prediction needs outcomes; there is no row.", mend="Let more outcomes mature.")
    inner = np.unique(np.quantile(score, np.arange(1, bins) / bins, method="higher"))
    edges = inner[inner > score.min()]
    bin_ = np.searchsorted(edges, score, side="right")
    leads_worth = weight * (len(np.unique(lead)) / weight.sum())
    total: Float64 = np.bincount(bin_, leads_worth).astype(np.float64)
    yes: Float64 = np.bincount(bin_, leads_worth * outcome).astype(np.float64)
    return VennAbers(edges, _fits_with(yes, total, 0.0), _fits_with(yes, total, 1.0))


def _fits_with(yes: Float64, total: Float64, outcome: float) -> Float64:
    """The isotonic fit at each of K bins with one more row of weight 1 and that outcome in it.

    By the minimax formula, the highest over beginnings of the lowest over ends of the mean of the bins between them
    (Robertson, Wright, Dykstra 1988, "Order restricted statistical inference", theorem 1.4.4).
    """
    before_yes, before = np.concatenate(([0.0], np.cumsum(yes))), np.concatenate(([0.0], np.cumsum(total)))
    fits = np.empty(len(total))
    for own in range(len(total)):
        above = before_yes[None, own + 1 :] - before_yes[: own + 1, None] + outcome
        below = before[None, own + 1 :] - before[: own + 1, None] + 1.0
        fits[own] = (above / below).min(axis=1).max()
    return fits
