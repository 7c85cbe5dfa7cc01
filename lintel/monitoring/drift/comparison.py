"""Two samples of the same columns: how far apart they lie, and how likely that is where nothing has moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, xlogy

from lintel.monitoring.drift.binned import BinnedSample
from lintel.monitoring.drift.bins import MISSING

Float64 = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""Leads that a bin must expect in the smaller sample; rarer ones are joined with their neighbours."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of C columns. `distance` is the Jensen-Shannon distance to base 2, 0 to 1, less what chance alone would give;
    `higher` the probability that a current value is larger than one of the reference, ties counting half."""

    p_value: Float64
    distance: Float64
    higher: Float64
    missing_before: Float64
    missing_now: Float64


def compare(reference: BinnedSample, current: BinnedSample) -> Comparison:
    """Compare column by column.

    The test is the likelihood-ratio test of equal shares (G) on effective counts. A sample's effective number of rows
    is the one at which independent rows would be as uncertain as these in the direction in which these are most
    uncertain: with the largest of Rao and Scott's generalised design effects the statistic is never larger, in
    distribution, than that of independent rows, so that clusters and weights cannot raise false alarms. The reference
    distribution is F with the leads of the smaller sample as denominator, for the design effects are estimated.
    Rao, Scott (1981), "The analysis of categorical data from complex sample surveys", JASA 76, 221-230.
    Lin (1991), "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37, 145-151.
    """
    found = np.array([_compared(reference, current, column) for column in range(len(reference))]).reshape(-1, 3)
    return Comparison(
        found[:, 0], found[:, 1], found[:, 2], reference.share[:, MISSING].copy(), current.share[:, MISSING].copy()
    )


def js_distance(first: Float64, second: Float64) -> float:
    """Jensen-Shannon distance of two distributions, to base 2: 0 for equal ones, 1 for disjoint ones."""
    return float(np.sqrt(max(_divergence(first, second), 0.0)))


def _compared(reference: BinnedSample, current: BinnedSample, column: int) -> tuple[float, float, float]:
    before, now = reference.share[column], current.share[column]
    support = reference.support[column], current.support[column]
    groups = _groups((support[0] * before + support[1] * now) / sum(support) * min(support))
    higher = _higher(before, now)
    if len(groups) < 2:
        return 1.0, 0.0, higher
    before, now = groups @ before, groups @ now
    spread = [groups @ one.covariance[column] @ groups.T for one in (reference, current)]
    counts = [_effective(share, one) for share, one in zip((before, now), spread, strict=True)]
    statistic, freedom = _likelihood_ratio(before, now, *counts), len(groups) - 1.0
    leads = min(reference.leads[column], current.leads[column])
    p_value = float(fdtrc(freedom, leads - 1.0, statistic / freedom))
    return p_value, _corrected_distance(before, now, spread[0] + spread[1]), higher


def _groups(expected: Float64) -> Float64:
    """Which bins (K,) are joined to have at least LEAST_EXPECTED in each group, (G, K) of 0 and 1."""
    label, groups, mass = np.zeros(len(expected), np.intp), 0, 0.0
    order = [*range(1, len(expected)), MISSING]
    for place in order:
        label[place] = groups
        mass += expected[place]
        if mass >= LEAST_EXPECTED:
            groups, mass = groups + 1, 0.0
    label = np.minimum(label, max(groups - 1, 0))
    return (label == np.arange(max(groups, 1))[:, None]).astype(np.float64)


def _effective(share: Float64, covariance: Float64) -> float:
    """Independent rows that would be as uncertain as these where these are most uncertain."""
    seen = share > 0
    scale = 1.0 / np.sqrt(share[seen])
    largest = np.linalg.eigvalsh(covariance[np.ix_(seen, seen)] * np.outer(scale, scale))[-1]
    return 1.0 / max(float(largest), 1e-12)


def _likelihood_ratio(before: Float64, now: Float64, n_before: float, n_now: float) -> float:
    pooled = (n_before * before + n_now * now) / (n_before + n_now)
    return 2.0 * (n_before * _relative_entropy(before, pooled) + n_now * _relative_entropy(now, pooled))


def _relative_entropy(share: Float64, other: Float64) -> float:
    """In nats; `other` has mass wherever `share` has."""
    return float((xlogy(share, share) - xlogy(share, np.where(share > 0, other, 1.0))).sum())


def _divergence(first: Float64, second: Float64) -> float:
    """Jensen-Shannon divergence in bits."""
    middle = (first + second) / 2.0
    return (_relative_entropy(first, middle) + _relative_entropy(second, middle)) / (2.0 * np.log(2.0))


def _corrected_distance(before: Float64, now: Float64, covariance: Float64) -> float:
    """The divergence is (now - before)² / (8 middle), summed, to second order: chance alone gives the variance of the
    difference in its place, which is taken off."""
    middle = (before + now) / 2.0
    chance = float((np.diag(covariance)[middle > 0] / middle[middle > 0]).sum()) / (8.0 * np.log(2.0))
    return float(np.sqrt(max(_divergence(before, now) - chance, 0.0)))


def _higher(before: Float64, now: Float64) -> float:
    """Of the rows that have a value; one half where a sample has none."""
    first, second = before[MISSING + 1 :], now[MISSING + 1 :]
    if not first.sum() * second.sum():
        return 0.5
    first, second = first / first.sum(), second / second.sum()
    return float(second @ (np.cumsum(first) - first / 2.0))
