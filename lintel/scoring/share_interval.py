"""How sure a share is that was counted in independent draws."""

from math import sqrt

DEVIATIONS = 1.959964
"""Of a normal distribution, within which 95 % of it lie."""


def wilson(count: int, draws: int) -> tuple[float, float]:
    """95 % interval of a probability after `count` of `draws`; nothing known, (0, 1), without draws.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.
    """
    if not draws:
        return 0.0, 1.0
    square, share = DEVIATIONS**2, count / draws
    middle = (share + square / (2.0 * draws)) / (1.0 + square / draws)
    reach = DEVIATIONS * sqrt(share * (1.0 - share) / draws + square / (4.0 * draws**2)) / (1.0 + square / draws)
    return (max(middle - reach, 0.0) if count else 0.0), (min(middle + reach, 1.0) if count < draws else 1.0)
