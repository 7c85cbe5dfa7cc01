"""What the heads of the network are to learn: which outputs each row is asked for, and what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.hazard import person_periods
from lintel.scoring.stopping import StoppingSlices, check_outcomes, mean_one
from lintel.scoring.timing_curve import BINS, bins_within

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Target:
    """Outcomes of one dimension at r of the rows: k outputs, one for a question, one a bin for timing.

    `monotone`: direction (-1 or 1) of the features whose direction is known, in all outputs; others are free.
    """

    rows: Rows  # (r,) positions among the inputs
    asked: Mask  # (r, k)
    positive: Mask  # (r, k)
    slices: StoppingSlices  # (r,)
    horizon_days: float | None = None  # timing only
    monotone: Mapping[str, int] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return int(self.asked.shape[1])

    def check(self, clean: Mask, weight: Float32 | Float64) -> None:
        """Raise InputError unless the later and the `clean` (r,) of the earlier rows have both outcomes and weight."""
        row, output = np.nonzero(self.asked)
        slices = StoppingSlices(self.slices.earlier & clean, self.slices.later).take(row)
        check_outcomes(self.positive[row, output], slices)
        for part in (slices.earlier, slices.later):
            mean_one(weight[row[part]])


def question_target(
    rows: Rows, positive: Mask, slices: StoppingSlices, *, monotone: Mapping[str, int] | None = None
) -> Target:
    """A yes-or-no question that was asked at all of `rows`."""
    asked = np.ones((len(rows), 1), bool)
    return Target(rows, asked, positive[:, None], slices, monotone=monotone or {})


def timing_target(
    rows: Rows, days: Float64, observed_days: Float64, slices: StoppingSlices, *, horizon_days: float
) -> Target:
    """The hazard of each bin; parameters as in `hazard.person_periods`.

    Raises IncompatibleError for a horizon that is not the end of a bin.
    """
    bins_within(horizon_days)
    periods = person_periods(days, observed_days)
    asked, positive = np.zeros((len(rows), BINS), bool), np.zeros((len(rows), BINS), bool)
    asked[periods.example, periods.bin] = True
    positive[periods.example, periods.bin] = periods.decided
    return Target(rows, asked, positive, slices, horizon_days)
