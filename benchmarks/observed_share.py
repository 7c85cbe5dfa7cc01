"""How often something happened in independent draws, with how sure that is."""

from collections.abc import Iterable
from math import sqrt

LEVEL_DEVIATIONS = 1.959964
"""Of a normal distribution, within which 95 % of it lie."""


def observed_share(happened: Iterable[object]) -> dict[str, float]:
    """The share of draws in which it happened, and the 95 % interval of Wilson (1927), JASA 22, 209-212."""
    told = [bool(one) for one in happened]
    low, high = wilson(sum(told), len(told))
    return {"rate": round(sum(told) / len(told), 4), "low": round(low, 4), "high": round(high, 4), "draws": len(told)}


def wilson(count: int, draws: int) -> tuple[float, float]:
    """95 % interval of a probability after `count` of `draws`; nothing known, (0, 1), without draws."""
    if not draws:
        return 0.0, 1.0
    square, share = LEVEL_DEVIATIONS**2, count / draws
    middle = (share + square / (2.0 * draws)) / (1.0 + square / draws)
    reach = LEVEL_DEVIATIONS * sqrt(share * (1.0 - share) / draws + square / (4.0 * draws**2)) / (1.0 + square / draws)
    return (max(middle - reach, 0.0) if count else 0.0), (min(middle + reach, 1.0) if count < draws else 1.0)
