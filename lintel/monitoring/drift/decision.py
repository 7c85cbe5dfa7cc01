"""Which columns have moved, and whether the model's tenant must be told: far enough, and not by chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.monitoring.drift.binned import BinnedSample
from lintel.monitoring.drift.comparison import Comparison, compare
from lintel.monitoring.drift.multiplicity import benjamini_yekutieli

Float64 = NDArray[np.float64]

FALSE_ALARM = 0.01
"""Probability that a comparison in which nothing has moved raises any alarm, however many columns there are."""
FEATURE_DISTANCE = 0.1
"""Jensen-Shannon distance of a feature or forecast that matters: that of a normal one moved by .24 deviations."""
OUTCOME_DISTANCE = 0.05
"""Of outcomes: a rate of 40 % that becomes 46 %, or one of 3 % that becomes 5.6 %."""
MOST_MOVED = 0.1
"""Share of what the model uses that may have moved before its tenant is told."""
FAMILIES = 3
"""Features, forecasts and outcomes: each may raise a third of the false alarms."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Columns that were judged together."""

    names: tuple[str, ...]
    compared: Comparison
    adjusted: Float64  # (C,) p-values after the correction for their number
    moved: NDArray[np.bool_]  # (C,)

    @property
    def strongest(self) -> list[int]:
        """Positions of those that have moved, the farthest first."""
        found = np.flatnonzero(self.moved)
        return found[np.argsort(-self.compared.distance[found], kind="stable")].tolist()


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What the three families say together. `importance`, (F,): each feature's part in what the model uses."""

    features: Family
    forecasts: Family
    outcomes: Family
    importance: Float64

    @property
    def moved(self) -> float:
        """Share of what the model uses that has moved."""
        return float(self.importance[self.features.moved].sum())

    @property
    def alarm(self) -> bool:
        """Enough of what the model uses has moved, or what it says, or what happens."""
        return self.moved >= MOST_MOVED or bool(self.forecasts.moved.any()) or bool(self.outcomes.moved.any())


def judged(
    names: Sequence[str],
    reference: BinnedSample,
    current: BinnedSample,
    *,
    distance: float,
    level: float = FALSE_ALARM / FAMILIES,
) -> Family:
    """Judge columns together.

    One has moved if it lies at least `distance` off, bias corrected, and is among the discoveries of Benjamini and
    Yekutieli at `level`: features of one lead depend on each other in any way, and their procedure allows that.
    """
    compared = compare(reference, current)
    adjusted = benjamini_yekutieli(compared.p_value)
    return Family(tuple(names), compared, adjusted, (adjusted <= level) & (compared.distance >= distance))
