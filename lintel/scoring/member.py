"""What every member of the ensemble can do, whatever it is made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.inputs import Inputs

Float64 = NDArray[np.float64]

SEQUENCE, BIAS = -2, -1
"""Columns of contributions after the features: the order and pace of events, and what all leads share."""


class Member(Protocol):
    """A fitted model of one dimension that reads the features `names`, in that order.

    Equal inputs give equal answers, alone or in a batch. Nothing is saved as pickle.
    """

    @property
    def kind(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds before calibration, (n,). Raises InputError for other columns or infinities."""
        ...

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) in the margin, to which each row sums: the features, the sequence, the bias."""
        ...

    def save(self, path: Path) -> None: ...


class TimingMember(Member, Protocol):
    """A member whose margin is that of "decided within the horizon", read off its own curve."""

    def cumulative(self, inputs: Inputs) -> Float64:
        """P(decided <= edge), (n, BINS), at the upper edges of `hazard.EDGES_DAYS`; non-decreasing along a row."""
        ...


MemberT_co = TypeVar("MemberT_co", bound=Member, covariant=True)


@dataclass(frozen=True, slots=True)
class Fit(Generic[MemberT_co]):
    """`member` learnt from all training rows, `early` from `StoppingSlices.earlier` alone: what it says of the rows
    of `later` is out of time, and members are stacked by it."""

    member: MemberT_co
    early: MemberT_co


def without_sequence(shares: Float64) -> Float64:
    """Shares (n, F + 2) of a member that reads features alone, from its (n, F + 1) with the bias last."""
    return np.insert(shares, SEQUENCE + shares.shape[1] + 1, 0.0, axis=1)
