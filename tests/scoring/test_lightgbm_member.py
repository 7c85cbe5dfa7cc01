"""What only LightGBM's trees do; what every member does is in tests/contracts/test_members.py."""

from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.features.catalogue import catalogue
from lintel.scoring.inputs import Inputs
from lintel.scoring.lightgbm_member import LeafSettings, LightGBMMember, fit_lightgbm
from lintel.scoring.stopping import StoppingSlices

NAMES = ("calls", "replies", "days_idle", "amount", "noise")
SMALL = LeafSettings(max_trees=30, patience=5, learning_rate=0.3, feature_fraction=0.7, min_data_in_leaf=10, threads=1)
LATER = np.arange(600) >= 450

Float32 = NDArray[np.float32]


@pytest.fixture
def member(make_features: Callable[..., Float32], make_outcome: Callable[..., NDArray[np.bool_]]) -> LightGBMMember:
    features = make_features()
    return fit_lightgbm(
        Inputs(features, NAMES),
        make_outcome(features),
        np.ones(600),
        StoppingSlices(~LATER, LATER),
        monotone={"calls": 1},
        seed=1,
        settings=SMALL,
    ).member


def test_keeps_the_declared_direction(member: LightGBMMember, make_features: Callable[..., Float32]) -> None:
    grid = np.repeat(make_features(30, seed=6), 21, axis=0)
    grid[:, 0] = np.tile(np.linspace(-3, 3, 21), 30)
    margin = member.margin(Inputs(grid, NAMES)).reshape(30, 21)
    assert (np.diff(margin, axis=1) >= 0).all()
    assert (margin[:, -1] > margin[:, 0]).all()


def test_a_saved_model_is_one_that_lightgbm_reads(
    member: LightGBMMember, make_features: Callable[..., Float32], tmp_path: Path
) -> None:
    member.save(tmp_path / "model.txt")
    booster = lightgbm.Booster(model_file=tmp_path / "model.txt")
    features = make_features(20)
    expected = np.asarray(booster.predict(features, raw_score=True))
    assert member.margin(Inputs(features, NAMES)).tobytes() == expected.tobytes()
    assert member.trees == booster.num_trees() > 1


def test_names_of_features_are_ones_that_lightgbm_takes() -> None:
    forbidden = set(',:[]{}" ')  # it writes them as JSON, and as a list with spaces between
    assert not [name for name in catalogue().names if forbidden & set(name) or not name.isascii()]
