"""The night's finding about a small bundle: what it says where nothing, and where something, has moved."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lintel.monitoring.drift.bins import MISSING
from lintel.monitoring.drift.finding import drift_finding
from lintel.monitoring.drift.plot import drift_plot
from lintel.monitoring.drift.reference import Reference
from lintel.scoring.examples import Examples
from tests.scoring.conftest import Trained, synthetic_events, trained

__all__ = ["synthetic_events", "trained"]  # fixtures
DAYS = 30.0


@pytest.fixture
def path(trained: Trained, tmp_path: Path) -> Path:
    trained.examples.save(tmp_path / "examples.parquet")
    return tmp_path / "examples.parquet"


def judge(trained: Trained, path: Path, *, days: float = DAYS) -> dict:
    reference = Reference.load(trained.path)
    assert reference is not None
    examples = Examples.load(path)
    channel = np.where(np.arange(len(examples.lead_ids)) % 2, "web", "call").astype(np.str_)
    arguments = trained.bundle, reference, examples, path, {"channel": channel}
    return drift_finding(*arguments, window_days=days, seed=5)


def change(path: Path, name: str, values: np.ndarray) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index(name)
    pq.write_table(table.set_column(place, name, pa.array(values)), path)


def test_it_counts_all_rows_of_the_window_and_is_plain_json(trained: Trained, path: Path) -> None:
    found = judge(trained, path)
    as_of = trained.examples.points.queries.as_of
    inside = as_of > trained.examples.data.log_end - int(DAYS * 86_400_000_000)
    assert found["rows"] == inside.sum()
    assert found["leads"] == len(np.unique(trained.examples.points.queries.lead[inside]))
    assert set(found["outcomes"]) <= set(trained.bundle.scorer.ready)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert drift_plot(found).startswith(b"\x89PNG")


def test_a_feature_that_breaks_is_named_with_the_channel_that_broke_it(trained: Trained, path: Path) -> None:
    reference = Reference.load(trained.path)
    assert reference is not None
    there = reference.features.sample.share[:, MISSING] < 0.01
    strongest = reference.features.bins.names[int(np.argmax(reference.overall_importance * there))]
    examples = trained.examples
    web = examples.points.queries.lead % 2 == 1
    values = examples.features[:, examples.names.index(strongest)].copy()
    values[web] = np.nan
    before = judge(trained, path)["features"]["columns"][strongest]
    change(path, strongest, values)
    found = judge(trained, path)
    one = found["features"]["columns"][strongest]
    assert not before["moved"]
    assert one["moved"]
    assert one["missing"][1] == pytest.approx(0.5, abs=0.2)
    assert (one["explained_by"]["by"], one["explained_by"]["value"]) == ("channel", "web")
    assert strongest in found["explanation"]
    assert found["moved_of_what_is_used"] >= one["importance"] - 1e-4


def test_of_a_single_lead_nothing_is_judged(trained: Trained, path: Path) -> None:
    trained.examples.take(np.flatnonzero(trained.examples.points.queries.lead == 0)).save(path)
    found = judge(trained, path)
    assert (found["alarm"], found["status"]) == (False, "not_enough_data")


def test_outcomes_that_were_told_since_are_watched(trained: Trained, path: Path) -> None:
    """Of a model that knew nothing after half of the log, the outcomes of the rest are all news."""
    half = replace(trained.bundle.manifest, known_until="2024-03-15T00:00:00Z")
    older = replace(trained, bundle=replace(trained.bundle, manifest=half))
    now, then = judge(trained, path)["concept"], judge(older, path)["concept"]
    assert all(one["leads"] == 0 and not one["alarm"] for one in now.values())
    assert all(one["leads"] > 50 for one in then.values())


def test_examples_are_read_from_a_moment_on(trained: Trained, path: Path) -> None:
    as_of = trained.examples.points.queries.as_of
    border = int(np.median(as_of))
    later = Examples.load(path, asked_from=border)
    expected = trained.examples.take(np.flatnonzero(as_of >= border))
    assert np.array_equal(later.features, expected.features, equal_nan=True)
    assert later.lead_ids == expected.lead_ids
    assert np.array_equal(later.points.queries.lead, expected.points.queries.lead)
