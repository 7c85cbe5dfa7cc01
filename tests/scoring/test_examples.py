"""Examples on disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lintel.errors import IncompatibleError
from lintel.labels.outcomes import Status
from lintel.scoring.examples import Examples, build_examples


def test_saved_and_loaded_is_equal(trained, tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    trained.examples.save(path)
    loaded = Examples.load(path)
    assert loaded.digest == trained.examples.digest
    assert loaded.data == trained.examples.data
    assert loaded.lead_ids == trained.examples.lead_ids
    assert loaded.features.tobytes() == trained.examples.features.tobytes()


def test_the_digest_tells_other_labels_features_and_seeds(trained) -> None:
    assert build_examples(trained.log, seed=5, per_origin=3).digest == trained.examples.digest
    assert build_examples(trained.log, seed=6, per_origin=3).digest != trained.examples.digest


def test_a_dimension_without_a_definition_is_asked_of_nobody(trained) -> None:
    assert set(trained.examples.table().column("label.budget.status").to_pylist()) == {Status.NOT_ASKED}


def test_the_summary_counts_every_point(trained) -> None:
    row = next(line for line in trained.examples.label_summary().splitlines() if line.startswith("| conversion"))
    assert sum(int(cell.replace(",", "")) for cell in row.split("|")[2:-1]) == len(trained.examples)


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": np.arange(3)}), tmp_path / "other.parquet")
    with pytest.raises(IncompatibleError, match=r"other\.parquet holds no examples"):
        Examples.load(tmp_path / "other.parquet")


def test_some_of_the_points_are_examples_of_their_own(trained) -> None:
    rows = np.flatnonzero(np.arange(len(trained.examples)) % 3 == 0)
    some = trained.examples.take(rows)
    assert len(some) == len(rows)
    np.testing.assert_array_equal(some.features, trained.examples.features[rows])
    np.testing.assert_array_equal(some.outcomes["timing"].days, trained.examples.outcomes["timing"].days[rows])
    assert some.inputs(np.array([1])).sequences.kind.tolist() == (
        trained.examples.inputs(rows[1:2]).sequences.kind.tolist()
    )
    assert some.digest != trained.examples.digest
