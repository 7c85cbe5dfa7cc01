"""How scores, their consequences and their errors differ between groups; every interval by resampling leads.

The four-fifths rule (29 CFR 1607.4 D, made for hiring) is shown as a rule of thumb: a group whose selection rate is
under 80 % of the highest is worth a look. It is neither a test nor a safe harbour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from lintel.fairness.groups import UNKNOWN, Groups
from lintel.fairness.proxy_audit import LEAST_LEADS
from lintel.scoring.metrics import auc
from lintel.scoring.reliability import calibration_line
from lintel.scoring.resampling import bootstrap_interval, lead_draws

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

FOUR_FIFTHS = 0.8
PRIORITY_SHARE = 0.2
"""Of the scores, the best that a team has time for, if nothing else is said."""
LEAST_OUTCOMES = 20
"""Leads with each outcome that a group needs for an AUC and a calibration slope."""
LEAST_DRAWS = 10
"""Bootstrap samples in which a figure is defined that an interval needs."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group. Weighted by the serving mix, as all evaluation is."""

    group: str
    leads: int
    rows: int
    mean_score: float
    score_gap: Estimate  # mean score less that of all other leads
    selection_rate: float  # share of its rows among the best `selected_share` of all rows
    impact_ratio: Estimate  # its selection rate by the highest one; (1, 1, 1) for the group that has it
    observed: float  # share of yes
    calibration_gap: Estimate  # mean score less share of yes: above 0 the group is flattered
    calibration_slope: float | None  # None where there are too few outcomes of either kind
    auc: Estimate | None

    @property
    def adverse(self) -> bool:
        """Under four fifths, and the interval does not reach equal treatment (or none of the group was chosen)."""
        return self.impact_ratio.value < FOUR_FIFTHS and not self.impact_ratio.high >= 1.0

    @property
    def miscalibrated(self) -> bool:
        return not self.calibration_gap.low <= 0.0 <= self.calibration_gap.high


@dataclass(frozen=True, slots=True)
class GroupReport:
    """All groups with enough leads. `level` holds for them together (Bonferroni over groups, ratios over pairs)."""

    selected_share: float
    level: float
    groups: tuple[GroupFigures, ...]
    too_few: tuple[str, ...]


def group_report(
    score: Float64,
    outcome: Bool,
    weight: Float64,
    groups: Groups,
    lead: NDArray[np.int32],
    *,
    seed: int,
    selected_share: float = PRIORITY_SHARE,
    draws: int = 500,
    level: float = 0.95,
) -> GroupReport:
    """Compare groups on n rows that the score's model has not learnt from.

    Parameters
    ----------
    score, outcome, weight: (n,) probability, what happened, weight in the serving mix.
    groups, lead: (n,) the group of each row's lead and the lead; rows of unknown group count for the cut alone.
    selected_share: the best share of the weight that is taken first; scores tied at the cut enter in proportion.
    """
    selected = selection(score, weight, selected_share)
    known = np.flatnonzero(groups.code != UNKNOWN)
    code, own = groups.code[known], lead[known]
    sizes = np.array([len(np.unique(own[code == one])) for one in range(len(groups.names))], np.int64)
    kept = np.flatnonzero(sizes >= LEAST_LEADS)
    shared = 1.0 - (1.0 - level) / max(len(kept), 1)
    rows = _Rows(score[known], outcome[known], weight[known], selected[known], code, own)
    figures = _figures(rows, groups.names, kept, sizes, seed=seed, draws=draws, level=shared) if len(kept) else ()
    few = tuple(groups.names[one] for one in np.flatnonzero(sizes < LEAST_LEADS).tolist())
    return GroupReport(selected_share, level, tuple(figures), few)


def selection(score: Float64, weight: Float64, share: float) -> Float64:
    """(n,) how much of each row is among the best `share` of the weight: 1, 0, or a part if it ties at the cut."""
    scores, position = np.unique(score, return_inverse=True)
    mass = np.bincount(position, weight, len(scores))
    above = np.cumsum(mass[::-1])[::-1] - mass
    taken = np.clip(share * mass.sum() - above, 0.0, mass)
    return (taken / mass)[position] if len(score) else np.zeros(0)


@dataclass(frozen=True, slots=True)
class _Rows:
    score: Float64
    outcome: Bool
    weight: Float64
    selected: Float64
    code: Int64
    lead: NDArray[np.int32]

    def means(self, counted: Float64, groups: int) -> tuple[Float64, ...]:
        """By group: mean score, mean score of all others, share selected, share of yes; NaN without weight."""
        mass = np.bincount(self.code, counted, groups)
        total = np.bincount(self.code, counted * self.score, groups)
        with np.errstate(invalid="ignore", divide="ignore"):
            others = (total.sum() - total) / (mass.sum() - mass)
            selected = np.bincount(self.code, counted * self.selected, groups) / mass
            observed = np.bincount(self.code, counted * self.outcome, groups) / mass
            return total / mass, others, selected, observed


def _figures(
    rows: _Rows, names: tuple[str, ...], kept: NDArray[np.intp], sizes: Int64, *, seed: int, draws: int, level: float
) -> Iterator[GroupFigures]:
    own, others, selected, observed = rows.means(rows.weight, len(names))
    highest = kept[np.argmax(selected[kept])]
    # any group might have come out highest: every pair of them is compared
    against_any = 1.0 - (1.0 - level) * 2.0 / max(len(kept) - 1, 1)
    counts = islice(lead_draws(rows.lead, seed), draws)
    drawn = np.array([rows.means(rows.weight * count, len(names)) for count in counts])  # (draws, 4, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio, ratios = selected / selected[highest], drawn[:, 2] / drawn[:, 2, highest, None]
    for code in kept.tolist():
        mine = rows.code == code
        slope, ranked = _within(rows, mine, seed=seed, draws=draws, level=level)
        yield GroupFigures(
            group=names[code],
            leads=int(sizes[code]),
            rows=int(mine.sum()),
            mean_score=float(own[code]),
            score_gap=_estimate(own[code] - others[code], drawn[:, 0, code] - drawn[:, 1, code], level),
            selection_rate=float(selected[code]),
            impact_ratio=_ratio(ratio[code], ratios[:, code], against_any),
            observed=float(observed[code]),
            calibration_gap=_estimate(own[code] - observed[code], drawn[:, 0, code] - drawn[:, 3, code], level),
            calibration_slope=slope,
            auc=ranked,
        )


def _within(rows: _Rows, mine: Bool, *, seed: int, draws: int, level: float) -> tuple[float | None, Estimate | None]:
    """Slope and AUC among the rows of one group."""
    outcome, score, weight, lead = rows.outcome[mine], rows.score[mine], rows.weight[mine], rows.lead[mine]
    if min(len(np.unique(lead[outcome])), len(np.unique(lead[~outcome]))) < LEAST_OUTCOMES:
        return None, None
    low, high = bootstrap_interval(auc, outcome, score, weight, lead, seed=seed, draws=draws, level=level)
    return calibration_line(outcome, score, weight)[0], Estimate(auc(outcome, score, weight), low, high)


def _estimate(value: float, drawn: Float64, level: float) -> Estimate:
    """Normal interval with the bootstrap's deviation: at levels this near 1 percentiles would need many more draws."""
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < LEAST_DRAWS:
        return Estimate(float(value), float("nan"), float("nan"))
    reach = float(norm.ppf((1.0 + level) / 2.0) * defined.std(ddof=1))
    return Estimate(float(value), float(value) - reach, float(value) + reach)


def _ratio(value: float, drawn: Float64, level: float) -> Estimate:
    """As `_estimate`, on the logarithm, in which a ratio's error is symmetric."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = _estimate(np.log(value), np.log(drawn), level)
    return Estimate(float(value), float(np.exp(one.low)), float(np.exp(one.high)))
