"""Evidently's report on a sample: pictures to look at, beside our own decision over all rows."""

import os
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lintel.scoring.examples import Examples

SAMPLE_LEADS = 1_000
"""Leads of either sample, one row each: Evidently's tests take rows for independent."""
SHOWN_FEATURES = 30


def sample(examples: Examples, asked: NDArray[np.bool_], names: list[str], *, seed: int) -> pd.DataFrame:
    """One row each of at most SAMPLE_LEADS leads, drawn by its weight in the serving mix."""
    rows = np.flatnonzero(asked)
    weight = examples.points.weight[rows]
    order = np.random.default_rng(seed).choice(rows, len(rows), replace=False, p=weight / weight.sum())
    _, first = np.unique(examples.points.queries.lead[order], return_index=True)
    drawn = np.sort(order[np.sort(first)[:SAMPLE_LEADS]])
    columns = [examples.names.index(name) for name in names]
    return pd.DataFrame(examples.features[np.ix_(drawn, columns)], columns=names)


def write_report(before: pd.DataFrame, now: pd.DataFrame, path: Path) -> dict[str, int]:
    """Evidently's data drift report as one HTML file; how many columns it compared and how many of them it calls
    drifted. Columns without any value in one of the samples are left out: it cannot compare them."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # only its web service reports usage; should that change, it is off
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports and its arithmetic on short columns warn by the dozen
        evidently, presets = import_module("evidently"), import_module("evidently.presets")  # three seconds
        names = [name for name in before if before[name].notna().any() and now[name].notna().any()]
        definition = evidently.DataDefinition(numerical_columns=names)
        old, new = (evidently.Dataset.from_pandas(frame[names], data_definition=definition) for frame in (before, now))
        run = evidently.Report([presets.DataDriftPreset()]).run(new, old)
        run.save_html(str(path))
        drifted = run.dict()["metrics"][0]["value"]["count"]
    return {"compared": len(names), "drifted": int(drifted)}
