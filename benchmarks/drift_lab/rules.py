"""Our rule and Evidently's default rule, asked about the same two tables."""

import warnings
from importlib import import_module

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.drift_lab.tables import Float32, Night, Table
from lintel.monitoring.drift.binned import binned
from lintel.monitoring.drift.bins import quantile_bins
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, OUTCOME_DISTANCE, Family, judged

SHARE_OF_COLUMNS = 0.5
"""Of drifted columns, from which on Evidently calls a data set drifted."""


def ours(before: Table, now: Table, distance: float = FEATURE_DISTANCE) -> Family:
    """One family of a nightly decision: a third of the false alarms is its own."""
    names = [str(column) for column in range(before.values.shape[1])]
    bins = quantile_bins(names, before.values.T)
    reference, current = (binned(bins, one.values.T, one.lead) for one in (before, now))
    return judged(names, reference, current, distance=distance)


def nightly(before: Night, now: Night) -> tuple[Family, Family, Family]:
    """Features, forecasts and outcomes, each held against its own distance."""
    return (
        ours(before.features, now.features),
        ours(before.forecasts, now.forecasts),
        ours(before.outcomes, now.outcomes, OUTCOME_DISTANCE),
    )


def evidently_columns(before: Float32, now: Float32) -> NDArray[np.bool_]:
    """Which columns Evidently's own test of choice calls drifted, without the drawing of its report."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = import_module("evidently.legacy.calculations.stattests.registry")
        numeric = import_module("evidently.legacy.core").ColumnType.Numerical
        return np.array([_drifted(tests, numeric, *pair) for pair in zip(before.T, now.T, strict=True)])


def _drifted(tests: object, numeric: object, before: Float32, now: Float32) -> bool:
    first, second = (pd.Series(one[~np.isnan(one)]) for one in (before, now))
    if len(first) == 0 or len(second) == 0 or pd.concat((first, second)).nunique() < 2:
        return False  # its tests fail on these
    test = tests.get_stattest(first, second, numeric, None)  # type: ignore[attr-defined]
    return bool(test(first, second, numeric, None).drifted)
