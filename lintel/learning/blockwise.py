"""How well rows are ranked inside each block of time: a pooled AUC rewards whoever knows which block has more yes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Gain:
    """Difference of two mean AUCs and its 95 % interval; `won` counts the blocks in which ours is the larger."""

    mean: float
    low: float
    high: float
    won: int


def judged_blocks(positive: Bool, blocks: Sequence[Rows], *, least: int) -> list[Rows]:
    """The blocks with at least `least` rows of either outcome: in others an AUC is mostly noise."""
    yes = [int(positive[rows].sum()) for rows in blocks]
    return [rows for rows, count in zip(blocks, yes, strict=True) if min(count, len(rows) - count) >= least]


def block_areas(positive: Bool, probability: Float64, blocks: Sequence[Rows]) -> Float64:
    """AUC inside each block, (b,)."""
    whole = (np.ones((1, len(rows))) for rows in blocks)
    found = (areas(positive[rows], probability[rows], one) for rows, one in zip(blocks, whole, strict=True))
    return np.array([one[0] for one in found])


def gain(
    positive: Bool, ours: Float64, theirs: Float64, blocks: Sequence[Rows], *, seed: int, draws: int = 300
) -> Gain:
    """Gain in the mean AUC a block, every block counting the same, with a paired percentile bootstrap of its rows.

    Resampled are the rows inside each block, for both forecasters alike: the interval speaks about these blocks.
    """
    observed = block_areas(positive, ours, blocks) - block_areas(positive, theirs, blocks)
    random = np.random.default_rng(seed)
    drawn = np.zeros(draws)
    for rows in blocks:
        size = len(rows)
        count = np.stack([np.bincount(random.integers(0, size, size), minlength=size) for _ in range(draws)])
        drawn += areas(positive[rows], ours[rows], count) - areas(positive[rows], theirs[rows], count)
    low, high = np.nanquantile(drawn / len(blocks), (0.025, 0.975))
    return Gain(float(observed.mean()), float(low), float(high), int((observed > 0).sum()))


def areas(outcome: Bool, probability: Float64, weight: NDArray[np.int64] | Float64) -> Float64:
    """AUC of n rows under each of d weightings (d, n), ties counting half, (d,); NaN without both outcomes."""
    order = np.argsort(probability, kind="stable")
    ties = np.flatnonzero(np.diff(probability[order], prepend=-np.inf))
    yes, no = (np.add.reduceat((weight * one)[:, order], ties, axis=1) for one in (outcome, ~outcome))
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    won = (yes * (np.cumsum(no, axis=1) - no / 2.0)).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(weight), np.nan), where=pairs > 0)
