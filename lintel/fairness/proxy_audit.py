"""Proxy audit: can features, or a score, tell a protected group that no feature names; and which of them carry it?

A proxy is found if the lower end of the interval of an out-of-fold AUC lies above both a tolerance and what chance
gives: the same audit with the groups handed around among the leads. Tolerances are in AUC of group against rest. For
two normal scores that are d deviations apart the AUC is Phi(d / sqrt 2). SCORE_TOLERANCE, .55, is d = .18: with two
groups of one size and the best fifth called, the selection rates are then 17.6 % and 22.6 %, a ratio of .78, which
just fails the four-fifths rule of thumb; less is of no consequence for who is called. FEATURE_TOLERANCE, .60, is
d = .36: features decide nothing by themselves, and what a score makes of them is judged by the stricter figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.fairness.groups import UNKNOWN, Groups
from lintel.fairness.predictability import (
    AuditSettings,
    GroupPredictor,
    Prediction,
    lead_folds,
    lead_weight,
    permuted,
)
from lintel.fairness.proxy_finding import Carrier, Family, Predicted, PredictedGroup, ProxyAudit, Removal, Verdict
from lintel.scoring.metrics import auc
from lintel.scoring.resampling import bootstrap_interval

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]
Rows = NDArray[np.intp]

SCORE_TOLERANCE = 0.55
FEATURE_TOLERANCE = 0.60
LEAST_LEADS = 50
"""A group with fewer leads, or with fewer outside of it, is not judged."""
MOST_CARRIERS = 10


def proxy_audit(
    features: Float32,
    names: Sequence[str],
    families: Sequence[str],
    groups: Groups,
    lead: NDArray[np.int32],
    *,
    tolerance: float,
    seed: int,
    settings: AuditSettings | None = None,
) -> ProxyAudit:
    """Audit of n rows.

    Parameters
    ----------
    features: (n, F) columns that may give the group away, NaN where missing; a score is a matrix of one column.
    names, families: (F,) of the columns.
    groups, lead: (n,) the group of each row's lead, and the lead. Rows of unknown group are left out.

    Intervals hold for all groups together (Bonferroni over the groups judged), and chance is the best AUC of all of
    them. Two groups are one question: the smaller is judged. Families, carriers and removals are about the group that
    is told best. Raises InputError for other shapes or infinities.
    """
    _check(features, names, families, groups, lead)
    settings = settings or AuditSettings()
    known = np.flatnonzero(groups.code != UNKNOWN)
    groups, lead = groups.take(known), lead[known]
    sizes = _sizes(groups, lead)
    judged = _judged(sizes)
    found = ProxyAudit(
        leads=int(sizes.sum()),
        rows=len(lead),
        features=len(names),
        tolerance=tolerance,
        level=settings.level,
        chance=float("nan"),
        p_value=float("nan"),
        groups=(),
        too_few=tuple(name for name, size in zip(groups.names, sizes, strict=True) if _few(size, sizes)),
    )
    if not judged:
        return found
    level = 1.0 - (1.0 - settings.level) / len(judged)
    fold = lead_folds(lead, groups.code, settings.folds, seed=seed)
    data = _Rows(features[known], lead, fold, lead_weight(lead), level, seed, settings)
    return _explained(data, _told(data, found, groups, judged, sizes), groups, tuple(names), tuple(families))


def own_auc(values: Float32, member: Bool, weight: Float64) -> float:
    """AUC of one feature's values as they are, whichever way round; missing ones rank lowest. All (n,)."""
    ranked = np.where(np.isnan(values), -np.inf, values.astype(np.float64))
    found = auc(member, ranked, weight)
    return max(found, 1.0 - found)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of known group, and how they are judged."""

    features: Float32
    lead: NDArray[np.int32]
    fold: Int64
    weight: Float64
    level: float
    seed: int
    settings: AuditSettings

    def predictor(self, columns: Rows) -> GroupPredictor:
        return GroupPredictor(self.features[:, columns], self.fold, self.weight, seed=self.seed, settings=self.settings)

    def judge(self, prediction: Prediction, member: Bool) -> Predicted:
        margin, draws = prediction.margin, self.settings.draws
        low, high = bootstrap_interval(
            auc, member, margin, self.weight, self.lead, seed=self.seed, draws=draws, level=self.level
        )
        return Predicted(auc(member, margin, self.weight), low, high)


def _told(data: _Rows, found: ProxyAudit, groups: Groups, judged: Sequence[int], sizes: Int64) -> ProxyAudit:
    """The audit with how well each group is told, and what chance gives."""
    whole = data.predictor(np.arange(data.features.shape[1]))
    told = []
    for code in judged:
        member = groups.code == code
        told.append(PredictedGroup(groups.names[code], int(sizes[code]), data.judge(whole.predict(member), member)))
    chance = _chance(data, whole, groups.code, judged)
    best = max(one.predicted.auc for one in told)
    return replace(
        found,
        groups=tuple(told),
        chance=float(np.quantile(chance, data.settings.level)),
        p_value=float((1 + (chance >= best).sum()) / (1 + len(chance))),
    )


def _chance(data: _Rows, whole: GroupPredictor, code: Int64, judged: Sequence[int]) -> Float64:
    """(permutations,) the best AUC over the groups when groups are handed around among the leads."""
    random = np.random.default_rng(data.seed)
    best = np.zeros(data.settings.permutations)
    for draw in range(len(best)):
        shuffled = permuted(code, data.lead, data.fold, random)
        members = [shuffled == one for one in judged]
        best[draw] = max(auc(member, whole.predict(member).margin, data.weight) for member in members)
    return best


def _explained(
    data: _Rows, found: ProxyAudit, groups: Groups, names: tuple[str, ...], families: tuple[str, ...]
) -> ProxyAudit:
    """The audit with what carries the proxy, if one was found."""
    if found.verdict is not Verdict.FOUND:
        return found
    member = groups.code == groups.names.index(found.worst.group)
    gain = data.predictor(np.arange(len(names))).predict(member).gain
    columns = {name: np.flatnonzero(np.array(families) == name) for name in dict.fromkeys(families)}
    return replace(
        found,
        families=_alone(data, member, gain, columns, found.limit),
        carriers=_carriers(data, member, gain, names, families),
        removals=_removals(data, member, gain, columns, found.limit),
    )


def _alone(data: _Rows, member: Bool, gain: Float64, columns: dict[str, Rows], limit: float) -> tuple[Family, ...]:
    """Every family by itself, the largest share of gain first."""
    found = []
    for name, own in columns.items():
        told = data.judge(data.predictor(own).predict(member), member)
        found.append(Family(name, len(own), float(gain[own].sum()), told, told.low > limit))
    return tuple(sorted(found, key=lambda one: -one.gain_share))


def _carriers(
    data: _Rows, member: Bool, gain: Float64, names: tuple[str, ...], families: tuple[str, ...]
) -> tuple[Carrier, ...]:
    """The features with the largest shares of gain."""
    top = [one for one in np.argsort(-gain, kind="stable")[:MOST_CARRIERS].tolist() if gain[one] > 0]
    return tuple(
        Carrier(names[one], families[one], float(gain[one]), own_auc(data.features[:, one], member, data.weight))
        for one in top
    )


def _removals(data: _Rows, member: Bool, gain: Float64, columns: dict[str, Rows], limit: float) -> tuple[Removal, ...]:
    """Families to drop, the one with the largest share of the gain first, until no proxy is found any more."""
    steps: list[Removal] = []
    left = dict(columns)
    while True:
        dropped = max(left, key=lambda name: float(gain[left[name]].sum()))
        del left[dropped]
        if not left:
            return (*steps, Removal(dropped, None))
        kept = np.sort(np.concatenate(list(left.values())))
        prediction = data.predictor(kept).predict(member)
        told = data.judge(prediction, member)
        steps.append(Removal(dropped, told))
        if told.low <= limit:
            return tuple(steps)
        gain = np.zeros(len(gain))
        gain[kept] = prediction.gain


def _sizes(groups: Groups, lead: NDArray[np.int32]) -> Int64:
    """Leads of each group."""
    _, first = np.unique(lead, return_index=True)
    return np.bincount(groups.code[first], minlength=len(groups.names)).astype(np.int64)


def _few(size: int, sizes: Int64) -> bool:
    return min(size, int(sizes.sum()) - size) < LEAST_LEADS


def _judged(sizes: Int64) -> list[int]:
    """Codes of the groups that are judged."""
    enough = [code for code, size in enumerate(sizes.tolist()) if not _few(size, sizes)]
    return [min(enough, key=lambda code: sizes[code])] if len(enough) == len(sizes) == 2 else enough


def _check(
    features: Float32, names: Sequence[str], families: Sequence[str], groups: Groups, lead: NDArray[np.int32]
) -> None:
    rows, columns = len(lead), len(names)
    if features.shape != (rows, columns) or len(families) != columns or len(groups.code) != rows:
        raise InputError(
            f"an audit got features of shape {features.shape}, {columns} names, {len(families)} families, {rows} leads "
            f"and {len(groups.code)} groups.",
            mend="Give one name and family a column, one lead and group a row.",
        )
    infinite = np.isinf(features).any(axis=0)
    if infinite.any():
        raise InputError(f"feature {names[int(np.argmax(infinite))]!r} is infinite.", mend="Missing is NaN.")
