"""Hyperparameters of members: where they are searched, and how a choice is judged without looking at later folds.

All folds of a search lie inside the train fold of the dimension, in order of time: a member learns from what was asked
before a border, and is judged on leads that came after it. The embargo is by lead, as where trees stop and members are
stacked: one of the label's horizon in time would leave nothing of a short log (of bpic2012's train fold for
conversion, 44 days, it would take 30). The newest fold is not searched on: it confirms the winner, because the best of
many trials owes part of its lead to luck (Cawley and Talbot 2010, JMLR 11, 2079-2107).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import Question, Timing
from lintel.labels.outcomes import Status
from lintel.scoring.ensemble import columns_of
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold
from lintel.scoring.hazard import PERSON_PERIOD_LEAVES, PERSON_PERIOD_TREES, FitTrees, fit_hazard
from lintel.scoring.lightgbm_member import LeafSettings, fit_lightgbm
from lintel.scoring.member import Member
from lintel.scoring.paired import Difference, PairedLosses, paired_comparison
from lintel.scoring.stopping import stopping_slices
from lintel.scoring.xgboost_member import TreeSettings, fit_xgboost

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Settings = TreeSettings | LeafSettings
Value = int | float

BORDERS = (0.5, 0.625, 0.75, 0.875)
"""Shares of the train fold's leads, by the time they came, at which the folds begin; the last one confirms."""
_MACHINE = frozenset({"threads"})
"""Settings that say nothing about the model."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where one setting is searched, both ends included."""

    low: Value
    high: Value
    logarithmic: bool = False

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int)

    def holds(self, value: Value) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Tunable:
    """A kind of member: what of its settings is searched, what they are otherwise, and how it is fitted."""

    kind: str
    space: Mapping[str, Range]
    default: Settings
    person_periods: Settings  # the default where a hazard is made of it
    fit: FitTrees

    def base(self, dimension: str) -> Settings:
        """The settings of a dimension that was never tuned."""
        return self.person_periods if dimension == "timing" else self.default

    def settings(self, dimension: str, values: Mapping[str, Value]) -> Settings:
        """The dimension's default settings with `values` in their place."""
        return replace(self.base(dimension), **values)  # type: ignore[arg-type]

    def values(self, settings: Settings) -> dict[str, Value]:
        """Of the settings that are searched."""
        return {name: getattr(settings, name) for name in self.space}


TUNABLES = {
    one.kind: one
    for one in (
        Tunable(
            kind="xgboost",
            space={
                "learning_rate": Range(0.02, 0.2, logarithmic=True),
                "max_depth": Range(2, 7),
                "min_child_weight": Range(1.0, 200.0, logarithmic=True),
                "subsample": Range(0.3, 1.0),
                "colsample_bytree": Range(0.05, 1.0, logarithmic=True),
                "reg_lambda": Range(0.1, 100.0, logarithmic=True),
            },
            default=TreeSettings(),
            person_periods=PERSON_PERIOD_TREES,
            fit=fit_xgboost,
        ),
        Tunable(
            kind="lightgbm",
            space={
                "learning_rate": Range(0.02, 0.2, logarithmic=True),
                "num_leaves": Range(3, 63, logarithmic=True),
                "min_data_in_leaf": Range(5, 500, logarithmic=True),
                "bagging_fraction": Range(0.3, 1.0),
                "feature_fraction": Range(0.05, 1.0, logarithmic=True),
                "lambda_l2": Range(0.1, 100.0, logarithmic=True),
            },
            default=LeafSettings(),
            person_periods=PERSON_PERIOD_LEAVES,
            fit=fit_lightgbm,
        ),
    )
}
"""By kind of member."""


@dataclass(frozen=True, slots=True)
class TuningFold:
    """Rows to learn from, asked before `border` (UTC µs), and rows of leads that came from then on to be judged by."""

    learn: Rows
    judged: Rows
    border: int


Fit = Callable[[TuningFold, Tunable, Settings], Member]


@dataclass(frozen=True)
class TuningTask:
    """One dimension, as a search sees it. `folds` are searched on, `confirmation` is judged on once."""

    dimension: str
    examples: Examples
    folds: tuple[TuningFold, ...]
    confirmation: TuningFold
    fit: Fit

    def row_losses(self, fold: TuningFold, tunable: Tunable, settings: Settings) -> Float64:
        """Log losses in nats of the fold's judged rows, before any calibration."""
        member = self.fit(fold, tunable, settings)
        inputs = self.examples.inputs(fold.judged)
        margin = member.margin(inputs.select(columns_of(member, inputs.names)))
        positive = self.examples.outcomes[self.dimension].status[fold.judged] == Status.YES
        return np.logaddexp(0.0, np.where(positive, -margin, margin))

    def loss(self, fold: TuningFold, tunable: Tunable, settings: Settings) -> float:
        """Mean log loss of the fold's judged rows, in the serving mix."""
        weight = self.examples.points.weight[fold.judged]
        return float(weight @ self.row_losses(fold, tunable, settings) / weight.sum())

    def confirmed(self, tunable: Tunable, ours: Settings, theirs: Settings, *, seed: int) -> Difference:
        """How much better `ours` is than `theirs` on the fold that no search has seen."""
        fold, points = self.confirmation, self.examples.points
        first, second = (self.row_losses(fold, tunable, settings) for settings in (ours, theirs))
        paired = PairedLosses(first, second, points.weight[fold.judged], points.queries.lead[fold.judged])
        return paired_comparison({self.dimension: paired}, seed=seed).mean


def tuning_task(examples: Examples, entry: Question | Timing, catalogue: Catalogue, *, seed: int) -> TuningTask:
    """The folds of one dimension inside its train fold, and how its members are fitted on them.

    Raises InputError if there is too little history for them.
    """
    train = fold_rows(examples, entry.name).rows(Fold.TRAIN)
    outcome, queries = examples.outcomes[entry.name], examples.points.queries
    fit: Fit
    if isinstance(entry, Timing):
        learnable, fit = np.flatnonzero(outcome.status != Status.NOT_ASKED), _timing_fit(examples, entry, seed)
    else:
        learnable, fit = train, _question_fit(examples, entry, catalogue, seed)
    *folds, confirmation = tuning_folds(queries.lead, queries.as_of, judged=train, learnable=learnable)
    for fold in (*folds, confirmation):
        _check(entry.name, outcome.status[fold.judged])
    return TuningTask(entry.name, examples, tuple(folds), confirmation, fit)


def tuning_folds(lead: NDArray[np.int32], as_of: Int64, *, judged: Rows, learnable: Rows) -> list[TuningFold]:
    """Folds in order of time. A lead is judged in one of them at most, and never learnt from before it was.

    Parameters
    ----------
    lead, as_of: (p,) of all points; as-of times in UTC µs.
    judged, learnable: rows that may be judged, at least one, and rows that may be learnt from.
    """
    came = np.full(int(lead.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(came, lead[judged], as_of[judged])
    np.minimum.at(came, lead[learnable], as_of[learnable])
    first = came[lead]
    borders = [int(one) for one in np.quantile(came[np.unique(lead[judged])], BORDERS, method="higher")]
    ends = [*borders[1:], np.iinfo(np.int64).max]
    return [
        TuningFold(
            learn=learnable[(first[learnable] < border) & (as_of[learnable] < border)],
            judged=judged[(first[judged] >= border) & (first[judged] < end)],
            border=border,
        )
        for border, end in zip(borders, ends, strict=True)
    ]


def settings_values(settings: Settings) -> dict[str, Value]:
    """All that makes the model what it is."""
    return {one.name: getattr(settings, one.name) for one in fields(settings) if one.name not in _MACHINE}


def _question_fit(examples: Examples, entry: Question, catalogue: Catalogue, seed: int) -> Fit:
    declared = catalogue.directions(entry.name)
    status, points = examples.outcomes[entry.name].status, examples.points

    def fit(fold: TuningFold, tunable: Tunable, settings: Settings) -> Member:
        rows = fold.learn
        inputs, slices = (
            examples.learnable(rows),
            stopping_slices(points.queries.lead[rows], points.queries.as_of[rows]),
        )
        told = inputs, status[rows] == Status.YES, points.weight[rows]
        return tunable.fit(*told, slices, monotone=declared, seed=seed, settings=settings).member

    return fit


def _timing_fit(examples: Examples, entry: Timing, seed: int) -> Fit:
    """Censoring is part of the model: rows asked up to the border are learnt from, observed until then."""
    outcome, points = examples.outcomes[entry.name], examples.points
    days = np.full(len(examples), np.nan) if outcome.days is None else outcome.days

    def fit(fold: TuningFold, tunable: Tunable, settings: Settings) -> Member:
        rows, as_of = fold.learn, points.queries.as_of[fold.learn]
        inputs, slices = examples.learnable(rows), stopping_slices(points.queries.lead[rows], as_of)
        observed = (fold.border - as_of) / MICROSECONDS_PER_DAY
        told = inputs, days[rows], observed, points.weight[rows], slices
        horizon = entry.horizon / MICROSECONDS_PER_DAY
        return fit_hazard(*told, horizon_days=horizon, seed=seed, fit=tunable.fit, settings=settings).member

    return fit


def _check(dimension: str, status: NDArray[np.int8]) -> None:
    yes = int((status == Status.YES).sum())
    if yes in (0, len(status)):
        raise InputError(
            f"{dimension} cannot be tuned: a fold inside the train fold has {len(status)} rows, {yes} of them yes.",
            mend="It needs a longer log, or more decided leads.",
        )
