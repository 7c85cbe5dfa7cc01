"""Figures that judge forecasts of "when": of deals of which some are still undecided when observation ends.

Every function is weighted by the serving mix. A forecast is P(decided <= t); 1 less it is the survival function of
the literature.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

Forecast = Callable[[float], Float64]
"""P(decided <= t) of each of n rows, (n,), for a t in days."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of n rows: the days until the decision or the end of observation, whether it was decided."""

    days: Float64  # (n,)
    decided: NDArray[np.bool_]  # (n,)
    weight: Float64  # (n,)

    @classmethod
    def of(cls, days: Float64, censored_after: Float64, weight: Float64) -> "Observed":
        """From days to the decision (NaN if none) and to the end of observation, (n,) each."""
        decided = days <= censored_after
        return cls(np.where(decided, days, censored_after), decided, weight)


@dataclass(frozen=True, slots=True)
class StepCurve:
    """A survival curve that starts at 1 and drops to `survival[i]` at `days[i]`, ascending."""

    days: Float64  # (k,)
    survival: Float64  # (k,)

    def at(self, days: Float64 | float) -> Float64:
        """P(T > t)."""
        return self._read(days, "right")

    def before(self, days: Float64 | float) -> Float64:
        """P(T >= t): a drop at t itself has not happened yet."""
        return self._read(days, "left")

    def _read(self, days: Float64 | float, side: str) -> Float64:
        position = np.searchsorted(self.days, days, side=side)  # type: ignore[call-overload]
        return np.append(1.0, self.survival)[position]


def kaplan_meier(observed: Observed) -> StepCurve:
    """P(still undecided); Kaplan and Meier 1958, J. Am. Stat. Assoc. 53, 457-481."""
    days, lost, gone = _departures(observed)
    at_risk = observed.weight.sum() - np.cumsum(gone) + gone
    return StepCurve(days, np.cumprod(1.0 - lost / at_risk))


def censoring(observed: Observed) -> StepCurve:
    """P(still observed), of those not decided before; a decision at the same time comes first."""
    days, lost, gone = _departures(observed)
    at_risk = observed.weight.sum() - np.cumsum(gone) + gone - lost
    ended = gone - lost
    return StepCurve(days, np.cumprod(1.0 - np.divide(ended, at_risk, out=np.zeros_like(ended), where=at_risk > 0)))


def brier_at(observed: Observed, forecast: Float64, days: float, still_observed: StepCurve) -> float:
    """Mean squared distance between the forecast P(decided <= days), (n,), and what happened, free of censoring.

    Rows whose observation ended before are left out, and the others stand for them by the inverse of the probability
    of still being observed: Graf et al. 1999, Statistics in Medicine 18, 2529-2545. NaN if nobody was observed so
    long.
    """
    happened = observed.decided & (observed.days <= days)
    undecided = observed.days > days
    left = float(still_observed.at(days))
    if left <= 0.0:
        return float("nan")
    reach = np.where(happened, still_observed.before(observed.days), left)
    counted = np.where(happened | undecided, observed.weight / np.maximum(reach, left), 0.0)
    return float(counted @ (forecast - happened) ** 2 / observed.weight.sum())


def integrated_brier(observed: Observed, forecast: Forecast, days: Float64, still_observed: StepCurve) -> float:
    """`brier_at` averaged over the time from the first to the last of `days`, (k,) ascending, by trapezoids."""
    scores = np.array([brier_at(observed, forecast(float(one)), float(one), still_observed) for one in days])
    return float(np.trapezoid(scores, days) / (days[-1] - days[0]))


def concordance(
    observed: Observed, forecast: Forecast, *, until: float = np.inf, still_observed: StepCurve | None = None
) -> float:
    """Chance that of two rows the one decided earlier was more likely to be decided by then, ties counting half.

    Time-dependent: Antolini, Boracchi and Biganzoli 2005, Statistics in Medicine 24, 3927-3944. With `still_observed`
    each pair is weighted by the inverse of its squared probability to be seen, as in Uno et al. 2011 (Statistics in
    Medicine 30, 1105-1117), up to `until` days. A pair at the same time counts if one of the two is undecided then.
    NaN if there is no pair.
    """
    won = pairs = 0.0
    for days in np.unique(observed.days[observed.decided & (observed.days <= until)]).tolist():
        at = observed.days == days
        decided, later = at & observed.decided, (observed.days > days) | (at & ~observed.decided)
        chance = forecast(days)
        own, other = chance[decided], np.sort(chance[later])
        order = np.argsort(chance[later], kind="stable")
        mass = np.concatenate(([0.0], np.cumsum(observed.weight[later][order])))
        below = mass[np.searchsorted(other, own, "left")]
        tied = mass[np.searchsorted(other, own, "right")] - below
        seen = 1.0 if still_observed is None else float(still_observed.before(days)) ** -2
        won += seen * float(observed.weight[decided] @ (below + tied / 2.0))
        pairs += seen * float(observed.weight[decided].sum() * mass[-1])
    return won / pairs if pairs > 0 else float("nan")


def _departures(observed: Observed) -> tuple[Float64, Float64, Float64]:
    """Distinct days, ascending, and the weight decided and the weight gone in any way on each, (k,)."""
    days, position = np.unique(observed.days, return_inverse=True)
    lost: Float64 = np.bincount(position, observed.weight * observed.decided, len(days)).astype(np.float64)
    gone: Float64 = np.bincount(position, observed.weight, len(days)).astype(np.float64)
    return days, lost, gone
