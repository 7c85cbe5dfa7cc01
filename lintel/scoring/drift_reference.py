"""The reference of a new model: its inputs, forecasts and outcomes on the rows that its members did not learn from."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import InputError
from lintel.features.feature import OF_CONTEXT, Aggregation
from lintel.labels.outcomes import Outcome, Status
from lintel.monitoring.drift.binned import BinnedSample, binned, joined
from lintel.monitoring.drift.bins import Bins, quantile_bins
from lintel.monitoring.drift.reference import Profile, Reference, outcome_bins
from lintel.scoring.dimension import LEVEL, Dimension
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.importance import mean_shares
from lintel.scoring.scorer import Scorer

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

MOST_FORECAST = 5_000
"""Rows of each dimension that are forecast, drawn at random."""

SHARED = OF_CONTEXT | {Aggregation.SEASON}
"""What is the same for all leads at a moment. It moves with time itself: no sample of leads can say by how much."""


def drift_reference(scorer: Scorer, examples: Examples, *, seed: int) -> Reference | None:
    """What is normal for a scorer, from the folds that came after those its members learnt from.

    The rows before are left out: forecasts of rows that were learnt from are too sure, and what moved between them and
    the later folds was there when the model was calibrated and judged, and is no news. None if fewer than two leads are
    left.
    """
    rows = _later_rows(scorer, examples)
    lead, as_of = examples.points.queries.lead, examples.points.queries.as_of
    if len(np.unique(lead[rows])) < 2:
        return None
    columns = [place for place, one in enumerate(scorer.catalogue.features) if one.aggregation not in SHARED]
    weight, features = examples.points.weight[rows], examples.features[rows][:, columns]
    bins = quantile_bins([examples.names[place] for place in columns], features.T, weight)
    asked = {name: rows[asked_of(examples.outcomes[name], rows)] for name in scorer.ready}
    asked = {name: some for name, some in asked.items() if len(np.unique(lead[some])) > 1}
    forecast = {name: drawn_rows(some, MOST_FORECAST, seed) for name, some in asked.items()}
    forecast = {name: some for name, some in forecast.items() if len(np.unique(lead[some])) > 1}
    known = {name: some[examples.outcomes[name].mature[some]] for name, some in asked.items()}
    known = {name: some for name, some in known.items() if len(np.unique(lead[some])) > 1}
    return Reference(
        features=Profile(bins, binned(bins, features.T, lead[rows], weight)),
        predictions=_forecast_profile(scorer, examples, forecast),
        outcomes=outcome_profile(examples, known),
        dimensions=tuple(asked),
        importance=_importance(scorer, examples, asked, seed)[:, columns],
        asked_from=int(as_of[rows].min()),
        asked_until=int(as_of[rows].max()),
    )


def probabilities(dimension: Dimension, examples: Examples, rows: Rows) -> Float64:
    """Calibrated probabilities of rows, without their intervals."""
    return expit(dimension.log_odds(examples.inputs(rows)))


def probabilities_with_intervals(
    dimension: Dimension, examples: Examples, rows: Rows
) -> tuple[Float64, tuple[Float64, Float64]]:
    """Calibrated probabilities of rows, and low and high end of the interval of the rate, at the level of answers."""
    margins = dimension.margins(examples.inputs(rows))
    log_odds = dimension.calibrated.log_odds(margins)
    return expit(log_odds), dimension.calibrated.interval(margins, LEVEL, centre=log_odds)


def asked_of(outcome: Outcome, rows: Rows) -> NDArray[np.bool_]:
    """Which rows a dimension is asked about: engagement, say, only before touches."""
    return outcome.status[rows] != Status.NOT_ASKED


def drawn_rows(rows: Rows, most: int, seed: int) -> Rows:
    """At most so many of the rows, at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def outcome_profile(examples: Examples, rows: Mapping[str, Rows]) -> Profile:
    """Mature outcomes of some rows a dimension."""
    bins = outcome_bins(tuple(rows))
    values = {name: (examples.outcomes[name].status[some] == Status.YES) for name, some in rows.items()}
    return Profile(bins, sample_by_dimension(bins, examples, rows, values))


def sample_by_dimension(
    bins: Bins, examples: Examples, rows: Mapping[str, Rows], values: Mapping[str, NDArray[np.generic]]
) -> BinnedSample:
    """One column a dimension of `bins`, each over rows of its own."""
    lead, weight = examples.points.queries.lead, examples.points.weight
    return joined(
        [
            binned(Bins((name,), (cuts,)), [values[name].astype(np.float32)], lead[rows[name]], weight[rows[name]])
            for name, cuts in zip(bins.names, bins.cuts, strict=True)
        ]
    )


def _forecast_profile(scorer: Scorer, examples: Examples, rows: Mapping[str, Rows]) -> Profile:
    found = {name: probabilities(scorer.ready[name], examples, some).astype(np.float32) for name, some in rows.items()}
    bins = [quantile_bins([name], [values], examples.points.weight[rows[name]]) for name, values in found.items()]
    together = Bins(tuple(found), tuple(one.cuts[0] for one in bins))
    return Profile(together, sample_by_dimension(together, examples, rows, found))


def _importance(scorer: Scorer, examples: Examples, asked: Mapping[str, Rows], seed: int) -> Float64:
    sizes = [mean_shares(scorer.ready[name], examples, rows, seed=seed) for name, rows in asked.items()]
    shares = np.array([one[:-1] / max(one.sum(), 1e-12) for one in sizes])  # all but the order of events
    return shares.reshape(len(sizes), len(examples.names))


def _later_rows(scorer: Scorer, examples: Examples) -> Rows:
    """Rows asked since the first dimension's members stopped learning; all rows if none of them learnt here."""
    borders = []
    for name in scorer.ready:
        try:
            borders.append(fold_rows(examples, name).calibration_from)
        except InputError:  # borrowed from a pool: these examples are too few to be split
            continue
    as_of = examples.points.queries.as_of
    return np.flatnonzero(as_of >= min(borders)) if borders else np.arange(len(as_of))
