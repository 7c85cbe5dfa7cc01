"""One dimension: members fitted on the train fold, stacked on its later leads, calibrated on a later fold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.features.feature import Unit
from lintel.labels.definition import Question, Timing
from lintel.labels.outcomes import Status
from lintel.scoring.amount import AmountModel, fit_amount
from lintel.scoring.amount_facts import AmountFacts, find_facts
from lintel.scoring.calibrated_stack import calibrated
from lintel.scoring.causes import CauseShares, fit_causes
from lintel.scoring.conformal import fit_conformal, seen_to_horizon
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.ensemble import Ensemble, columns_of
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds
from lintel.scoring.hazard import fit_hazard
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import fit_lightgbm
from lintel.scoring.member import Fit, Member
from lintel.scoring.metrics import base_rate
from lintel.scoring.stacking import MemberEvidence, Stack, choose_members, fit_stack
from lintel.scoring.stopping import StoppingSlices, stopping_slices
from lintel.scoring.timing_curve import BAND
from lintel.scoring.venn_abers import fit_venn_abers
from lintel.scoring.xgboost_member import fit_xgboost

if TYPE_CHECKING:
    from lintel.scoring.network_training import FittedNetwork

Rows = NDArray[np.intp]

LEAST_OUTCOMES = 40
"""Leads that a dimension needs of each outcome, mature."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """Members by kind, and the rows that they learnt from."""

    fits: Mapping[str, Fit[Member]]
    rows: Rows
    slices: StoppingSlices
    causes: CauseShares | None = None


@dataclass(frozen=True)
class Fitting:
    """What all dimensions are fitted from."""

    examples: Examples
    catalogue: Catalogue
    seed: int
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    network: "FittedNetwork | None" = None  # of all dimensions, fitted before them

    def dimension(self, entry: Question | Timing) -> Dimension | MissingDimension:
        """The calibrated ensemble of one dimension, or what it lacks."""
        needs = _needs(entry.name, self.examples)
        if needs:
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, needs)
        try:
            folds = fold_rows(self.examples, entry.name)
            learnt = self._timing(entry, folds) if isinstance(entry, Timing) else self._question(entry, folds)
            return self._calibrated(entry, folds, learnt)
        except InputError as error:
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, str(error))

    def _question(self, entry: Question, folds: Folds) -> Learnt:
        rows = folds.rows(Fold.TRAIN)
        slices, chosen = self._slices(rows), self.hyperparameters.of(entry.name)
        told = (
            self.examples.learnable(rows),
            self._positive(entry.name, rows),
            self.examples.points.weight[rows],
            slices,
        )
        monotone = self.catalogue.directions(entry.name)
        fitted: dict[str, Callable[[], Fit[Member]]] = {
            "xgboost": lambda: fit_xgboost(*told, monotone=monotone, seed=self.seed, settings=chosen.trees),
            "lightgbm": lambda: fit_lightgbm(*told, monotone=monotone, seed=self.seed, settings=chosen.leaves),
        }
        return Learnt(self._fits(entry.name, fitted), rows, slices)

    def _timing(self, entry: Timing, folds: Folds) -> Learnt:
        """Censoring is part of the model, so that rows asked up to the border itself are learnt from."""
        outcome, as_of = self.examples.outcomes[entry.name], self.examples.points.queries.as_of
        rows = np.flatnonzero((outcome.status != Status.NOT_ASKED) & (as_of < folds.calibration_from))
        slices, chosen = self._slices(rows), self.hyperparameters.of(entry.name)
        days = np.full(len(rows), np.nan) if outcome.days is None else outcome.days[rows]
        observed = outcome.days_observed(as_of, folds.calibration_from)[rows]
        told = self.examples.learnable(rows), days, observed, self.examples.points.weight[rows], slices
        horizon = entry.horizon / MICROSECONDS_PER_DAY
        fitted: dict[str, Callable[[], Fit[Member]]] = {
            "xgboost": lambda: fit_hazard(*told, horizon_days=horizon, seed=self.seed, settings=chosen.trees),
            "lightgbm": lambda: fit_hazard(
                *told, horizon_days=horizon, seed=self.seed, fit=fit_lightgbm, settings=chosen.leaves
            ),
        }
        cause = np.zeros(len(rows), np.int8) if outcome.cause is None else outcome.cause[rows]
        causes = fit_causes(*told, cause=cause, seed=self.seed) if len(np.unique(cause[cause > 0])) > 1 else None
        return Learnt(self._fits(entry.name, fitted), rows, slices, causes)

    def _fits(self, name: str, trees: Mapping[str, Callable[[], Fit[Member]]]) -> dict[str, Fit[Member]]:
        """Trees of the kinds that are wanted, and the network's head if it could learn this dimension."""
        fits = {kind: trees[kind]() for kind in self.hyperparameters.kinds if kind in trees}
        if self.network is not None and name in self.network.fits:
            fits["network"] = self.network.fits[name]
        return fits

    def _calibrated(self, entry: Question | Timing, folds: Folds, learnt: Learnt) -> Dimension | MissingDimension:
        stack, evidence = self._stack(entry.name, folds, learnt)
        members = tuple(learnt.fits[one.name].member for one in evidence if one.kept)
        ensemble = Ensemble(members, self.catalogue.names, None if self.network is None else self.network.encoder)
        later = folds.rows(Fold.CALIBRATION)
        margins, told = ensemble.margins(self.examples.inputs(later)), self._told(entry.name, later)
        found = calibrated(stack, margins, *told, seed=self.seed)
        if not found.increasing:
            fault = "more mature outcomes: on later leads the model ordered them the wrong way round"
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, fault)
        trained = folds.rows(Fold.TRAIN)
        amount, facts = self._amount(entry, trained, later)
        dimension = Dimension(
            name=entry.name,
            definition=entry.definition,
            horizon_days=entry.horizon / MICROSECONDS_PER_DAY,
            ensemble=ensemble,
            calibrated=found,
            venn_abers=fit_venn_abers(stack.margin(margins), *told),
            base_rate=base_rate(self._positive(entry.name, trained), self.examples.points.weight[trained]),
            calibration_n=len(later),
            evidence=evidence,
            causes=learnt.causes,
            amount=amount,
            facts=facts,
        )
        return self._with_days_band(dimension, later) if isinstance(entry, Timing) else dimension

    def _with_days_band(self, dimension: Dimension, later: Rows) -> Dimension:
        """With the band of days made conformal on these rows, up to the horizon."""
        outcome, days = self.examples.outcomes[dimension.name], dimension.scores(self.examples.inputs(later)).days
        if days is None or outcome.days is None or outcome.censored_after is None:
            return dimension
        horizon, weight = dimension.horizon_days, self.examples.points.weight[later].astype(np.float64)
        seen, actual = seen_to_horizon(outcome.days[later], outcome.censored_after[later], horizon_days=horizon)
        low, high = (np.fmin(end, horizon)[seen] for end in days)
        lead = self.examples.points.queries.lead[later]
        band = fit_conformal(low, high, actual[seen], weight[seen], lead[seen], level=BAND[1] - BAND[0])
        return replace(dimension, days_band=band)

    def _amount(
        self, entry: Question | Timing, rows: Rows, later: Rows
    ) -> tuple[AmountModel | None, AmountFacts | None]:
        """How large the budget is, where the source tells enough amounts; conformal on the calibration fold."""
        told = self.examples.outcomes[entry.name].amount
        if told is None:
            return None, None
        inputs, weight = self.examples.learnable(rows), self.examples.points.weight
        money = [one.name for one in self.catalogue.features if one.unit is Unit.CURRENCY]
        try:
            model = fit_amount(inputs, told[rows], weight[rows], self._slices(rows), seed=self.seed, money=money)
            after = self.examples.inputs(later).select(columns_of(model, self.examples.names))
            lead = self.examples.points.queries.lead[later]
            model = model.conformed(after, told[later], weight[later].astype(np.float64), lead)
        except InputError:
            return None, None
        return model, find_facts(model, inputs)

    def _stack(self, name: str, folds: Folds, learnt: Learnt) -> tuple[Stack, tuple[MemberEvidence, ...]]:
        """The stack of the members that bring something, on leads that came after those they learnt from."""
        rows = learnt.rows[learnt.slices.later]
        rows = rows[folds.fold[rows] == Fold.TRAIN]
        early = Ensemble(tuple(one.early for one in learnt.fits.values()), self.catalogue.names)
        margins, told = early.margins(self.examples.inputs(rows)), self._told(name, rows)
        evidence = choose_members(tuple(learnt.fits), margins, *told, seed=self.seed)
        kept = [position for position, one in enumerate(evidence) if one.kept]
        return fit_stack(margins[:, kept], *told, seed=self.seed, draws=self.hyperparameters.draws), evidence

    def _told(self, name: str, rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int32]]:
        """Outcome, weight and lead of these rows."""
        points = self.examples.points
        return self._positive(name, rows), points.weight[rows].astype(np.float64), points.queries.lead[rows]

    def _positive(self, name: str, rows: Rows) -> NDArray[np.bool_]:
        return self.examples.outcomes[name].status[rows] == Status.YES

    def _slices(self, rows: Rows) -> StoppingSlices:
        queries = self.examples.points.queries
        return stopping_slices(queries.lead[rows], queries.as_of[rows])


def _needs(dimension: str, examples: Examples) -> str | None:
    """What is missing before a dimension can be learnt, in leads with a mature outcome; None if nothing is."""
    status, lead = examples.outcomes[dimension].status, examples.points.queries.lead
    least = min(len(np.unique(lead[status == answer])) for answer in (Status.YES, Status.NO))
    return f"{LEAST_OUTCOMES - least} more mature outcomes" if least < LEAST_OUTCOMES else None
