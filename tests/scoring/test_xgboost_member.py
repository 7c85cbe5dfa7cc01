"""What only XGBoost's trees do; what every member does is in tests/contracts/test_members.py."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from lintel.scoring.inputs import Inputs
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.xgboost_member import TreeSettings, XGBoostMember, fit_xgboost

NAMES = ("calls", "replies", "days_idle", "amount", "noise")
SMALL = TreeSettings(max_trees=30, patience=5, learning_rate=0.3, colsample_bytree=0.7, threads=1)
LATER = np.arange(600) >= 450

Float32 = NDArray[np.float32]


@pytest.fixture
def member(make_features: Callable[..., Float32], make_outcome: Callable[..., NDArray[np.bool_]]) -> XGBoostMember:
    features = make_features()
    return fit_xgboost(
        Inputs(features, NAMES),
        make_outcome(features),
        np.ones(600),
        StoppingSlices(~LATER, LATER),
        monotone={"calls": 1},
        seed=1,
        settings=SMALL,
    ).member


def test_keeps_the_declared_direction(member: XGBoostMember, make_features: Callable[..., Float32]) -> None:
    grid = np.repeat(make_features(30, seed=6), 21, axis=0)
    grid[:, 0] = np.tile(np.linspace(-3, 3, 21), 30)
    margin = member.margin(Inputs(grid, NAMES)).reshape(30, 21)
    assert (np.diff(margin, axis=1) >= 0).all()
    assert (margin[:, -1] > margin[:, 0]).all()


def test_a_saved_model_is_one_that_xgboost_reads(
    member: XGBoostMember, make_features: Callable[..., Float32], tmp_path: Path
) -> None:
    member.save(tmp_path / "model.ubj")
    booster = xgboost.Booster(model_file=tmp_path / "model.ubj")
    features = make_features(20)
    expected = booster.inplace_predict(features, predict_type="margin").astype(np.float64)
    assert member.margin(Inputs(features, NAMES)).tobytes() == expected.tobytes()
    assert member.trees == booster.num_boosted_rounds() > 1


def test_one_thread_serves(member: XGBoostMember, tmp_path: Path) -> None:
    member.save(tmp_path / "model.ubj")
    booster = XGBoostMember.load(tmp_path / "model.ubj").booster
    assert '"nthread":"1"' in booster.save_config()
