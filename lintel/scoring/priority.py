"""Which lead to call first: what is at stake, how likely it is won, and how soon it is decided."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

URGENT_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class Priority:
    """Priorities in 0..1, (n,), NaN where P(win) is not defined, and the formula used for each."""

    value: Float64
    formula: tuple[str | None, ...]


def priority(
    won: Float64 | None, amount: Float64, typical_amount: float | None, decided_soon: Float64 | None
) -> Priority:
    """P(win) x amount / (amount + typical amount) x P(decided within 7 days); a factor not defined is left out.

    Parameters
    ----------
    won, decided_soon: (n,) probabilities, or None where the bundle has no such dimension.
    amount: (n,) in currency, NaN where none is known.
    typical_amount: median over the training leads, None if they had none.

    Without P(win) there is no priority: size and haste alone would put hopeless leads first.
    """
    if won is None:
        return Priority(np.full(len(amount), np.nan), (None,) * len(amount))
    if typical_amount is None:
        amount = np.full(len(amount), np.nan)
    known = ~np.isnan(amount)
    size = np.where(known, amount / (amount + (typical_amount or 1.0)), 1.0)
    haste = np.ones(len(amount)) if decided_soon is None else decided_soon
    formulas = tuple(_formula(has_amount, decided_soon is not None) for has_amount in known.tolist())
    return Priority(won * size * haste, formulas)


def _formula(has_amount: bool, has_timing: bool) -> str:
    factors = ["P(win)"]
    if has_amount:
        factors.append("amount / (amount + typical amount)")
    if has_timing:
        factors.append(f"P(decided within {URGENT_DAYS:g} days)")
    return " x ".join(factors)
