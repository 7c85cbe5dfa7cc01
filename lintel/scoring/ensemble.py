"""The members of one dimension: what each says, and whose share is what in the stack of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from lintel.scoring.inputs import Inputs, positions
from lintel.scoring.member import BIAS, SEQUENCE, Member, TimingMember
from lintel.scoring.network import encoded
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.stacking import Stack
from lintel.scoring.timing_curve import bins_within

Float64 = NDArray[np.float64]

_LEAST = 1e-12
"""Curves are kept this far from 0 and 1 where their log-odds are taken."""


@dataclass(frozen=True)
class Ensemble:
    """M members, at least one. They read inputs with all features of the catalogue, `names`, and each those that it
    knows. What the network's heads read of the events is encoded here, unless the inputs bring it along."""

    members: tuple[Member, ...]
    names: tuple[str, ...]
    encoder: Encoder | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(member.kind for member in self.members)

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """Positions of the features that any member reads, ascending."""
        return np.unique(np.concatenate(self._columns))

    def margins(self, inputs: Inputs) -> Float64:
        """Log-odds of every member, (n, M)."""
        inputs = self.read(inputs)
        return np.stack([member.margin(inputs.read(member.names)) for member in self.members], axis=1)

    def curves(self, inputs: Inputs) -> Float64 | None:
        """Every member's log-odds of "decided by the edge", (n, BINS, M); None unless each has a curve."""
        if not _all_timing(self.members):
            return None
        inputs = self.read(inputs)
        return np.stack([_log_odds(one.cumulative(inputs.read(one.names))) for one in self.members], axis=2)

    def contributions(self, inputs: Inputs, stack: Stack) -> Float64:
        """Shares (n, F + 2) in the stacked log-odds, to which each row sums; columns as in `member`."""
        inputs, shares = self.read(inputs), np.zeros((len(inputs), len(self.names) + 2))
        for member, columns, weight in zip(self.members, self._columns, stack.weights.tolist(), strict=True):
            own = weight * member.contributions(inputs.read(member.names))
            shares[:, columns] += own[:, :SEQUENCE]
            shares[:, SEQUENCE:] += own[:, SEQUENCE:]
        shares[:, BIAS] += stack.intercept
        return shares

    def read(self, inputs: Inputs) -> Inputs:
        """The inputs with the encoding of their events, if some member reads it."""
        if self.encoder is None or inputs.encoding is not None or "network" not in self.kinds:
            return inputs
        return encoded(self.encoder, inputs)

    @cached_property
    def _columns(self) -> tuple[NDArray[np.intp], ...]:
        return tuple(columns_of(member, self.names) for member in self.members)


def margins_at(curves: Float64, horizon_days: float) -> Float64:
    """Every member's margin, (n, M), read off its curve (n, BINS, M) at the horizon."""
    return curves[:, bins_within(horizon_days) - 1]


class Reader(Protocol):
    """Whatever reads features by name."""

    @property
    def names(self) -> tuple[str, ...]: ...


def columns_of(reader: Reader, names: Sequence[str]) -> NDArray[np.intp]:
    """Positions among the catalogue's `names` of the features that `reader` reads.

    Raises IncompatibleError if one is not there.
    """
    return positions(tuple(reader.names), tuple(names))


def _all_timing(members: tuple[Member, ...]) -> TypeGuard[tuple[TimingMember, ...]]:
    return all(hasattr(member, "cumulative") for member in members)


def _log_odds(probability: Float64) -> Float64:
    return logit(np.clip(probability, _LEAST, 1.0 - _LEAST))
