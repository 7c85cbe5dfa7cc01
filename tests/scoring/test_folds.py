from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.scoring.folds import Fold, Folds, split

steady = settings(deadline=None, derandomize=True)
DAY = 86_400_000_000


@dataclass(frozen=True)
class Points:
    lead: NDArray[np.int32]
    as_of: NDArray[np.int64]
    status: NDArray[np.int8]
    horizon: int

    def split(self, **shares: float) -> Folds:
        return split("intent", self.lead, self.as_of, self.status, self.as_of + self.horizon, **shares)


def _points(seed: int = 1, *, days: int = 100, horizon_days: int = 7, rows: int = 3_000, log_end: int = 100) -> Points:
    """Points of leads that each live for some days; those younger than the horizon are censored."""
    random = np.random.default_rng(seed)
    leads = rows // 5
    born = random.uniform(0, days, leads)
    lead = np.sort(random.integers(0, leads, rows)).astype(np.int32)
    as_of = ((born[lead] + random.uniform(0, 12, rows)) * DAY).astype(np.int64)
    status = random.integers(0, 2, rows).astype(np.int8)
    status[random.random(rows) < 0.1] = -2
    status[(as_of + horizon_days * DAY > log_end * DAY) & (status >= 0)] = -1
    return Points(lead, as_of, status, horizon_days * DAY)


@steady
@given(seed=st.integers(0, 30), horizon_days=st.sampled_from([0, 2, 14, 30]), share=st.sampled_from([0.1, 0.3]))
def test_every_label_is_known_before_the_next_fold_begins(seed: int, horizon_days: int, share: float) -> None:
    points = _points(seed, days=200, log_end=200, rows=6_000, horizon_days=horizon_days)
    folds = points.split(test_share=share, calibration_share=share)
    train, calibration, test = (folds.rows(fold) for fold in (Fold.TRAIN, Fold.CALIBRATION, Fold.TEST))
    known = points.as_of + points.horizon
    assert known[train].max() <= folds.calibration_from <= points.as_of[calibration].min()
    assert known[calibration].max() <= folds.test_from <= points.as_of[test].min()
    assert (points.status[np.concatenate((train, calibration, test))] >= 0).all()


def test_rows_are_left_out_for_a_reason_only() -> None:
    points = _points()
    folds = points.split()
    known = points.as_of + points.horizon
    left_out = folds.fold == Fold.NONE
    straddles = (points.as_of < folds.calibration_from) & (known > folds.calibration_from)
    straddles |= (points.as_of < folds.test_from) & (known > folds.test_from)
    assert (left_out == (straddles | (points.status < 0))).all()


def test_the_test_fold_is_the_newest_share_of_the_mature_time() -> None:
    points = _points(horizon_days=10)
    folds = points.split(test_share=0.2, calibration_share=0.25)
    mature = points.as_of[points.status >= 0]
    span = mature.max() - mature.min()
    assert folds.test_from == pytest.approx(mature.max() - 0.2 * span, abs=1)
    left = folds.test_from - mature.min() - 20 * DAY
    assert folds.calibration_from == pytest.approx(folds.test_from - 10 * DAY - 0.25 * left, abs=2)


def test_unseen_test_rows_are_of_leads_that_were_not_asked_about_before() -> None:
    points = _points()
    folds = points.split()
    asked_before = (points.status > -2) & (points.as_of < folds.test_from)
    seen = set(points.lead[asked_before].tolist())
    test = folds.fold == Fold.TEST
    expected = [bool(is_test) and lead not in seen for is_test, lead in zip(test, points.lead.tolist(), strict=True)]
    assert folds.unseen.tolist() == expected
    assert 0 < folds.unseen.sum() < test.sum()
    assert seen > set(points.lead[(folds.fold == Fold.TRAIN) | (folds.fold == Fold.CALIBRATION)].tolist())


def test_a_log_shorter_than_its_embargoes_is_refused_with_the_days() -> None:
    with pytest.raises(InputError, match=r"intent cannot be split by time: the train fold .* embargoes take 90"):
        _points(horizon_days=45).split()


def test_nothing_mature_is_refused() -> None:
    with pytest.raises(InputError, match="no mature outcome"):
        _points(log_end=0).split()


@pytest.mark.parametrize(
    ("fold", "name"), [(Fold.TRAIN, "train"), (Fold.CALIBRATION, "calibration"), (Fold.TEST, "test")]
)
@pytest.mark.parametrize("only", [0, 1, -2])
def test_a_fold_that_is_empty_or_of_one_class_is_refused_by_name(fold: Fold, name: str, only: int) -> None:
    points = _points()
    mature = points.as_of[points.status >= 0]
    borders = np.isin(points.as_of, (mature.min(), mature.max()))  # these stay, so that the folds do
    status = points.status.copy()
    status[(points.split().fold == fold) & ~borders] = only
    status[borders] = max(only, 0)
    with pytest.raises(InputError, match=f"the {name} fold would have"):
        Points(points.lead, points.as_of, status, points.horizon).split()
