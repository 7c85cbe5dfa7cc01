"""A tenant's dimension from its pool's: its level or its whole calibration from the tenant's own outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from lintel.errors import InputError
from lintel.events.moments import to_microseconds
from lintel.labels.outcomes import Status
from lintel.scoring.bundle import Bundle
from lintel.scoring.calibrated_stack import CalibratedStack, calibrated
from lintel.scoring.dimension import NOTHING_BORROWED, Dimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.evidence import JUDGED_ON_POOL, LEAST_POOLED, Rung, outcomes_per_class, rung
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds
from lintel.scoring.metrics import base_rate
from lintel.scoring.partial_pooling import Shift, fit_shift
from lintel.scoring.venn_abers import fit_venn_abers

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Borrowing:
    """What one tenant borrows from a pool's bundle.

    A pool that has learnt from the tenant, too, is calibrated and judged on those of the tenant's rows only that were
    asked later than all that its members, or its calibration, have learnt from.
    """

    pool: Bundle
    examples: Examples
    seed: int

    def lends(self, name: str) -> bool:
        """Whether the pool has a model of this dimension and knows how far tenants' levels lie apart."""
        own = self.pool.scorer.ready.get(name)
        return own is not None and own.spread is not None

    def better(self, name: str) -> bool:
        """Whether to borrow rather than to learn, as the tenant's outcomes are."""
        return self.lends(name) and rung(self._outcomes(name), has_pool=True) is not Rung.TENANT

    def dimension(self, name: str) -> Dimension:
        """The pool's dimension for this tenant, on the highest rung that the tenant's outcomes carry.

        With too few, or too short a history, it is that of the pool's mean tenant, with all of the doubt between
        tenants.
        """
        count = self._outcomes(name)
        lent = replace(self.pool.scorer.ready[name], outcomes_per_class=count)
        try:
            folds = fold_rows(self.examples, name)
            return self._own(lent, folds) if count >= LEAST_POOLED else self._unshifted(lent)
        except InputError:
            return self._unshifted(lent)

    @property
    def lighter(self) -> "Borrowing | None":
        """Borrowing of the pool's light models in the same way; None if it has none."""
        return None if self.pool.lighter is None else replace(self, pool=self.pool.lighter)

    def figures(self, name: str) -> dict[str, Any]:
        """How good the dimension is on the pool's newest fold, for tenants that cannot tell from their own."""
        return {**self.pool.metrics["dimensions"][name], "judged_on": JUDGED_ON_POOL}

    def plots(self, name: str) -> Mapping[str, bytes]:
        """Of the same figures."""
        return {file: image for file, image in self.pool.report.plots.items() if file.startswith(f"{name}_")}

    def _outcomes(self, name: str) -> int:
        return outcomes_per_class(self.examples.outcomes[name].status, self.examples.points.queries.lead)

    def _unshifted(self, lent: Dimension) -> Dimension:
        shift = Shift(0.0, 0.0) if lent.spread is None else lent.spread.unseen
        moved = shifted(lent.calibrated, shift, seed=self.seed)
        return replace(lent, calibrated=moved, evidence_rung=Rung.POOLED, judged_from=None, spread=None)

    def _own(self, lent: Dimension, folds: Folds) -> Dimension:
        """Raises InputError if the rows that are new to the pool have one class only."""
        rows, trained = self._rows(lent.name, folds), folds.rows(Fold.TRAIN)
        margins = lent.margins(self.examples.inputs(rows))
        outcome, weight, lead = told = self._told(lent.name, rows)
        found, reached = self._calibration(lent, margins, told)
        return replace(
            lent,
            calibrated=found,
            venn_abers=fit_venn_abers(found.stack.margin(margins), outcome, weight, lead),
            base_rate=base_rate(*self._told(lent.name, trained)[:2]),
            calibration_n=len(rows) if reached is Rung.CALIBRATED else lent.calibration_n,
            evidence_rung=reached,
            judged_from=self._learnt_until(lent.name, "test_from"),
            spread=None,
        )

    def _calibration(
        self,
        lent: Dimension,
        margins: NDArray[np.float64],
        told: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int32]],
    ) -> tuple[CalibratedStack, Rung]:
        """The tenant's own where it has enough outcomes and they rise with the score, else the pool's, shifted."""
        if rung(lent.outcomes_per_class, has_pool=True) is not Rung.POOLED:
            found = calibrated(lent.calibrated.stack, margins, *told, seed=self.seed)
            if found.increasing:
                return found, Rung.CALIBRATED
        own = fit_shift(lent.calibrated.log_odds(margins), *told)
        shift = own if lent.spread is None else lent.spread.shrunk(own)
        return shifted(lent.calibrated, shift, seed=self.seed), Rung.POOLED

    def _rows(self, name: str, folds: Folds) -> Rows:
        """All that was known before the newest fold begins, and that the pool's members have not learnt from."""
        outcome, as_of = self.examples.outcomes[name], self.examples.points.queries.as_of
        new = as_of >= self._learnt_until(name, "calibration_from")
        return np.flatnonzero(outcome.mature & (outcome.known_from <= folds.test_from) & new)

    def _learnt_until(self, name: str, border: str) -> int:
        """UTC µs of a border of the pool's folds, if the tenant is in the pool."""
        if not set(self.examples.data.tenants) & set(self.pool.manifest.tenants):
            return NOTHING_BORROWED
        folds = self.pool.metrics["dimensions"][name]["folds"]
        return to_microseconds(datetime.fromisoformat(folds[border]))

    def _told(self, name: str, rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int32]]:
        """Outcome, weight and lead of these rows."""
        points = self.examples.points
        positive = self.examples.outcomes[name].status[rows] == Status.YES
        return positive, points.weight[rows].astype(np.float64), points.queries.lead[rows]


def shifted(found: CalibratedStack, shift: Shift, *, seed: int) -> CalibratedStack:
    """The calibration with its level moved; its draws, (B,), are moved by as many quantiles of the shift's normal
    distribution in random order, so that intervals carry the shift's doubt, too."""
    count = len(found.intercept_draws)
    quantiles = norm.ppf((np.arange(count) + 0.5) / max(count, 1))
    moves = shift.value + np.sqrt(shift.variance) * np.random.default_rng(seed).permutation(quantiles)
    calibrator = replace(found.calibrator, intercept=found.calibrator.intercept + shift.value)
    return replace(found, calibrator=calibrator, intercept_draws=found.intercept_draws + moves)
