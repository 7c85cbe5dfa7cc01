"""Timing: how long until the deal is decided, as a discrete-time hazard.

Time after the as-of moment is cut into bins. The hazard of a bin is the probability of being decided in it, given
undecided at its start; it is a function of the features and the bin, fitted as one binary model on person-period
rows (Singer and Willett 1993, "It's about time", J. Educ. Stat. 18, 155-195; Tutz and Schmid 2016, "Modeling
Discrete Time-to-Event Data"). A lead that is censored gives rows for the bins it was fully seen in, and no more:
censoring needs no further care.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import IncompatibleError
from lintel.scoring.forest import Forest
from lintel.scoring.inputs import Inputs, checked_features
from lintel.scoring.lightgbm_member import LeafSettings, LightGBMMember, fit_lightgbm
from lintel.scoring.member import Fit
from lintel.scoring.model_file import read_model, write_model
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.timing_curve import BINS, EDGES_DAYS, bins_within, cumulative, log_odds_within
from lintel.scoring.xgboost_member import Float32, Float64, TreeSettings, XGBoostMember, fit_xgboost

TreeMember = XGBoostMember | LightGBMMember
BIN_FEATURE = "timing_bin"
TREES: Mapping[str, type[TreeMember]] = {one.kind: one for one in (XGBoostMember, LightGBMMember)}
"""By kind, what a hazard can be made of."""
PERSON_PERIOD_TREES = TreeSettings(colsample_bytree=0.3, patience=20, max_bin=64)
PERSON_PERIOD_LEAVES = LeafSettings(feature_fraction=0.3, patience=20, max_bin=63)
"""Person-period rows are many: fewer, quicker trees."""
_QUADRATURE = tuple((((point + 1) / 2), weight / 2) for point, weight in zip(*leggauss(12), strict=True))
"""Gauss and Legendre's points on the line from 0 to 1, and their weights."""
_NEWTON_STEPS = 20


class FitTrees(Protocol):
    """`fit_xgboost` or `fit_lightgbm`."""

    def __call__(
        self,
        inputs: Inputs,
        positive: NDArray[np.bool_],
        weight: Float32 | Float64,
        slices: StoppingSlices,
        *,
        monotone: Mapping[str, int],
        seed: int,
        settings: Any,
        start: Float64 | None = None,
    ) -> Fit[XGBoostMember] | Fit[LightGBMMember]: ...


@dataclass(frozen=True, slots=True)
class PersonPeriods:
    """m rows: the example each belongs to, its bin, and whether the deal was decided in it."""

    example: NDArray[np.intp]
    bin: NDArray[np.int64]
    decided: NDArray[np.bool_]


def person_periods(days: Float64, observed_days: Float64) -> PersonPeriods:
    """Rows for every bin that an example was at risk in and whose end lies within its time of observation.

    A bin cut short by the end of observation gives no row even if the decision fell into it: with the decided and
    without the undecided, the hazard would come out too high.

    Parameters
    ----------
    days: (n,) days until decided, NaN if not decided.
    observed_days: (n,) days for which the example was observed; a decision after them was not seen.
    """
    decided = np.where(np.isnan(days), np.inf, days)
    start, end = np.array(EDGES_DAYS[:-1]), np.array(EDGES_DAYS[1:])
    event = (decided[:, None] <= end) & ((decided[:, None] > start) | (start == 0.0))
    survived = decided[:, None] > end
    example, bin_ = np.nonzero((event | survived) & (observed_days[:, None] >= end))
    return PersonPeriods(example, bin_, event[example, bin_])


@dataclass(frozen=True)
class Hazard:
    """A fitted hazard. As a member of an ensemble it is the binary model "decided within `horizon_days`".

    The log-odds of a bin's hazard are those of all leads, `start`, and what the trees add for the lead and the bin.
    """

    model: TreeMember
    horizon_days: float
    start: tuple[float, ...]  # (BINS,)

    @property
    def kind(self) -> str:
        return self.model.kind

    @property
    def names(self) -> tuple[str, ...]:
        return self.model.names[:-1]

    @property
    def trees(self) -> int:
        return self.model.trees

    def cumulative(self, inputs: Inputs) -> Float64:
        """P(decided <= edge), (n, BINS), at the upper edges of the bins; non-decreasing along a row."""
        return cumulative(self._margins(inputs, BINS))

    def margin(self, inputs: Inputs) -> Float64:
        """Log-odds of being decided within the horizon, (n,)."""
        return log_odds_within(self._margins(inputs, bins_within(self.horizon_days)))

    def contributions(self, inputs: Inputs) -> Float64:
        """Shares (n, F + 2) of the features in the margin; a row sums to it, and nothing is the sequence's."""
        checked_features(inputs, self.names)
        count, bins = len(inputs), bins_within(self.horizon_days)
        shares = self.model.contributions(with_bins(inputs, bins)).reshape(count, bins, len(self.names) + 3)
        features = shares[:, :, : len(self.names)]
        base = shares[:, :, len(self.names) :].sum(axis=2) + self.start[:bins]  # the bin is no feature of the lead
        return carried(base, np.concatenate((features, np.zeros((count, bins, 1))), axis=2))

    def save(self, path: Path) -> None:
        """Write the trees, in their own format, and beside them where they start."""
        self.model.save(path)
        write_model(_start_file(path), json.dumps(self.start).encode())

    @classmethod
    def load(cls, path: Path, *, horizon_days: float, kind: str = XGBoostMember.kind) -> "Hazard":
        """Read what `save` wrote; `kind` is that of the member saved. Raises IncompatibleError for another file."""
        return cls(TREES[kind].load(path), horizon_days, _read_start(_start_file(path)))

    def _margins(self, inputs: Inputs, bins: int) -> Float64:
        """Log-odds of the hazard of each of the first `bins`, (n, bins)."""
        features = checked_features(inputs, self.names)
        if self._forest is None:
            added = self.model.margin(with_bins(inputs, bins)).reshape(len(inputs), bins)
        else:
            added = self._forest.margins(features)[0, :bins].T.astype(np.float64, order="C")
        return added + self.start[:bins]

    @cached_property
    def _forest(self) -> Forest | None:
        return self.model.binned_forest(BINS)


def fit_hazard(
    inputs: Inputs,
    days: Float64,
    observed_days: Float64,
    weight: Float32 | Float64,
    slices: StoppingSlices,
    *,
    horizon_days: float,
    seed: int,
    fit: FitTrees = fit_xgboost,
    settings: TreeSettings | LeafSettings | None = None,
) -> Fit[Hazard]:
    """Fit on examples of the training fold; parameters as in `person_periods` and `fit_xgboost`.

    `fit` says what the hazard is made of, and `settings` must be its kind of settings.

    Raises IncompatibleError for a horizon that is not the end of a bin.
    """
    bins_within(horizon_days)
    periods = person_periods(days, observed_days)
    rows = append_bin(Inputs(inputs.features[periods.example], inputs.names), periods.bin)
    own, weight = slices.take(periods.example), weight[periods.example]
    start = _start(periods, np.where(own.earlier, weight, 0.0))
    fallback = PERSON_PERIOD_LEAVES if fit is fit_lightgbm else PERSON_PERIOD_TREES
    fitted = fit(
        rows,
        periods.decided,
        weight,
        own,
        monotone={},
        seed=seed,
        settings=settings or fallback,
        start=start[periods.bin],
    )
    taught = (fitted.member, np.ones(len(weight), bool)), (fitted.early, own.earlier)
    hazards = (
        Hazard(model, horizon_days, _balanced(model.margin(rows), periods, np.where(chosen, weight, 0.0), start))
        for model, chosen in taught
    )
    return Fit(*hazards)


def _start(periods: PersonPeriods, weight: Float64) -> Float64:
    """Log-odds of the hazard of each bin over all leads, (BINS,): trees that had to learn them, too, would say of leads
    in short bins what holds in long ones. Bins without rows go on as the last one with them."""
    decided = np.bincount(periods.bin, weight * periods.decided, BINS)
    rows = np.bincount(periods.bin, weight, BINS)
    half = _half_a_row(weight)
    log_odds = np.log(decided + half) - np.log(rows - decided + half)
    last = np.maximum.accumulate(np.where(rows > 0, np.arange(BINS), 0))
    return log_odds[last]


def _balanced(added: Float64, periods: PersonPeriods, weight: Float64, start: Float64) -> tuple[float, ...]:
    """`start` moved until the hazards of each bin, to whose log-odds the trees have `added` something, have the mean of
    what happened: trees that are few and cautious leave the odds of rare bins too high, and of others too low."""
    moved = start.copy()
    half = _half_a_row(weight)
    for bin_ in range(BINS):
        rows = np.flatnonzero((periods.bin == bin_) & (weight > 0.0))
        for _ in range(_NEWTON_STEPS if len(rows) else 0):
            rate = expit(added[rows] + moved[bin_])
            rise = weight[rows] @ (periods.decided[rows] - rate)
            moved[bin_] += np.clip(rise / (weight[rows] @ (rate * (1.0 - rate)) + half), -1.0, 1.0)
    # bins without rows go on as the last one with them, here as in `_start`
    there = np.bincount(periods.bin, weight, BINS) > 0.0
    return tuple(moved[np.maximum.accumulate(np.where(there, np.arange(BINS), 0))].tolist())


def _half_a_row(weight: Float64) -> float:
    """Half the mean weight of the rows that count: what keeps the log-odds of few rows finite."""
    counted = weight[weight > 0.0]
    return float(counted.mean()) / 2.0 if len(counted) else 0.5


def _start_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.start.txt")


def _read_start(path: Path) -> tuple[float, ...]:
    try:
        start = tuple(float(one) for one in json.loads(read_model(path)))
    except (TypeError, ValueError):
        start = ()
    if len(start) != BINS:
        raise IncompatibleError(f"{path.name} does not hold the {BINS} log-odds of a hazard.", mend="Train again.")
    return start


def carried(base: Float64, shares: Float64) -> Float64:
    """Shares in the log-odds of an event in any bin, (n, s + 1) with the bias last, from those in each bin.

    Parameters
    ----------
    base: (n, k) what all leads share of each bin's log-odds.
    shares: (n, k, s) what each feature adds to it.

    The whole is a smooth function of the bins' log-odds. Aumann and Shapley's path from the average lead to this one
    carries the shares over (Sundararajan et al. 2017, "Axiomatic attribution for deep networks", ICML).
    """
    change = shares.sum(axis=2)
    split = np.einsum("nk,nks->ns", _mean_gradient(base, change), shares)
    # the bias takes the error of the quadrature: below 1e-6 for shares of some log-odds, .001 where they reach ten
    bias = log_odds_within(base + change) - split.sum(axis=1)
    return np.concatenate((split, bias[:, None]), axis=1)


def with_bins(inputs: Inputs, bins: int) -> Inputs:
    """Each row `bins` times, with the bin's index as last column."""
    every = np.repeat(np.arange(len(inputs)), bins)
    return append_bin(Inputs(inputs.features[every], inputs.names), np.tile(np.arange(bins), len(inputs)))


def append_bin(inputs: Inputs, bin_: NDArray[np.int64]) -> Inputs:
    """The features with the bin of each row as last column."""
    features = np.concatenate((inputs.features, bin_.astype(np.float32)[:, None]), axis=1)
    return Inputs(features, (*inputs.names, BIN_FEATURE))


def _mean_gradient(base: Float64, change: Float64) -> Float64:
    """Gradient of `log_odds_within` averaged over the line from `base` to `base + change`, (n, k)."""
    mean = np.zeros_like(base)
    for point, weight in _QUADRATURE:
        margins = base + point * change
        total = np.maximum(np.logaddexp(0.0, margins).sum(axis=1, keepdims=True), 1e-9)
        mean += weight / (1.0 + np.exp(-margins)) / -np.expm1(-total)
    return mean
