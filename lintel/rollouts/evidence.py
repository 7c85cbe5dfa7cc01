"""What is known of a candidate beside the champion at one moment. Plain arrays; who gathers them and who judges them
meet here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arm:
    """What one of the two did since the step began.

    `asked`: leads that it should have answered. `failed`: those that something lesser answered instead, or nothing.
    `compute_ms`: (n,) of its answers, cached ones left out.
    """

    asked: int = 0
    failed: int = 0
    compute_ms: Float64 = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Probabilities of both for the same leads as of the same moment, one row a lead, (n,) each."""

    candidate: Float64
    champion: Float64


@dataclass(frozen=True, slots=True)
class Matured:
    """Pairs whose outcome is known by now, since the rollout began, in the order in which they became known; a lead
    stands here once, with the first answer that it got. `outcome` is 0 or 1, (n,)."""

    candidate: Float64
    champion: Float64
    outcome: Float64


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a judgement may rest on. `pairs` and `matured` are by dimension. `candidate_loads` is False if any
    worker could not load the candidate or refused its golden request; `workers_on` of `workers` answer with it."""

    candidate: Arm
    champion: Arm
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    matured: Mapping[str, Matured] = field(default_factory=dict)
    candidate_loads: bool = True
    workers: int = 0
    workers_on: int = 0
