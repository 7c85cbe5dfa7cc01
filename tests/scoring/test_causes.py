"""Shares of causes: learnt where they differ, and never given to a cause that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.causes import CauseShares, fit_causes
from lintel.scoring.inputs import Inputs
from lintel.scoring.model_file import write_model
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.timing_curve import BINS
from lintel.scoring.xgboost_member import TreeSettings

SMALL = TreeSettings(max_trees=60, patience=8, learning_rate=0.2, colsample_bytree=1.0, min_child_weight=5, threads=1)
COUNT = 3000


def known(count: int = COUNT) -> Inputs:
    return Inputs(np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32), ("keen", "noise"))


def fitted(inputs: Inputs, cause: NDArray[np.int8]) -> CauseShares:
    count = len(inputs)
    days = np.where(cause > 0, np.random.default_rng(2).exponential(6, count), np.nan)
    later = np.arange(count) >= 0.75 * count
    slices = StoppingSlices(~later, later)
    return fit_causes(inputs, days, np.full(count, 40.0), np.ones(count), slices, cause=cause, seed=1, settings=SMALL)


@pytest.fixture(scope="module")
def shares() -> CauseShares:
    """The keen are won two times in three, the others lost; nobody goes silent; one in ten is undecided."""
    inputs, random = known(), np.random.default_rng(3)
    won = random.random(COUNT) < np.where(inputs.features[:, 0] > 0, 2 / 3, 0.1)
    cause = np.where(random.random(COUNT) < 0.1, 0, np.where(won, 1, 2)).astype(np.int8)
    return fitted(inputs, cause)


def test_shares_are_those_of_like_leads(shares: CauseShares) -> None:
    inputs = known(500)
    found, keen = shares.shares(inputs), inputs.features[:, 0] > 0
    assert found.shape == (500, BINS, 3)
    assert found[keen, 4, 0].mean() == pytest.approx(2 / 3, abs=0.06)
    assert found[~keen, 4, 0].mean() == pytest.approx(0.1, abs=0.05)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-12)


def test_a_cause_that_never_was_has_no_share(shares: CauseShares) -> None:
    assert shares.causes == ("won", "lost")
    assert (shares.shares(known(50))[:, :, 2] == 0.0).all()


def test_one_cause_has_everything() -> None:
    only = fitted(known(), np.full(COUNT, 3, np.int8))
    assert only.causes == ("silent",)
    assert (only.shares(known(20)) == (0.0, 0.0, 1.0)).all()


def test_saved_and_loaded_shares_are_the_same(shares: CauseShares, tmp_path: Path) -> None:
    path = tmp_path / "causes.ubj"
    shares.save(path)
    loaded = CauseShares.load(path)
    assert (loaded.names, loaded.causes) == (("keen", "noise"), ("won", "lost"))
    np.testing.assert_array_equal(loaded.shares(known(30)), shares.shares(known(30)))


def test_a_row_does_not_depend_on_the_others(shares: CauseShares) -> None:
    inputs = known(40)
    np.testing.assert_array_equal(shares.shares(inputs.take(np.array([7]))), shares.shares(inputs)[7:8])
    assert shares.shares(inputs.take(np.zeros(0, np.intp))).shape == (0, BINS, 3)


def test_the_same_seed_gives_the_same_bytes(shares: CauseShares, tmp_path: Path) -> None:
    cause = np.random.default_rng(5).integers(0, 4, COUNT).astype(np.int8)
    first, second = (fitted(known(), cause) for _ in range(2))
    first.save(tmp_path / "a.ubj")
    second.save(tmp_path / "b.ubj")
    assert (tmp_path / "a.ubj").read_bytes() == (tmp_path / "b.ubj").read_bytes()


def test_without_a_decision_there_is_nothing_to_learn() -> None:
    with pytest.raises(InputError, match="the earlier slice"):
        fitted(known(), np.zeros(COUNT, np.int8))


def test_infinities_and_other_columns_are_refused(shares: CauseShares) -> None:
    inputs = known(5)
    with pytest.raises(InputError, match="infinite"):
        shares.shares(Inputs(np.full((5, 2), np.inf, np.float32), inputs.names))
    with pytest.raises(InputError, match="'noise' was expected"):
        shares.shares(Inputs(inputs.features, ("keen", "other")))


@pytest.mark.parametrize("content", [b"not a model", b'{"a": 1}'])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "causes.ubj"
    write_model(path, content)
    with pytest.raises(IncompatibleError, match=r"causes\.ubj"):
        CauseShares.load(path)


def test_a_model_of_something_else_is_refused(shares: CauseShares, tmp_path: Path) -> None:
    path = tmp_path / "other.ubj"
    booster = shares.booster.copy()
    booster.set_attr(causes=None)
    write_model(path, bytes(booster.save_raw("ubj")))
    with pytest.raises(IncompatibleError, match="no model of causes"):
        CauseShares.load(path)
