"""P(decided <= t) as a curve over bins of days, and what is read off it: horizons, quantiles, causes.

Every timing member gives the log-odds of the hazards of the same bins: the probability of being decided in a bin,
given undecided at its start.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError

Float64 = NDArray[np.float64]

EDGES_DAYS = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0)
BINS = len(EDGES_DAYS) - 1
MEDIAN, BAND = 0.5, (0.1, 0.9)
"""Levels of the answer's days: the middle, and the ends of the 80 % band."""
_BIN_WIDTHS = tuple(later - earlier for earlier, later in pairwise(EDGES_DAYS))
_FLOOR = 1e-9
_LEAST_AT_RISK = 100


@dataclass(frozen=True, slots=True)
class TimingCurve:
    """P(decided <= edge) of n leads at the upper edges of the first k bins, (n, k), after calibration.

    `incidence`, (n, k, causes), is the part of it that each cause has; it sums to `cumulative`. Beyond the last of the
    k edges nothing is known: figures there are NaN.
    """

    cumulative: Float64
    incidence: Float64 | None = None

    def within(self, horizon_days: float) -> Float64:
        """P(decided within the horizon), (n,); linear between edges."""
        return _read_at(self.cumulative, horizon_days)

    def within_by_cause(self, horizon_days: float) -> Float64:
        """P(decided within the horizon by each cause), (n, causes). Raises TypeError for a curve without causes."""
        if self.incidence is None:
            raise TypeError("this curve has no causes")
        return _read_at(self.incidence, horizon_days)

    def quantile(self, level: float) -> Float64:
        """Days by which a share `level` is decided, (n,); NaN where that lies beyond the last edge."""
        padded = np.concatenate((np.zeros((len(self.cumulative), 1)), self.cumulative), axis=1)
        bin_ = (self.cumulative < level).sum(axis=1)
        reached = bin_ < self.cumulative.shape[1]
        bin_ = np.minimum(bin_, self.cumulative.shape[1] - 1)
        row = np.arange(len(padded))
        low, high = padded[row, bin_], padded[row, bin_ + 1]
        share = (level - low) / np.maximum(high - low, _FLOOR)
        days = np.array(EDGES_DAYS)[bin_] + share * np.array(_BIN_WIDTHS)[bin_]
        return np.where(reached, days, np.nan)

    def band(self) -> tuple[Float64, Float64]:
        """Days between which four in five such leads are decided, (n,) each; NaN beyond the last edge."""
        low, high = BAND
        return self.quantile(low), self.quantile(high)


def bins_within(horizon_days: float) -> int:
    """How many bins lie within the horizon. Raises IncompatibleError for one that is not the end of a bin."""
    if horizon_days not in EDGES_DAYS[1:]:
        ends = ", ".join(f"{edge:g}" for edge in EDGES_DAYS[1:])
        raise IncompatibleError(
            f"timing cannot be asked for {horizon_days:g} days.", mend=f"Label it for one of {ends}."
        )
    return EDGES_DAYS.index(horizon_days)


def cumulative(margins: Float64) -> Float64:
    """P(decided <= edge) of each bin, (n, k), from the log-odds of the hazards, (n, k)."""
    return 1.0 - np.exp(-np.cumsum(np.logaddexp(0.0, margins), axis=1))


def log_odds_within(margins: Float64) -> Float64:
    """Log-odds of an event in any of the bins whose hazards have log-odds `margins` (n, k)."""
    total = np.maximum(np.logaddexp(0.0, margins).sum(axis=1), _FLOOR)
    return np.log(np.expm1(total))


def incidence(cumulative: Float64, shares: Float64) -> Float64:
    """Cumulative incidence of each cause at the upper edges, (n, BINS, causes).

    Parameters
    ----------
    cumulative: (n, BINS) P(decided <= edge), non-decreasing along a row; calibrated or not.
    shares: (n, BINS, causes) P(cause | decided in the bin), which sum to 1.

    The mass that falls into a bin is split by its shares: S(k - 1) h(k) share(k), summed up to the edge (Kalbfleisch
    and Prentice 2002, "The Statistical Analysis of Failure Time Data", chapter 8). Summed over the causes it is
    `cumulative`, whatever calibration that has been through.
    """
    mass = np.diff(cumulative, axis=1, prepend=0.0)
    return np.cumsum(mass[:, :, None] * shares, axis=1)


def _read_at(curve: Float64, horizon_days: float) -> Float64:
    """A curve (n, k, ...) at the horizon, linear between edges; NaN beyond the last."""
    position = max(int(np.searchsorted(EDGES_DAYS, horizon_days, side="left")), 1)
    if position > curve.shape[1]:
        return np.full_like(curve[:, 0], np.nan)
    upper = curve[:, position - 1]
    lower = curve[:, position - 2] if position >= 2 else np.zeros_like(upper)
    share = (horizon_days - EDGES_DAYS[position - 1]) / _BIN_WIDTHS[position - 1]
    return lower + share * (upper - lower)
