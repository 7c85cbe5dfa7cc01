"""When to stop learning: which training rows decide it, later leads that the other rows know nothing of, and how."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

LATER_SHARE = 0.2
TYPICAL_STEPS = 7.5
"""Number of trees x learning rate that suits most data at hand (docs/decisions/0005)."""


@dataclass(frozen=True, slots=True)
class StoppingSlices:
    """Two disjoint sets of the n training rows, (n,) each; rows in neither are learnt from at the end.

    `later` are the rows of the leads that came last, `earlier` those of other leads from before the first of them. If
    a lead had rows on both sides, its outcome would be known to the trees, and more of them would always look better.
    """

    earlier: Mask
    later: Mask

    def take(self, rows: NDArray[np.intp]) -> "StoppingSlices":
        return StoppingSlices(self.earlier[rows], self.later[rows])


def stopping_slices(
    lead: NDArray[np.int32], as_of: NDArray[np.int64], *, later_share: float = LATER_SHARE
) -> StoppingSlices:
    """Slices of n training rows by lead and as-of time; `later_share` of the leads come last."""
    if not len(lead):
        return StoppingSlices(np.zeros(0, bool), np.zeros(0, bool))
    leads, position = np.unique(lead, return_inverse=True)
    first = np.full(len(leads), np.iinfo(np.int64).max)
    np.minimum.at(first, position, as_of)
    border = np.quantile(first, 1.0 - later_share)
    later = first[position] > border
    return StoppingSlices(~later & (as_of <= border), later)


def number_of_trees(found: int, *, grown: int, learning_rate: float) -> int:
    """How many of `grown` trees to keep, if `found` of them have the least log loss on the later rows.

    Half-way, as a ratio, from there to what is typical: the least loss of some hundred leads is found at a number that
    chance scatters by a factor of two, and too low, since the earlier rows are fewer than all.
    """
    typical = TYPICAL_STEPS / learning_rate
    return min(max(round(np.sqrt(found * typical)), 1), grown)


def check_outcomes(positive: NDArray[np.bool_], slices: StoppingSlices) -> None:
    """Raise InputError unless both slices have both outcomes."""
    for part, rows in (("earlier", positive[slices.earlier]), ("later", positive[slices.later])):
        if rows.all() or not rows.any():
            raise InputError(
                f"the {part} slice of the training rows has {int(rows.sum())} positives among {len(rows)} rows.",
                mend="A model needs both outcomes; wait for more mature outcomes.",
            )


def mean_one(weight: NDArray[np.float32] | Float64) -> Float64:
    """Weights (n,) in units of a row, in which the least weight of a leaf is set. Raises InputError if all are 0."""
    mean = float(np.mean(weight, dtype=np.float64))
    if mean <= 0:
        raise InputError("the training rows have no weight.", mend="Give rows that may be asked for a weight above 0.")
    return np.asarray(weight / mean, np.float64)
