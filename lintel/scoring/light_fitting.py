"""Fitting the light model of a dimension: the trees of the few features that say most, calibrated as the full one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.features.catalogue import Catalogue
from lintel.labels.outcomes import Status
from lintel.scoring.calibrated_stack import calibrated
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.ensemble import Ensemble
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold
from lintel.scoring.forest import MOST_LEAVES
from lintel.scoring.inputs import Inputs
from lintel.scoring.lightgbm_member import LeafSettings, LightGBMMember, fit_lightgbm
from lintel.scoring.member import Fit
from lintel.scoring.stacking import fit_stack
from lintel.scoring.stopping import StoppingSlices, stopping_slices
from lintel.scoring.venn_abers import fit_venn_abers

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]

MOST_FEATURES = 40
_SETTINGS = LeafSettings(
    learning_rate=0.15, num_leaves=MOST_LEAVES, feature_fraction=0.5, max_bin=63, max_trees=60, patience=10, threads=1
)
"""Trees of no more leaves than `forest` can ask all at once."""
_SCOUT = replace(_SETTINGS, max_trees=15, patience=15)
"""Trees of all features, by whose gain the features are chosen."""
_DRAWS = 100
"""Of the bootstrap of the calibration: enough for the ends of a 90 % interval."""


def fit_light(full: Dimension, examples: Examples, catalogue: Catalogue, *, seed: int) -> Dimension | MissingDimension:
    """The light model beside `full`, on the same folds; timing's is of the yes/no question at its main horizon.

    Where the examples have too few outcomes on either side of a border, or later leads are ordered the wrong way
    round, there is none, and what is returned says why.
    """
    try:
        found = _Fitting(full, examples, seed, catalogue.directions(full.name)).dimension()
    except InputError as error:
        return MissingDimension(full.name, Gap.NO_LIGHT_MODEL, str(error))
    if not found.calibrated.increasing:
        return MissingDimension(full.name, Gap.NO_LIGHT_MODEL, "it ordered later leads the wrong way round")
    return found


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What one light model is fitted from. Methods raise InputError where a class of outcomes is missing."""

    full: Dimension
    examples: Examples
    seed: int
    monotone: Mapping[str, int]

    def dimension(self) -> Dimension:
        folds = fold_rows(self.examples, self.full.name)
        fit, later = self._fit(folds.rows(Fold.TRAIN))
        stack = fit_stack(*self._judged(fit.early, later), seed=self.seed, draws=_DRAWS)
        rows = folds.rows(Fold.CALIBRATION)
        margins, outcome, weight, lead = self._judged(fit.member, rows)
        return replace(
            self.full,
            ensemble=Ensemble((fit.member,), self.examples.names),
            calibrated=calibrated(stack, margins, outcome, weight, lead, seed=self.seed),
            venn_abers=fit_venn_abers(stack.margin(margins), outcome, weight, lead),
            calibration_n=len(rows),
            evidence=(),
            causes=None,
            days_band=None,
            amount=None,
            facts=None,
        )

    def _fit(self, rows: Rows) -> tuple[Fit[LightGBMMember], Rows]:
        """The trees, and the rows of later leads, of which the early ones know nothing."""
        inputs, queries = self.examples.learnable(rows), self.examples.points.queries
        slices = stopping_slices(queries.lead[rows], queries.as_of[rows])
        chosen = inputs.select(_most_gaining(self._trees(inputs, rows, slices, _SCOUT).member))
        return self._trees(chosen, rows, slices, _SETTINGS), rows[slices.later]

    def _trees(self, inputs: Inputs, rows: Rows, slices: StoppingSlices, settings: LeafSettings) -> Fit[LightGBMMember]:
        positive, weight = self._positive(rows), self.examples.points.weight[rows]
        return fit_lightgbm(inputs, positive, weight, slices, monotone=self.monotone, seed=self.seed, settings=settings)

    def _judged(
        self, member: LightGBMMember, rows: Rows
    ) -> tuple[Float64, NDArray[np.bool_], Float64, NDArray[np.int32]]:
        """What a member says of these rows (n, 1), what happened, the rows' weights, and whose they are."""
        inputs, points = self.examples.inputs(rows), self.examples.points
        margins = Ensemble((member,), self.examples.names).margins(inputs)
        return margins, self._positive(rows), points.weight[rows].astype(np.float64), points.queries.lead[rows]

    def _positive(self, rows: Rows) -> NDArray[np.bool_]:
        return self.examples.outcomes[self.full.name].status[rows] == Status.YES


def _most_gaining(scout: LightGBMMember) -> Rows:
    """Positions of the features that reduce the loss most, ascending; at least one, at most `MOST_FEATURES`."""
    gain = scout.booster.feature_importance("gain")
    order = np.argsort(-gain, kind="stable")[:MOST_FEATURES]
    return np.sort(order[gain[order] > 0] if gain.any() else order)
