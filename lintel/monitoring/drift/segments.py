"""Which part of the rows explains that a column has moved: the one without which it would have moved least."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.monitoring.drift.comparison import js_distance

Float64 = NDArray[np.float64]

LARGEST = 0.9
"""Share of the rows above which a segment is nearly everything, and explains nothing."""
EXPLAINED = 0.5
"""Of the distance that is left without the segment, at most."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows with one value of a property, their share, and the distance of the column with and without them."""

    by: str
    value: str
    share: float
    distance: float
    without: float


def explaining(
    before: Float64, codes: NDArray[np.intp], weight: Float64, properties: Mapping[str, NDArray[np.str_]]
) -> Segment | None:
    """The segment without which a column lies nearest to its reference; None if none explains half of the distance.

    Parameters
    ----------
    before: (K,) shares of the reference's rows in the bins.
    codes: (n,) the bin of each current row; `weight`, (n,), its weight.
    properties: of each current row, (n,), by name: its channel, its source, its month.
    """
    found = [one for by, values in properties.items() if (one := _best(by, before, codes, weight, values))]
    best = min(found, key=lambda one: one.without, default=None)
    return best if best and best.without <= EXPLAINED * best.distance else None


def _best(
    by: str, before: Float64, codes: NDArray[np.intp], weight: Float64, values: NDArray[np.str_]
) -> Segment | None:
    names, segment = np.unique(values, return_inverse=True)
    counts = np.bincount(segment * len(before) + codes, weight, len(names) * len(before)).reshape(len(names), -1)
    total = counts.sum(axis=0)
    share = counts.sum(axis=1) / total.sum()
    left = [(js_distance(before, _normal(total - counts[one])), one) for one in np.flatnonzero(share <= LARGEST)]
    if not left:
        return None
    without, one = min(left)
    return Segment(by, str(names[one]), float(share[one]), js_distance(before, _normal(total)), without)


def _normal(counts: Float64) -> Float64:
    return np.maximum(counts, 0.0) / counts.sum()
