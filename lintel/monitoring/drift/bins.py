"""Bins of numeric columns: cut at quantiles, with values of their own mass and missing ones in bins of their own."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

QUANTILE_BINS = 10
"""Bins of a column without ties; one value gets its own bin if it has the share of one of these."""
MISSING = 0
"""The bin of absent values."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Of C columns the ascending cuts: bin k + 1 holds cuts[k - 1] <= x < cuts[k], bin 0 the missing values."""

    names: tuple[str, ...]
    cuts: tuple[Float32, ...]

    @property
    def width(self) -> int:
        """Bins of the column that has most of them."""
        return max((len(one) for one in self.cuts), default=0) + 2

    def codes(self, column: int, values: Float32) -> NDArray[np.intp]:
        """The bin of each value, (n,)."""
        found = self.cuts[column].searchsorted(values, side="right") + 1
        found[np.isnan(values)] = MISSING
        return found


def quantile_bins(names: Iterable[str], columns: Iterable[Float32], weight: Float64 | None = None) -> Bins:
    """Bins in which the rows of a reference are spread evenly, as far as ties allow.

    Parameters
    ----------
    columns: one array (n,) a name, NaN where missing.
    weight: of each row, (n,); 1 by default.
    """
    return Bins(tuple(names), tuple(_cuts(np.asarray(one, np.float32), weight) for one in columns))


def _cuts(values: Float32, weight: Float64 | None) -> Float32:
    present = ~np.isnan(values)
    if not present.any():
        return np.zeros(0, np.float32)
    distinct, share = _distinct(values[present], None if weight is None else weight[present])
    heavy = share >= 1.0 / QUANTILE_BINS
    points = distinct[heavy]
    after = np.nextafter(points, np.float32(np.inf))
    cuts = np.unique(np.concatenate((_even_cuts(distinct[~heavy], share[~heavy]), points, after)))
    return cuts[(cuts > distinct[0]) & (cuts <= np.nextafter(distinct[-1], np.float32(np.inf)))]


def _distinct(values: Float32, weight: Float64 | None) -> tuple[Float32, Float64]:
    """The distinct values, ascending, and the share of the weight that each has."""
    order = np.argsort(values, kind="stable")
    values, weight = values[order], np.ones(len(values)) if weight is None else weight[order]
    first = np.flatnonzero(np.diff(values, prepend=np.float32(np.nan)) != 0)
    mass = np.add.reduceat(weight, first)
    return values[first], mass / mass.sum()


def _even_cuts(distinct: Float32, share: Float64) -> Float32:
    """Cuts that divide values without mass of their own into parts of about the share of one quantile bin."""
    if not len(distinct):
        return distinct
    parts = int(np.ceil(QUANTILE_BINS * share.sum() - 1e-9))  # shares sum to 1 but for rounding
    levels = np.arange(1, parts) / parts * share.sum()
    return distinct[np.minimum(np.cumsum(share).searchsorted(levels), len(distinct) - 1)]
