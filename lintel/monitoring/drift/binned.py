"""How rows are spread over bins, and how sure that is when rows of one lead are not independent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.monitoring.drift.bins import Bins, Float32

Float64 = NDArray[np.float64]
Rows = NDArray[np.intp]
Number = TypeVar("Number", bound=np.generic)

LEADS_AT_A_TIME = 20_000
"""Leads whose rows are counted at once: as many fit into a processor's cache with their bins."""


@dataclass(frozen=True, slots=True, eq=False)
class BinnedSample:
    """Weighted shares of C columns' rows in K bins, and the covariance of these shares over draws of leads.

    Columns with fewer bins have nothing in the last ones. `support` is how many leads of equal weight would tell as
    much as these (Kish 1965, "Survey Sampling").
    """

    share: Float64  # (C, K)
    covariance: Float64  # (C, K, K)
    leads: Float64  # (C,) those with a row
    support: Float64  # (C,)

    def __len__(self) -> int:
        return len(self.share)

    def take(self, columns: Sequence[int]) -> "BinnedSample":
        """Some columns, in that order."""
        place = np.array(columns, np.intp)
        return BinnedSample(*(getattr(self, part.name)[place] for part in fields(self)))

    def widened(self, width: int) -> "BinnedSample":
        """With further bins, in which there is nothing."""
        more = (0, width - self.share.shape[1])
        covariance = np.pad(self.covariance, [(0, 0), more, more])
        return replace(self, share=np.pad(self.share, [(0, 0), more]), covariance=covariance)


class Clusters:
    """n rows by the lead that each belongs to, prepared once for all columns.

    Raises InputError where there are fewer than two leads, or weights that are no positive numbers.
    """

    def __init__(self, lead: NDArray[np.integer], weight: Float64 | None = None) -> None:
        self._order = None if np.all(lead[1:] >= lead[:-1]) else np.argsort(lead, kind="stable")
        lead = lead if self._order is None else lead[self._order]
        self._weight = np.ones(len(lead)) if weight is None else self._sorted(np.asarray(weight, np.float64))
        begins = np.diff(lead, prepend=lead[:1] - 1) != 0
        self._code, self._start = np.cumsum(begins) - 1, np.flatnonzero(begins)
        if len(self) < 2 or not np.all(self._weight > 0):
            raise InputError(
                f"{len(lead)} rows of {len(self)} leads cannot be compared.",
                mend="Two leads are the least, and weights are positive.",
            )
        self.mass = np.add.reduceat(self._weight, self._start)

    def __len__(self) -> int:
        """Leads."""
        return len(self._start)

    @property
    def support(self) -> float:
        return float(self.mass.sum() ** 2 / (self.mass @ self.mass))

    def _sorted(self, values: NDArray[Number]) -> NDArray[Number]:
        """Values of rows in the order of leads."""
        return values if self._order is None else values[self._order]

    def shares(self, codes: Rows, width: int) -> tuple[Float64, Float64]:
        """Shares (K,) of rows in bins and their covariance (K, K), by linearisation with the lead as the unit.

        Binder (1983), "On the variances of asymptotically normal estimators from complex surveys", Int. Stat. Rev. 51.
        """
        codes, total = self._sorted(codes), self.mass.sum()
        share = np.bincount(codes, self._weight, width) / total
        products, crossed = self._products(codes, width)
        spread = np.outer(share, crossed)
        centred = products - spread - spread.T + np.outer(share, share) * (self.mass @ self.mass)
        return share, centred * (len(self) / (len(self) - 1.0) / total**2)

    def _products(self, codes: Rows, width: int) -> tuple[Float64, Float64]:
        """Sum over leads of c cᵀ (K, K), and of c times the lead's mass (K,), where c is a lead's mass by bin."""
        if len(self) == len(codes):
            squares = np.bincount(codes, self._weight**2, width).astype(np.float64)
            return np.diag(squares), squares
        products, crossed = np.zeros((width, width)), np.zeros(width)
        for first in range(0, len(self), LEADS_AT_A_TIME):
            last = min(first + LEADS_AT_A_TIME, len(self))
            rows = slice(self._start[first], self._start[last] if last < len(self) else None)
            place = (self._code[rows] - first) * width + codes[rows]
            counts = np.bincount(place, self._weight[rows], (last - first) * width).reshape(-1, width)
            products += counts.T @ counts
            crossed += self.mass[first:last] @ counts
        return products, crossed


def binned(
    bins: Bins, columns: Iterable[Float32], lead: NDArray[np.integer], weight: Float64 | None = None
) -> BinnedSample:
    """Rows of C columns in their bins; the columns are read one after another, so that they may be streamed.

    Parameters
    ----------
    columns: one array (n,) a name of `bins`, in that order, NaN where missing.
    lead: whose row each is, (n,), any integers: rows of one lead count as one draw.
    weight: of each row, (n,), positive; 1 by default.
    """
    clusters = Clusters(lead, weight)
    found = [clusters.shares(bins.codes(column, values), bins.width) for column, values in enumerate(columns)]
    if len(found) != len(bins.names):
        raise InputError(f"{len(found)} columns were given for {len(bins.names)} names.")
    size = len(found)
    return BinnedSample(
        share=np.array([share for share, _ in found]).reshape(size, bins.width),
        covariance=np.array([one for _, one in found]).reshape(size, bins.width, bins.width),
        leads=np.full(size, float(len(clusters))),
        support=np.full(size, clusters.support),
    )


def joined(samples: Sequence[BinnedSample]) -> BinnedSample:
    """The columns of several samples as those of one; they need not have the same rows or number of bins."""
    if not samples:
        return BinnedSample(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros(0))
    width = max(one.share.shape[1] for one in samples)
    wide = [one.widened(width) for one in samples]
    parts = ([getattr(one, part.name) for one in wide] for part in fields(BinnedSample))
    return BinnedSample(*(np.concatenate(some) for some in parts))
