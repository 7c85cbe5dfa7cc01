"""Evaluation in the order of time: every block is forecast by a model that has only seen what was known before it.

Dawid (1984), "Present position and potential developments: the prequential approach", J. R. Stat. Soc. A 147, 278-292;
Gama, Sebastião, Rodrigues (2013), "On evaluating stream learning algorithms", Machine Learning 90, 317-346.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lintel.learning.cumulative_sum import CumulativeSum

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]
Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Stream:
    """n rows in order of time, their outcomes, and the block of each, (n,) both; block numbers never fall.

    Rows from `begin` on are forecast; the first model learns from those before it, whose outcomes are known. Those of
    a later block are known when `delay` further blocks have passed: with 0 as soon as the next one begins.
    """

    positive: NDArray[np.bool_]
    block: NDArray[np.int32]
    begin: int
    delay: int = 0

    def blocks(self) -> list[int]:
        """Numbers of the blocks that are forecast, in order."""
        return [int(one) for one in np.unique(self.block[self.begin :])]

    def rows(self, block: int) -> Rows:
        """The rows of a block that are forecast."""
        first, last = np.searchsorted(self.block, (block, block + 1))
        return np.arange(max(int(first), self.begin), last)

    def known(self, block: int) -> int:
        """How many rows, from the first on, have an outcome that is known when a block begins."""
        return max(self.begin, int(np.searchsorted(self.block, block - self.delay)))


@dataclass(frozen=True, slots=True)
class Matured:
    """What the present model forecast and what became of it, as far as it is known by now, (m,) each."""

    outcome: NDArray[np.bool_]
    probability: Float64


Policy = Callable[[Matured], bool]
"""Whether to learn anew now that there is more to learn from."""


@dataclass(frozen=True, slots=True)
class Course:
    """What was forecast of each row, (n,), NaN before `begin`, and in which blocks a new model was made."""

    probability: Float64
    learnt: tuple[int, ...]


def never(_: Matured) -> bool:
    """The frozen model."""
    return False


def always(_: Matured) -> bool:
    """A new model for every block."""
    return True


def on_alarm(test: CumulativeSum) -> Policy:
    """A new model when outcomes do not keep what the present one promised."""
    return lambda matured: test.alarm(matured.outcome, matured.probability) is not None


def prequential(
    stream: Stream,
    policy: Policy,
    learn: Callable[[Rows, Model | None], Model],
    forecast: Callable[[Model, Rows], Float64],
) -> Course:
    """Forecast block after block, learning anew where there are new outcomes and the policy says so.

    Parameters
    ----------
    learn: a model from the rows whose outcome is known, oldest first, and the model before it (None at first).
    forecast: probabilities of rows.
    """
    model = learn(np.arange(stream.begin), None)
    probability = np.full(len(stream.block), np.nan)
    since = learnt_from = stream.begin  # the first row that the present model forecast; how many rows it learnt from
    learnt = []
    for block in stream.blocks():
        rows, known = stream.rows(block), stream.known(block)
        matured = Matured(stream.positive[since:known], probability[since:known])
        if known > learnt_from and policy(matured):
            model, since, learnt_from = learn(np.arange(known), model), int(rows[0]), known
            learnt.append(block)
        probability[rows] = forecast(model, rows)
    return Course(probability, tuple(learnt))
