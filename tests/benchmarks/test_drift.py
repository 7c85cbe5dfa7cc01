"""The drift benchmark in small: that it measures what it says."""

import numpy as np
import pytest

from benchmarks.drift_lab.concept import Course, changed_streams, still_streams
from benchmarks.drift_lab.scale import measured, write_table
from benchmarks.drift_lab.simulation import Cell, false_alarms, power
from benchmarks.drift_lab.streams import Stream, course, injected, shuffled, watched
from benchmarks.drift_lab.tables import ROWS_A_LEAD, table


def test_where_nothing_has_moved_ours_is_silent_and_evidently_is_not() -> None:
    found = {one["design"]: one for one in false_alarms((Cell(200, 60, 6, 2),), seed=3)}
    assert all(one["alarms"] == one["beyond_chance"] == 0.0 for one in found.values())
    assert found.pop("")["nights"] == 6 * len(found)
    assert all(one["p_below_5_percent"] <= 0.08 for one in found.values())
    assert found["independent"]["evidently_any_column"] == 1.0
    assert found["clustered"]["evidently_columns"] > 0.15


def test_large_shifts_are_found_and_trifles_are_not() -> None:
    found = {(one["design"], one["shift"]): one for one in power((Cell(1_000, 50, 3, 1),), seed=4)}
    assert found["independent", 0.02]["ours_found"] == 0.0
    assert found["independent", 0.5]["ours_found"] > 0.8
    assert found["clustered", 1.0]["ours_found"] > 0.8
    assert max(one["ours_false"] for one in found.values()) <= 0.01


def test_an_estimated_calibration_is_no_drift_and_a_real_change_is() -> None:
    still = list(still_streams(Course(4, 4_000), seed=5))
    assert [one["alarms"] for one in still] == [0.0] * 6
    found = {(one["calibrated_on"], one["change"]): one for one in changed_streams(Course(2, 500, 4_000), seed=5)}
    assert found[2_000, "far fewer deals"]["noticed"] == 1.0
    assert found[2_000, "far fewer deals"]["after_leads"] >= found[2_000, "far fewer deals"]["exact_after_leads"]


def test_uneven_rows_a_lead_are_five_in_the_mean() -> None:
    counts = np.bincount(table("uneven", 50_000, 1, np.random.default_rng(1)).lead)
    assert counts.mean() == pytest.approx(ROWS_A_LEAD, rel=0.1)
    assert counts.max() > 5 * ROWS_A_LEAD


def test_rows_of_a_lead_resemble_each_other() -> None:
    found = table("clustered", 1_000, 4, np.random.default_rng(1))
    first = found.values[:, 0].reshape(-1, ROWS_A_LEAD)
    assert np.corrcoef(first[:, 0], first[:, 1])[0, 1] == pytest.approx(0.7, abs=0.15)


@pytest.fixture
def stream() -> Stream:
    random, rows = np.random.default_rng(2), 6_000
    features = random.standard_normal((rows, 5)).astype(np.float32)
    positive = random.random(rows) < 1 / (1 + np.exp(-1.5 * features[:, 0]))
    order = np.arange(rows)
    return Stream("still", features, positive, order, order // 600, 12.0, 50_000.0)


def test_a_still_stream_raises_no_alarm_of_ours(stream: Stream) -> None:
    found = watched(stream)
    assert found.concept.alarm is None
    told = course(stream, found)["rules"]
    assert [told[name]["share"] for name in ("inputs", "forecasts", "outcomes")] == [0.0, 0.0, 0.0]


def test_changes_are_injected_where_it_says(stream: Stream) -> None:
    flipped, first = injected(stream, "outcomes", seed=1)
    still = shuffled(stream, seed=1)
    assert np.array_equal(flipped.positive[:first], still.positive[:first])
    assert (flipped.positive[first:] != still.positive[first:]).mean() == pytest.approx(0.3, abs=0.05)
    moved, _ = injected(stream, "feature", seed=1)
    assert np.array_equal(moved.features[:, 0], still.features[:, 0])
    assert (moved.features[first:, 1] - still.features[first:, 1]).mean() == pytest.approx(0.5, abs=0.03)


def test_cost_is_measured_in_a_process_of_its_own(tmp_path) -> None:
    write_table(tmp_path / "rows.parquet", 2_000, 8, seed=1)
    found = measured(tmp_path / "rows.parquet", "ours")
    assert found["moved"] == 0
    assert found["peak_mb"] > 50
    assert found["cpu_seconds"] > 0
