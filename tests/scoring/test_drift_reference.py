"""What a bundle keeps of its newest rows, for drift to be measured from."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import IncompatibleError
from lintel.labels.outcomes import Status
from lintel.monitoring.drift.reference import FILE, Reference
from lintel.scoring.bundle import Bundle
from lintel.scoring.evaluation import fold_rows


@pytest.fixture
def reference(trained) -> Reference:
    found = Reference.load(trained.path)
    assert found is not None
    return found


def test_it_covers_every_feature_of_leads_and_begins_where_learning_ended(trained, reference: Reference) -> None:
    examples = trained.examples
    shared = {name for name in examples.names if name.startswith(("market_", "now_season"))}
    borders = [fold_rows(examples, name).calibration_from for name in reference.dimensions]
    as_of = examples.points.queries.as_of
    assert len(shared) == 14
    assert reference.features.bins.names == tuple(name for name in examples.names if name not in shared)
    assert reference.asked_from == as_of[as_of >= min(borders)].min()
    assert reference.asked_until == as_of.max()
    assert set(reference.dimensions) == set(trained.bundle.scorer.ready)
    assert reference.features.sample.share.sum(axis=1) == pytest.approx(np.ones(len(examples.names) - 14), abs=1e-6)


def test_importance_is_a_share_of_what_moves_each_dimension(trained, reference: Reference) -> None:
    assert reference.importance.shape == (len(reference.dimensions), len(reference.features.bins.names))
    assert np.all(reference.importance >= 0)
    assert np.all((reference.importance.sum(axis=1) > 0.5) & (reference.importance.sum(axis=1) <= 1 + 1e-5))
    for row, name in zip(reference.importance, reference.dimensions, strict=True):
        strongest = trained.bundle.metrics["dimensions"][name]["importance"][0]["feature"]
        place = np.argsort(-row)[:5]
        assert strongest in {reference.features.bins.names[one] for one in place} | {"sequence"}


def test_base_rates_are_those_of_the_later_mature_rows(trained, reference: Reference) -> None:
    examples = trained.examples
    later = examples.points.queries.as_of >= reference.asked_from
    for column, name in enumerate(reference.outcomes.bins.names):
        status = examples.outcomes[name].status
        rows = later & (status >= Status.NO)
        rate = np.average(status[rows] == Status.YES, weights=examples.points.weight[rows])
        assert reference.outcomes.sample.share[column] == pytest.approx([0, 1 - rate, rate], abs=1e-6)


def test_a_bundle_of_before_there_was_one_loads_and_has_none(trained, tmp_path: Path) -> None:
    trained_before = Bundle(trained.bundle.manifest, trained.bundle.scorer, trained.bundle.report)
    saved = trained_before.save(tmp_path / "before")
    assert Bundle.load(tmp_path / "before").digest == saved.digest != trained.bundle.digest
    assert Reference.load(tmp_path / "before") is None


def test_a_bundle_that_is_loaded_and_saved_again_keeps_its_reference(trained, tmp_path: Path) -> None:
    again = Bundle.load(trained.path).save(tmp_path / "again")
    assert again.digest == trained.bundle.digest
    assert (tmp_path / "again" / FILE).read_bytes() == (trained.path / FILE).read_bytes()


def test_a_changed_reference_is_found(trained, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.path, tmp_path / "copy"))
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(IncompatibleError, match="reference"):
        Bundle.load(folder)
    with pytest.raises(IncompatibleError, match="reference"):
        Reference.load(folder)
