"""One dimension, fitted on the train fold and calibrated on a later one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import Question, Timing
from lintel.labels.outcomes import Status
from lintel.scoring.calibration import fit_platt
from lintel.scoring.dimension import Dimension, Gap, MissingDimension, columns_of
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds
from lintel.scoring.hazard import Hazard, fit_hazard
from lintel.scoring.inputs import Inputs
from lintel.scoring.metrics import base_rate
from lintel.scoring.stopping import StoppingSlices, stopping_slices
from lintel.scoring.xgboost_member import TreeSettings, XGBoostMember, fit_xgboost

LEAST_OUTCOMES = 40
"""Leads that a dimension needs of each outcome, mature."""


@dataclass(frozen=True)
class Fitting:
    """What all dimensions are fitted from."""

    examples: Examples
    catalogue: Catalogue
    seed: int
    settings: TreeSettings | None = None

    def dimension(self, entry: Question | Timing) -> Dimension | MissingDimension:
        """The calibrated model of one dimension, or what it lacks."""
        needs = _needs(entry.name, self.examples)
        if needs:
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, needs)
        try:
            folds = fold_rows(self.examples, entry.name)
            member = self._hazard(entry, folds) if isinstance(entry, Timing) else self._trees(entry, folds)
            return self._calibrated(entry, folds, member)
        except InputError as error:
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, str(error))

    def _trees(self, entry: Question, folds: Folds) -> XGBoostMember:
        rows = folds.rows(Fold.TRAIN)
        return fit_xgboost(
            self._informative(rows),
            self.examples.outcomes[entry.name].status[rows] == Status.YES,
            self.examples.points.weight[rows],
            self._slices(rows),
            monotone=_directions(self.catalogue, entry.name),
            seed=self.seed,
            settings=self.settings,
        ).member

    def _hazard(self, entry: Timing, folds: Folds) -> Hazard:
        """Censoring is part of the model, so that rows asked up to the border itself are learnt from."""
        outcome, as_of = self.examples.outcomes[entry.name], self.examples.points.queries.as_of
        rows = np.flatnonzero((outcome.status != Status.NOT_ASKED) & (as_of < folds.calibration_from))
        days = np.full(len(rows), np.nan) if outcome.days is None else outcome.days[rows]
        return fit_hazard(
            self._informative(rows),
            days,
            (folds.calibration_from - as_of[rows]) / MICROSECONDS_PER_DAY,
            self.examples.points.weight[rows],
            self._slices(rows),
            horizon_days=entry.horizon / MICROSECONDS_PER_DAY,
            seed=self.seed,
            settings=self.settings,
        ).member

    def _calibrated(
        self, entry: Question | Timing, folds: Folds, member: XGBoostMember | Hazard
    ) -> Dimension | MissingDimension:
        points, positive = self.examples.points, self.examples.outcomes[entry.name].status == Status.YES
        rows, trained = folds.rows(Fold.CALIBRATION), folds.rows(Fold.TRAIN)
        columns = columns_of(member, self.catalogue.names)
        margin = member.margin(self.examples.inputs(rows).select(columns))
        lead = points.queries.lead[rows]
        calibrator = fit_platt(margin, positive[rows], points.weight[rows], lead, seed=self.seed)
        if calibrator.slope <= 0:
            fault = "more mature outcomes: on later leads the model ordered them the wrong way round"
            return MissingDimension(entry.name, Gap.NOT_ENOUGH_DATA, fault)
        return Dimension(
            name=entry.name,
            definition=entry.definition,
            horizon_days=entry.horizon / MICROSECONDS_PER_DAY,
            member=member,
            columns=columns,
            calibrator=calibrator,
            base_rate=base_rate(positive[trained], points.weight[trained]),
            calibration_n=len(rows),
        )

    def _informative(self, rows: NDArray[np.intp]) -> Inputs:
        """These rows, which are those that are learnt from, with the features that differ between them."""
        inputs = self.examples.inputs(rows)
        return inputs.select(informative_columns(inputs.features))

    def _slices(self, rows: NDArray[np.intp]) -> StoppingSlices:
        queries = self.examples.points.queries
        return stopping_slices(queries.lead[rows], queries.as_of[rows])


def informative_columns(features: NDArray[np.float32]) -> NDArray[np.intp]:
    """Positions of the features that are not the same in every row: the others teach nothing and cost time."""
    same_as_first = np.all((features == features[0]) | (np.isnan(features) & np.isnan(features[0])), axis=0)
    return np.flatnonzero(~same_as_first)


def _needs(dimension: str, examples: Examples) -> str | None:
    """What is missing before a dimension can be learnt, in leads with a mature outcome; None if nothing is."""
    status, lead = examples.outcomes[dimension].status, examples.points.queries.lead
    least = min(len(np.unique(lead[status == answer])) for answer in (Status.YES, Status.NO))
    return f"{LEAST_OUTCOMES - least} more mature outcomes" if least < LEAST_OUTCOMES else None


def _directions(catalogue: Catalogue, dimension: str) -> dict[str, int]:
    """The features that may move this dimension in one direction only."""
    declared = ((feature.name, (feature.monotone or {}).get(dimension, 0)) for feature in catalogue.features)
    return {name: sign for name, sign in declared if sign}
