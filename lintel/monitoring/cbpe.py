"""How well a model does on leads whose outcomes nobody knows yet: confidence-based performance estimation.

If probabilities are calibrated, they say themselves how often they will be right. Each figure is computed on outcomes
drawn from the probabilities; what the draws leave open is the chance of the outcomes, and the doubt of the
probabilities themselves. It holds while leads that are scored alike still turn out alike, whichever leads come
(covariate shift); of a change in how leads turn out (concept drift) it cannot know anything.

The idea is that of CBPE (NannyML's documentation, "How it works"); the intervals are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

FIGURES = ("base_rate", "auc", "log_loss", "brier")
DRAWS = 400
LEVEL = 0.9
_LEAST = 1e-9
"""Probabilities are kept this far from 0 and 1 where a logarithm is taken."""
_CELLS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Confusion:
    """Expected shares of the leads when those scored at least `threshold` are called; they sum to 1."""

    threshold: float
    true_positive: float
    false_positive: float
    false_negative: float
    true_negative: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What to expect of each of FIGURES, (NaN where one is not defined): its expectation, the interval at LEVEL that
    what is realised should fall into, and the standard deviation of that."""

    leads: int
    value: dict[str, float]
    interval: dict[str, tuple[float, float]]
    deviation: dict[str, float]
    confusion: Confusion
    with_doubt: bool  # whether the doubt of the probabilities is in the intervals


def expected_performance(
    probability: Float64,
    weight: Float64,
    *,
    seed: int,
    doubt: Float64 | None = None,
    draws: int = DRAWS,
    threshold: float = 0.5,
) -> Expected:
    """Expected performance on n leads, one row each.

    Parameters
    ----------
    probability, weight: (n,) what the leads were told, in 0..1, and what each counts.
    doubt: (B, n) draws of the probabilities, each a calibration that the data allow; None: they are beyond doubt.
    """
    if not len(probability):
        nothing = dict.fromkeys(FIGURES, float("nan"))
        empty = dict.fromkeys(FIGURES, (float("nan"), float("nan")))
        return Expected(0, nothing, empty, nothing, Confusion(threshold, *[float("nan")] * 4), doubt is not None)
    drawn = simulated_figures(probability, weight, seed=seed, doubt=doubt, draws=draws)
    tails = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0
    interval, deviation = {}, {}
    for name in FIGURES:
        defined = drawn[name][~np.isnan(drawn[name])]
        low, high = np.quantile(defined, tails) if len(defined) else (np.nan, np.nan)
        interval[name] = float(low), float(high)
        deviation[name] = float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")
    value = expected_figures(probability, probability, weight)
    confusion = expected_confusion(probability, weight, threshold)
    return Expected(len(probability), value, interval, deviation, confusion, doubt is not None)


def expected_figures(told: Float64, chance: Float64, weight: Float64) -> dict[str, float]:
    """Expectations of FIGURES where the leads were told `told` and turn out yes with `chance`, (n,) each.

    That of the AUC is the ratio of the expected number of pairs in order to that of all pairs of a yes and a no.
    """
    share, bounded = weight / weight.sum(), np.clip(told, _LEAST, 1.0 - _LEAST)
    loss = -(chance * np.log(bounded) + (1.0 - chance) * np.log1p(-bounded))
    square = chance * (1.0 - told) ** 2 + (1.0 - chance) * told**2
    return {
        "base_rate": float(share @ chance),
        "auc": _expected_auc(told, chance, weight),
        "log_loss": float(share @ loss),
        "brier": float(share @ square),
    }


def expected_confusion(probability: Float64, weight: Float64, threshold: float = 0.5) -> Confusion:
    """Of n leads, one row each."""
    share, called = weight / weight.sum(), probability >= threshold
    yes, no = share * probability, share * (1.0 - probability)
    sums = (yes[called].sum(), no[called].sum(), yes[~called].sum(), no[~called].sum())
    return Confusion(threshold, *(float(one) for one in sums))


def simulated_figures(
    probability: Float64, weight: Float64, *, seed: int, doubt: Float64 | None = None, draws: int = DRAWS
) -> dict[str, Float64]:
    """FIGURES, (draws,) each, of outcomes drawn from the probabilities; parameters as in `expected_performance`."""
    random = np.random.default_rng(seed)
    parts = []
    for rows in _portions(draws, len(probability)):
        chance = probability if doubt is None else doubt[rows % len(doubt)]
        outcome = random.random((len(rows), len(probability))) < chance
        parts.append(realised_figures(outcome, probability, weight))
    return {name: np.concatenate([one[name] for one in parts]) for name in FIGURES}


def realised_figures(outcome: Bool, probability: Float64, weight: Float64) -> dict[str, Float64]:
    """FIGURES, (R,) each, of R sets of outcomes, (R, n), of leads with these probabilities and weights, (n,)."""
    share, bounded = weight / weight.sum(), np.clip(probability, _LEAST, 1.0 - _LEAST)
    happened = outcome.astype(np.float64)
    return {
        "base_rate": happened @ share,
        "auc": _auc(happened, probability, weight),
        "log_loss": -(happened @ (share * (np.log(bounded) - np.log1p(-bounded))) + share @ np.log1p(-bounded)),
        "brier": happened @ (share * (1.0 - 2.0 * probability)) + share @ probability**2,
    }


def _portions(draws: int, leads: int) -> Iterator[NDArray[np.intp]]:
    """Numbers of draws, as many at once as fit into memory."""
    size = max(_CELLS_AT_ONCE // max(leads, 1), 1)
    for begin in range(0, draws, size):
        yield np.arange(begin, min(begin + size, draws))


def _expected_auc(told: Float64, chance: Float64, weight: Float64) -> float:
    """Pairs of a lead with itself are none, and are taken out."""
    scores, position = np.unique(told, return_inverse=True)
    yes = np.bincount(position, weight * chance, len(scores))
    no = np.bincount(position, weight * (1.0 - chance), len(scores))
    alone = float((weight**2) @ (chance * (1.0 - chance)))
    pairs = yes.sum() * no.sum() - alone
    won = float(yes @ (np.cumsum(no) - no / 2.0)) - alone / 2.0
    return float(won / pairs) if pairs > 0 else float("nan")


def _auc(happened: Float64, probability: Float64, weight: Float64) -> Float64:
    """(R,) as `lintel.scoring.metrics.auc`, of many sets of outcomes at once; NaN where there is but one class."""
    order = np.argsort(probability, kind="stable")
    begin = np.flatnonzero(np.diff(probability[order], prepend=-1.0))
    yes = np.add.reduceat(happened[:, order] * weight[order], begin, axis=1)
    no = np.add.reduceat(weight[order], begin) - yes
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    won = (yes * (np.cumsum(no, axis=1) - no / 2.0)).sum(axis=1)
    found = np.full(len(happened), np.nan)
    np.divide(won, pairs, out=found, where=pairs > 1e-12 * weight.sum() ** 2)
    return found
