"""What there is to compare with a model's reference: the newest decision points, and outcomes that were told since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lintel.events.moments import to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.outcomes import Status
from lintel.monitoring.drift.binned import BinnedSample, binned
from lintel.monitoring.drift.bins import Bins
from lintel.monitoring.drift.concept import RUN_LENGTH, Concept, Matured, matured_leads, watch
from lintel.monitoring.drift.parquet import parquet_columns
from lintel.monitoring.drift.reference import Profile
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import Dimension
from lintel.scoring.drift_reference import (
    asked_of,
    drawn_rows,
    probabilities,
    probabilities_with_intervals,
    sample_by_dimension,
)
from lintel.scoring.examples import Examples

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]

MOST_FORECAST = 20_000
"""Rows of each dimension that are forecast, drawn at random; features are compared over all rows."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows asked from `begin` to `end` (UTC µs), as far as the log goes."""

    begin: int
    end: int

    @classmethod
    def last(cls, days: float, log_end: int) -> "Window":
        return cls(log_end - int(days * MICROSECONDS_PER_DAY), log_end)

    def holds(self, moments: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (moments > self.begin) & (moments <= self.end)


@dataclass(frozen=True, slots=True)
class MaturedForecasts:
    """The matured leads of a dimension and what the sequential test says of them."""

    matured: Matured
    concept: Concept


def feature_sample(path: Path, bins: Bins, window: Window) -> tuple[BinnedSample, int] | None:
    """All rows of a file of examples that lie in the window, column by column, and their number; None if they are of
    fewer than two leads."""
    narrow = pq.read_table(path, columns=["lead_id", "as_of", "weight"])
    rows = window.holds(narrow.column("as_of").cast(pa.int64()).to_numpy())
    lead = narrow.column("lead_id").combine_chunks().indices.to_numpy()[rows]
    if len(np.unique(lead)) < 2:
        return None
    weight = narrow.column("weight").to_numpy()[rows]
    return binned(bins, parquet_columns(path, bins.names, rows), lead, weight), int(rows.sum())


def forecast_sample(
    reference: Profile, bundle: Bundle, examples: Examples, window: Window, *, seed: int
) -> tuple[tuple[str, ...], BinnedSample, BinnedSample]:
    """Forecasts of rows in the window, by dimension: names, the reference's sample and the current one."""
    inside = np.flatnonzero(window.holds(examples.points.queries.as_of))
    asked = {name: inside[asked_of(examples.outcomes[name], inside)] for name in bundle.scorer.ready}
    rows = {name: drawn_rows(some, MOST_FORECAST, seed) for name, some in asked.items()}
    rows = _comparable(reference, examples, rows)
    values = {name: probabilities(bundle.scorer.ready[name], examples, some) for name, some in rows.items()}
    return _paired(reference, examples, rows, values)


def outcome_sample(
    reference: Profile, bundle: Bundle, examples: Examples, window: Window
) -> tuple[tuple[str, ...], BinnedSample, BinnedSample]:
    """As `forecast_sample`, of outcomes that became known in the window."""
    found = {name: examples.outcomes[name] for name in bundle.scorer.ready}
    rows = {name: np.flatnonzero(one.mature & window.holds(one.known_from)) for name, one in found.items()}
    rows = _comparable(reference, examples, rows)
    values = {name: examples.outcomes[name].status[some] == Status.YES for name, some in rows.items()}
    return _paired(reference, examples, rows, values)


def matured_forecasts(bundle: Bundle, examples: Examples) -> dict[str, MaturedForecasts]:
    """By dimension, the model's own forecasts whose outcome was told after it was trained, one entry a lead.

    The run length holds over all dimensions together: each is watched at as many times its threshold, and may be off by
    the interval that was told with its scores.
    """
    learnt_until = to_microseconds(datetime.fromisoformat(bundle.manifest.known_until))
    found = {}
    for name, dimension in bundle.scorer.ready.items():
        outcome, points = examples.outcomes[name], examples.points
        rows = np.flatnonzero(outcome.mature & (outcome.known_from > learnt_until))
        probability, interval = _rates(dimension, examples, rows)
        positive = outcome.status[rows] == Status.YES
        weight, lead = points.weight[rows].astype(np.float64), points.queries.lead[rows]
        matured = matured_leads(positive, probability, weight, lead, outcome.known_from[rows], interval=interval)
        found[name] = MaturedForecasts(matured, watch(matured, run_length=RUN_LENGTH * len(bundle.scorer.ready)))
    return found


def _rates(dimension: Dimension, examples: Examples, rows: Rows) -> tuple[Float64, tuple[Float64, Float64]]:
    """Forecasts of rows with their intervals; also of none."""
    if not len(rows):
        return np.zeros(0), (np.zeros(0), np.zeros(0))
    return probabilities_with_intervals(dimension, examples, rows)


def _comparable(reference: Profile, examples: Examples, rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """Those dimensions that the reference has and that have rows of two leads at least."""
    lead = examples.points.queries.lead
    known = set(reference.bins.names)
    return {name: some for name, some in rows.items() if name in known and len(np.unique(lead[some])) > 1}


def _paired(
    reference: Profile, examples: Examples, rows: Mapping[str, Rows], values: Mapping[str, NDArray[np.generic]]
) -> tuple[tuple[str, ...], BinnedSample, BinnedSample]:
    names = tuple(rows)
    place = [reference.bins.names.index(name) for name in names]
    bins = Bins(names, tuple(reference.bins.cuts[one] for one in place))
    before, now = reference.sample.take(place), sample_by_dimension(bins, examples, rows, values)
    width = max(before.share.shape[1], now.share.shape[1])
    return names, before.widened(width), now.widened(width)
