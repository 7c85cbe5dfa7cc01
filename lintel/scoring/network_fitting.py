"""What the network is taught: all dimensions at once, up to the first border that any of them has.

The encoder is shared. What it learnt of one dimension's later labels it would know in another, on the very leads that
the other is calibrated on; so no label counts that became known after the earliest calibration fold begins.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import Question, Timing
from lintel.labels.outcomes import Status
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds
from lintel.scoring.inputs import Inputs
from lintel.scoring.network_settings import NetworkSettings
from lintel.scoring.network_target import Target, question_target, timing_target
from lintel.scoring.stopping import stopping_slices

if TYPE_CHECKING:
    from lintel.scoring.network_training import FittedNetwork

Rows = NDArray[np.intp]


def fit_shared_network(
    examples: Examples,
    entries: Mapping[str, Question | Timing],
    catalogue: Catalogue,
    *,
    seed: int,
    settings: NetworkSettings | None = None,
) -> "FittedNetwork | None":
    """The network of all dimensions that can be learnt; None if there is none."""
    folds = {name: found for name in entries if (found := _folds(examples, name)) is not None}
    if not folds:
        return None
    border = min(one.calibration_from for one in folds.values())
    targets = {
        name: _target(examples, entries[name], one, border, catalogue.directions(name)) for name, one in folds.items()
    }
    targets = {name: one for name, one in targets.items() if len(one.rows)}
    taught = np.unique(np.concatenate([one.rows for one in targets.values()]))
    columns = [examples.names.index(name) for name in examples.learnable(taught).names]
    inputs = Inputs(examples.features, examples.names, examples.sequences).select(np.array(columns))
    # PyTorch takes seconds to load, and a gigabyte with a GPU: only those who train pay
    training = import_module("lintel.scoring.network_training")
    lead, weight = examples.points.queries.lead, examples.points.weight
    try:
        network: FittedNetwork = training.fit_network(inputs, lead, weight, targets, seed=seed, settings=settings)
    except InputError:
        return None
    return network


def _folds(examples: Examples, name: str) -> Folds | None:
    try:
        return fold_rows(examples, name)
    except InputError:
        return None


def _target(
    examples: Examples, entry: Question | Timing, folds: Folds, border: int, monotone: Mapping[str, int]
) -> Target:
    queries, outcome = examples.points.queries, examples.outcomes[entry.name]
    if isinstance(entry, Timing):
        rows = np.flatnonzero((outcome.status != Status.NOT_ASKED) & (queries.as_of < border))
        days = np.full(len(rows), np.nan) if outcome.days is None else outcome.days[rows]
        observed = outcome.days_observed(queries.as_of, border)[rows]
        slices = stopping_slices(queries.lead[rows], queries.as_of[rows])
        return timing_target(rows, days, observed, slices, horizon_days=entry.horizon / MICROSECONDS_PER_DAY)
    rows = np.flatnonzero((folds.fold == Fold.TRAIN) & (outcome.known_from <= border))
    slices = stopping_slices(queries.lead[rows], queries.as_of[rows])
    return question_target(rows, outcome.status[rows] == Status.YES, slices, monotone=monotone)
