"""Conformal bands: quantile bands of amounts and days, moved until they hold what happened at their level.

Conformalized quantile regression: Romano, Patterson, Candès (2019), NeurIPS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConformalBand:
    """How far both ends of a band move apart (or, below 0, towards each other) to hold a new lead's value at `level`.

    Amounts are best given as logarithms: then the ends move by a share of the amount.
    """

    shift: float  # in the unit of the band; infinite if there are too few leads for the level
    level: float
    leads: int

    def band(self, low: Float64, high: Float64) -> tuple[Float64, Float64]:
        """The moved ends, (n,) each; ends that would cross meet in the middle."""
        moved_low, moved_high = low - self.shift, high + self.shift
        middle = (low + high) / 2.0
        crossed = moved_low > moved_high
        return np.where(crossed, middle, moved_low), np.where(crossed, middle, moved_high)

    def to_json(self) -> dict[str, Any]:
        """An infinite shift is written as null."""
        shift = self.shift if np.isfinite(self.shift) else None
        return {"shift": shift, "level": self.level, "leads": self.leads}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ConformalBand":
        shift = content["shift"]
        return cls(float("inf") if shift is None else float(shift), float(content["level"]), int(content["leads"]))


def fit_conformal(
    low: Float64, high: Float64, actual: Float64, weight: Float64, lead: NDArray[np.int32], *, level: float
) -> ConformalBand:
    """The shift for bands `low` to `high` of rows that they have not been learnt from, (n,) each.

    Leads, not rows, are taken to be exchangeable: a new row weighs as much as one lead does in the mean, and could lie
    anywhere (Tibshirani, Barber, Candès, Ramdas 2019, "Conformal prediction under covariate shift", NeurIPS; with one
    row a lead and equal weights it is the rule of Romano et al.).
    Raises InputError if there is no row or a value is not finite.
    """
    if not len(actual):
        raise InputError("a conformal band needs values that were seen; there is no row.", mend="Wait for outcomes.")
    if not (np.isfinite(low).all() and np.isfinite(high).all() and np.isfinite(actual).all()):
        raise InputError("a conformal band needs finite bands and values.", mend="Leave out rows without a value.")
    outside = np.maximum(low - actual, actual - high)
    leads = len(np.unique(lead))
    order = np.argsort(outside, kind="stable")
    reached = np.cumsum(weight[order]) * (leads / weight.sum())
    position = int(np.searchsorted(reached, level * (leads + 1) - 1e-9))
    shift = float(outside[order[position]]) if position < len(outside) else float("inf")
    return ConformalBand(shift, level, leads)


def seen_to_horizon(
    days: Float64, censored_after: Float64, *, horizon_days: float
) -> tuple[NDArray[np.bool_], Float64]:
    """Which of n rows were watched for the whole horizon, and min(days, horizon) of all; right-censored days.

    A band fitted on those rows holds min(days, horizon) at its level; an end at the horizon says "or later". It
    assumes that rows are censored by the end of the log alone, which is decided when they are asked and not by what
    becomes of them, and that those asked early enough are like those asked later: the simplest form of Candès, Lei,
    Ren (2023), "Conformalized survival analysis", JRSS B, with their threshold at the horizon and no drift.

    `days` are to the decision, NaN if not decided by the end of the log; `censored_after` from the row to that end.
    """
    decided = np.where(np.isnan(days), np.inf, days)
    return censored_after >= horizon_days, np.minimum(decided, horizon_days)
