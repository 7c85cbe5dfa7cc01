"""The golden request: the same numbers pass, other numbers are named, and no tenant's events are in it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import IncompatibleError
from lintel.scoring.bundle import Bundle
from lintel.scoring.golden import TOLERANCE, GoldenRequest, check_golden
from lintel.scoring.golden_events import golden_events


def test_a_bundle_answers_as_when_it_was_trained(trained) -> None:
    trained.bundle.check_golden()
    Bundle.load(trained.path).check_golden()


def test_every_dimension_is_exercised_by_both_models(trained) -> None:
    numbers = trained.bundle.golden.numbers
    for name in trained.bundle.scorer.ready:
        for model in ("full", "light"):
            probability = numbers[f"{model}.{name}.probability"]
            assert len(probability) == 24
            assert len(np.unique(probability)) > 3
        assert np.abs(numbers[f"full.{name}.shares"]).sum() > 0
    assert numbers["full.timing.cumulative"].ndim == 2


@pytest.mark.parametrize("name", ["full.conversion.probability", "light.churn.low", "full.timing.cumulative"])
def test_another_number_is_refused_by_name(trained, name: str) -> None:
    golden = trained.bundle.golden
    other = golden.numbers[name].copy()
    other.flat[-1] += 3 * TOLERANCE
    moved = replace(trained.bundle, golden=replace(golden, numbers={**golden.numbers, name: other}))
    with pytest.raises(IncompatibleError, match=name.replace(".", r"\.")) as refused:
        moved.check_golden()
    assert refused.value.mend


def test_numbers_within_the_tolerance_pass(trained) -> None:
    golden = trained.bundle.golden
    near = {name: values + TOLERANCE / 3 for name, values in golden.numbers.items()}
    replace(trained.bundle, golden=replace(golden, numbers=near)).check_golden()


def test_numbers_that_are_missing_or_new_are_refused(trained) -> None:
    bundle, golden = trained.bundle, trained.bundle.golden
    without = {name: values for name, values in golden.numbers.items() if name != "full.priority"}
    with pytest.raises(IncompatibleError, match=r"full\.priority was not computed then"):
        check_golden(replace(golden, numbers=without), bundle.scorer, bundle.lighter.scorer)
    with pytest.raises(IncompatibleError, match=r"light\..* is not computed now"):
        check_golden(golden, bundle.scorer, None)


def test_a_changed_model_is_found(trained) -> None:
    conversion = trained.bundle.scorer.ready["conversion"]
    calibrator = conversion.calibrated.calibrator
    moved = replace(
        conversion,
        calibrated=replace(
            conversion.calibrated, calibrator=replace(calibrator, intercept=calibrator.intercept + 1e-3)
        ),
    )
    scorer = replace(trained.bundle.scorer, dimensions={**trained.bundle.scorer.dimensions, "conversion": moved})
    with pytest.raises(IncompatibleError, match=r"full\.conversion\."):
        replace(trained.bundle, scorer=scorer).check_golden()


def test_is_written_and_read_as_it_is(trained, tmp_path: Path) -> None:
    golden = trained.bundle.golden
    golden.save(tmp_path / "golden.npz")
    again = GoldenRequest.load(tmp_path / "golden.npz")
    assert again.as_of == golden.as_of
    assert again.numbers.keys() == golden.numbers.keys()
    assert all(np.array_equal(again.numbers[name], one, equal_nan=True) for name, one in golden.numbers.items())
    np.testing.assert_array_equal(again.columns.kind, golden.columns.kind)
    golden.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "golden.npz").read_bytes()


def test_holds_simulated_events_and_none_of_the_tenants(trained) -> None:
    columns, as_of = golden_events()
    golden = trained.bundle.golden
    assert golden.as_of == as_of
    assert len(golden.columns) == len(columns)
    assert not set(golden.columns.episode_id.tolist()) & set(trained.log.columns.episode_id.tolist()) - {0}


def test_a_corrupt_file_is_refused(trained, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.path, tmp_path / "copy"))
    content = (folder / "golden.npz").read_bytes()
    (folder / "golden.npz").write_bytes(content[:-200])
    with pytest.raises(IncompatibleError, match=r"golden\.npz"):
        Bundle.load(folder)
    with pytest.raises(IncompatibleError, match=r"golden\.npz is corrupt"):
        GoldenRequest.load(folder / "golden.npz")
