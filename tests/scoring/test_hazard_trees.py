"""A hazard made of either kind of trees keeps the same promises."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lintel.errors import IncompatibleError
from lintel.scoring.hazard import Hazard, fit_hazard
from lintel.scoring.inputs import Inputs
from lintel.scoring.lightgbm_member import LeafSettings, fit_lightgbm
from lintel.scoring.model_file import write_model
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.timing_curve import EDGES_DAYS
from lintel.scoring.xgboost_member import TreeSettings, fit_xgboost

COUNT = 2000
TREES = TreeSettings(max_trees=80, learning_rate=0.1, threads=1)
LEAVES = LeafSettings(max_trees=80, learning_rate=0.1, threads=1)
KINDS = {
    "xgboost": partial(fit_hazard, fit=fit_xgboost, settings=TREES),
    "lightgbm": partial(fit_hazard, fit=fit_lightgbm, settings=LEAVES),
}


def known(count: int = COUNT) -> Inputs:
    random = np.random.default_rng(1)
    return Inputs(random.normal(size=(count, 3)).astype(np.float32), ("haste", "noise", "more_noise"))


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def hazard(kind: str) -> Hazard:
    """Days are exponential, shorter with haste; observation ends at 30 days."""
    inputs = known()
    days = np.random.default_rng(2).exponential(10 * np.exp(-inputs.features[:, 0]))
    later = np.arange(COUNT) >= 1500
    fitted: Hazard = KINDS[kind](
        inputs, days, np.full(COUNT, 30.0), np.ones(COUNT), StoppingSlices(~later, later), horizon_days=14.0, seed=1
    ).member
    return fitted


def test_it_is_of_the_kind_of_its_trees(hazard: Hazard, kind: str) -> None:
    assert (hazard.kind, hazard.names) == (kind, ("haste", "noise", "more_noise"))


def test_the_curve_follows_the_truth(hazard: Hazard) -> None:
    inputs = known(800)
    chance, column = hazard.cumulative(inputs), EDGES_DAYS.index(14.0) - 1
    true = 1 - np.exp(-14 / (10 * np.exp(-inputs.features[:, 0].astype(float))))
    assert np.abs(chance[:, column] - true).mean() < 0.08
    assert (np.diff(chance, axis=1) >= 0).all()


def test_each_bin_has_the_mean_of_what_happened(kind: str) -> None:
    """Few and cautious trees, of which two bins differ by a factor of a hundred, leave no bin too high or too low."""
    inputs, random = known(), np.random.default_rng(3)
    days = np.where(random.random(COUNT) < 0.01, 0.5, np.where(random.random(COUNT) < 0.6, 6.0, np.nan))
    later = np.arange(COUNT) >= 1500
    few = replace(KINDS[kind].keywords["settings"], max_trees=3)
    fitted = KINDS[kind](
        inputs,
        days,
        np.full(COUNT, 30.0),
        np.ones(COUNT),
        StoppingSlices(~later, later),
        horizon_days=14.0,
        seed=1,
        settings=few,
    )
    mean = fitted.member.cumulative(inputs).mean(axis=0)
    assert mean[0] == pytest.approx(np.mean(days == 0.5), rel=0.1)
    assert mean[EDGES_DAYS.index(14.0) - 1] == pytest.approx(np.mean(days <= 6.0), rel=0.02)


def test_contributions_sum_to_the_margin_and_name_the_cause(hazard: Hazard) -> None:
    inputs = known(60)
    shares = hazard.contributions(inputs)
    assert shares.shape == (60, 5)
    np.testing.assert_allclose(shares.sum(axis=1), hazard.margin(inputs), atol=1e-5)
    assert np.abs(shares[:, 0]).mean() > 5 * np.abs(shares[:, 1]).mean()
    assert (shares[:, -2] == 0.0).all()


def test_it_is_loaded_as_what_it_was_saved(hazard: Hazard, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "timing.ubj"
    hazard.save(path)
    loaded = Hazard.load(path, horizon_days=14.0, kind=kind)
    np.testing.assert_array_equal(loaded.cumulative(known(30)), hazard.cumulative(known(30)))
    other = next(name for name in KINDS if name != kind)
    with pytest.raises(IncompatibleError, match=r"timing\.ubj"):
        Hazard.load(path, horizon_days=14.0, kind=other)
    start = tmp_path / "timing.ubj.start.txt"
    start.write_bytes(start.read_bytes()[:-1])
    with pytest.raises(IncompatibleError, match=r"timing\.ubj\.start\.txt is corrupt"):
        Hazard.load(path, horizon_days=14.0, kind=kind)


@pytest.mark.parametrize("content", [b"{", b"3", b"[1.0, 2.0]", b'["a"]', b""])
def test_a_start_that_is_none_is_refused(hazard: Hazard, kind: str, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "timing.ubj"
    hazard.save(path)
    write_model(tmp_path / "timing.ubj.start.txt", content)
    with pytest.raises(IncompatibleError, match="does not hold the 14 log-odds"):
        Hazard.load(path, horizon_days=30.0, kind=kind)
