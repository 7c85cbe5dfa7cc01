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
_LEAST_VARIANCE = 1e-12


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

    Two tests share the work: one of any change of shape, and, where there are more than two groups of values, one of
    larger or smaller values, which finds a shift with far fewer rows. The p-value is twice the smaller of theirs.

    The first is the likelihood-ratio test of equal shares (G) on effective counts. A sample's effective number of rows
    is the one at which independent rows would be as uncertain as these in the direction in which these are most
    uncertain: with the largest of Rao and Scott's generalised design effects the statistic is never larger, in
    distribution, than that of independent rows, so that clusters and weights cannot raise false alarms. The second
    compares mean ridits, with the design effect of that mean and the variance of the pooled shares; missing values
    count as neither large nor small. The reference distributions are F with the leads of the smaller sample as
    denominator, for design effects are estimated.
    Rao, Scott (1981), "The analysis of categorical data from complex sample surveys", JASA 76, 221-230.
    Bross (1958), "How to use ridit analysis", Biometrics 14, 18-38.
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
    first, second = (
        _Sample(one.share[column], one.covariance[column], float(one.support[column])) for one in (reference, current)
    )
    pooled = (first.support * first.share + second.support * second.share) / (first.support + second.support)
    groups = _groups(pooled * min(first.support, second.support))
    higher = _higher(first.share, second.share)
    if len(groups) < 2:
        return 1.0, 0.0, higher
    leads = float(min(reference.leads[column], current.leads[column]))
    before, now = first.grouped(groups), second.grouped(groups)
    p_value = _shape_p_value(before, now, leads)
    if len(groups) > 2:
        p_value = min(2.0 * min(p_value, _location_p_value(first, second, pooled, leads)), 1.0)
    return p_value, _corrected_distance(before.share, now.share, before.covariance + now.covariance), higher


@dataclass(frozen=True, slots=True)
class _Sample:
    """One column of a sample: shares (K,) of bins and their covariance (K, K)."""

    share: Float64
    covariance: Float64
    support: float

    def grouped(self, groups: Float64) -> "_Sample":
        return _Sample(groups @ self.share, groups @ self.covariance @ groups.T, self.support)


def _shape_p_value(before: _Sample, now: _Sample, leads: float) -> float:
    counts = [_effective(one.share, one.covariance) for one in (before, now)]
    freedom = len(before.share) - 1.0
    return float(fdtrc(freedom, leads - 1.0, _likelihood_ratio(before.share, now.share, *counts) / freedom))


def _location_p_value(before: _Sample, now: _Sample, pooled: Float64, leads: float) -> float:
    """Of the difference in mean ridits, in the pooled distribution, with its variance where both samples are alike."""
    ridits = _ridits(pooled)
    counts = [_effective_mean(ridits, one) for one in (before, now)]
    variance = _variance(ridits, pooled) * (1.0 / counts[0] + 1.0 / counts[1])
    if variance <= 0.0:
        return 1.0
    return float(fdtrc(1.0, leads - 1.0, float(ridits @ (now.share - before.share)) ** 2 / variance))


def _ridits(share: Float64) -> Float64:
    """Of each bin the share of values below it and half of its own; of the missing one half."""
    values = share[MISSING + 1 :]
    ridits = np.full(len(share), 0.5)
    if values.sum() > 0:
        ridits[MISSING + 1 :] = (np.cumsum(values) - values / 2.0) / values.sum()
    return ridits


def _variance(ridits: Float64, share: Float64) -> float:
    return float(share @ ridits**2 - (share @ ridits) ** 2)


def _effective_mean(ridits: Float64, sample: _Sample) -> float:
    """Independent rows that would make the mean ridit as uncertain; the support where all rows have the same."""
    alone, clustered = _variance(ridits, sample.share), float(ridits @ sample.covariance @ ridits)
    return alone / clustered if min(alone, clustered) > _LEAST_VARIANCE else sample.support


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
    return 1.0 / max(float(largest), _LEAST_VARIANCE)


def _likelihood_ratio(before: Float64, now: Float64, n_before: float, n_now: float) -> float:
    pooled = (n_before * before + n_now * now) / (n_before + n_now)
    found = 2.0 * (n_before * _relative_entropy(before, pooled) + n_now * _relative_entropy(now, pooled))
    return max(found, 0.0)  # rounding may leave less where both are equal


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
