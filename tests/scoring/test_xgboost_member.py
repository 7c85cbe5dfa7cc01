"""The contract that every member keeps, on the tree member and on the hazard."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.hazard import Hazard, fit_hazard
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.xgboost_member import TreeSettings, XGBoostMember, fit_xgboost

NAMES = ("calls", "replies", "days_idle", "amount", "noise")
SMALL = TreeSettings(max_trees=30, patience=5, learning_rate=0.3, colsample_bytree=0.7, threads=1)

Float32 = NDArray[np.float32]
Make = Callable[..., NDArray[np.bool_]]
Member = XGBoostMember | Hazard


def slices_of(count: int) -> StoppingSlices:
    later = np.arange(count) >= count * 3 // 4
    return StoppingSlices(~later, later)


def fit(kind: str, features: Float32, positive: NDArray[np.bool_], seed: int = 1) -> Member:
    weight, slices = np.ones(len(features)), slices_of(len(features))
    if kind == "trees":
        return fit_xgboost(
            features, positive, weight, slices, names=NAMES, monotone={"calls": 1}, seed=seed, settings=SMALL
        )
    days = np.where(positive, 3.5, 20.0)
    observed = np.full(len(features), 60.0)
    return fit_hazard(
        features, days, observed, weight, slices, names=NAMES, horizon_days=14.0, seed=seed, settings=SMALL
    )


@pytest.fixture(params=["trees", "hazard"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def member(kind: str, make_features: Callable[..., Float32], make_outcome: Make) -> Member:
    features = make_features()
    return fit(kind, features, make_outcome(features))


def test_learns_what_is_there(member: Member, make_features: Callable[..., Float32], make_outcome: Make) -> None:
    features = make_features(seed=99)
    positive = make_outcome(features, seed=98)
    margin = member.margin(features, NAMES)
    assert margin[positive].mean() > margin[~positive].mean() + 1.0


def test_same_seed_same_model(kind: str, make_features: Callable[..., Float32], make_outcome: Make) -> None:
    features = make_features()
    positive = make_outcome(features)
    first, second, other = (fit(kind, features, positive, seed).margin(features, NAMES) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


def test_alone_as_in_a_batch(member: Member, make_features: Callable[..., Float32]) -> None:
    features = make_features(50)
    together = member.margin(features, NAMES)
    alone = np.concatenate([member.margin(row[None], NAMES) for row in features])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-12)


def test_refuses_columns_in_another_order(member: Member, make_features: Callable[..., Float32]) -> None:
    with pytest.raises(InputError, match="calls"):
        member.margin(make_features(3), ("replies", "calls", *NAMES[2:]))
    with pytest.raises(InputError, match="number"):
        member.margin(make_features(3)[:, :4], NAMES[:4])
    with pytest.raises(InputError, match="shape"):
        member.margin(make_features(3)[:, :4], NAMES)


def test_missing_is_taken_and_infinite_refused(member: Member, make_features: Callable[..., Float32]) -> None:
    features = make_features(4)
    features[:] = np.nan
    assert np.isfinite(member.margin(features, NAMES)).all()
    features[2, 1] = np.inf
    with pytest.raises(InputError, match="'replies' is infinite"):
        member.margin(features, NAMES)


def test_refuses_a_single_class(kind: str, make_features: Callable[..., Float32]) -> None:
    features = make_features()
    if kind == "hazard":
        with pytest.raises(InputError, match="0 positives"):
            fit_hazard(
                features,
                np.full(len(features), np.nan),
                np.full(len(features), 60.0),
                np.ones(len(features)),
                slices_of(len(features)),
                names=NAMES,
                horizon_days=14.0,
                seed=1,
            )
        return
    with pytest.raises(InputError, match="0 positives"):
        fit(kind, features, np.zeros(len(features), bool))


def test_refuses_no_rows(kind: str, make_features: Callable[..., Float32]) -> None:
    with pytest.raises(InputError, match="0 positives among 0 rows"):
        fit(kind, make_features(0), np.zeros(0, bool))


def test_scores_no_rows(member: Member, make_features: Callable[..., Float32]) -> None:
    assert member.margin(make_features(0), NAMES).shape == (0,)
    assert member.contributions(make_features(0), NAMES).shape == (0, 6)


def test_saved_and_loaded_is_equal(
    kind: str, member: Member, make_features: Callable[..., Float32], tmp_path: Path
) -> None:
    path = tmp_path / "model.ubj"
    member.save(path)
    loaded: Member = XGBoostMember.load(path) if kind == "trees" else Hazard.load(path, horizon_days=14.0)
    features = make_features(20, seed=8)
    assert loaded.names == NAMES
    assert loaded.margin(features, NAMES).tobytes() == member.margin(features, NAMES).tobytes()
    assert not path.read_bytes().startswith(b"\x80")  # how a pickle begins


def test_refuses_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.ubj"
    path.write_bytes(b"not a model")
    with pytest.raises(IncompatibleError, match=r"model\.ubj is not"):
        XGBoostMember.load(path)


def test_contributions_add_up_to_the_margin(member: Member, make_features: Callable[..., Float32]) -> None:
    features = make_features(40, seed=5)
    shares = member.contributions(features, NAMES)
    np.testing.assert_allclose(shares.sum(axis=1), member.margin(features, NAMES), atol=1e-5)
    assert np.abs(shares[:, 0]).mean() > np.abs(shares[:, 4]).mean()  # calls matter, noise does not


def test_keeps_the_declared_direction(make_features: Callable[..., Float32], make_outcome: Make) -> None:
    features = make_features()
    model = fit("trees", features, make_outcome(features))
    grid = np.repeat(make_features(30, seed=6), 21, axis=0)
    grid[:, 0] = np.tile(np.linspace(-3, 3, 21), 30)
    margin = model.margin(grid, NAMES).reshape(30, 21)
    assert (np.diff(margin, axis=1) >= 0).all()


def test_weights_count(make_features: Callable[..., Float32], make_outcome: Make) -> None:
    features = make_features()
    positive = make_outcome(features)
    weight = np.where(positive, 10.0, 1.0)
    plain = fit("trees", features, positive)
    heavy = fit_xgboost(features, positive, weight, slices_of(600), names=NAMES, monotone={}, seed=1, settings=SMALL)
    assert heavy.margin(features, NAMES).mean() > plain.margin(features, NAMES).mean() + 0.5
