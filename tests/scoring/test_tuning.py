import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.folds import Fold
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.metrics import log_loss
from lintel.scoring.tuning import (
    BORDERS,
    TUNABLES,
    Settings,
    Tunable,
    TuningTask,
    settings_values,
    tuning_folds,
    tuning_task,
)
from lintel.scoring.xgboost_member import TreeSettings
from tests.scoring.conftest import TENANT, Trained

SMALL: dict[str, Settings] = {
    "xgboost": TreeSettings(max_trees=20, patience=5, learning_rate=0.3, min_child_weight=5, max_bin=16, threads=1),
    "lightgbm": LeafSettings(max_trees=20, patience=5, learning_rate=0.3, min_data_in_leaf=10, max_bin=15, threads=1),
}
POINTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 100), st.booleans(), st.booleans()), min_size=1, max_size=40
).filter(lambda points: any(point[2] for point in points))


@pytest.fixture(params=list(TUNABLES))
def tunable(request: pytest.FixtureRequest) -> Tunable:
    return TUNABLES[request.param]


def task_of(trained: Trained, dimension: str) -> TuningTask:
    entry = load_label_set(TENANT.labels).defined[dimension]
    return tuning_task(trained.examples, entry, catalogue(), seed=1)


@given(POINTS)
def test_folds_are_those_found_lead_by_lead(points: list[tuple[int, int, bool, bool]]) -> None:
    lead, as_of, may_judge, may_learn = (np.array(column) for column in zip(*points, strict=True))
    rows = [row for row in range(len(points)) if may_judge[row] or may_learn[row]]
    came = {one: min(int(as_of[row]) for row in rows if lead[row] == one) for one in {int(lead[row]) for row in rows}}
    leads = sorted({int(lead[row]) for row in rows if may_judge[row]})
    borders = [int(np.quantile([came[one] for one in leads], share, method="higher")) for share in BORDERS]
    found = tuning_folds(
        lead.astype(np.int32), as_of, judged=np.flatnonzero(may_judge), learnable=np.flatnonzero(may_learn)
    )
    assert [fold.border for fold in found] == borders
    for fold, end in zip(found, [*borders[1:], 1_000], strict=True):
        later = [row for row in rows if may_judge[row] and fold.border <= came[int(lead[row])] < end]
        earlier = [
            row for row in rows if may_learn[row] and came[int(lead[row])] < fold.border and as_of[row] < fold.border
        ]
        assert fold.judged.tolist() == later
        assert fold.learn.tolist() == earlier


@pytest.mark.parametrize("dimension", ["conversion", "timing"])
def test_a_search_sees_nothing_outside_the_train_fold(trained: Trained, dimension: str) -> None:
    task = task_of(trained, dimension)
    folds, queries = fold_rows(trained.examples, dimension), trained.examples.points.queries
    train = set(folds.rows(Fold.TRAIN).tolist())
    before: set[int] = set()
    for fold in (*task.folds, task.confirmation):
        assert set(fold.judged.tolist()) <= train
        assert (queries.as_of[fold.learn] < fold.border).all()
        assert (queries.as_of[fold.judged] >= fold.border).all()
        assert fold.border < folds.calibration_from
        assert not set(queries.lead[fold.learn].tolist()) & set(queries.lead[fold.judged].tolist())
        judged = set(queries.lead[fold.judged].tolist())
        assert judged
        assert not judged & before
        before |= judged
        if dimension == "conversion":
            assert set(fold.learn.tolist()) <= train


@pytest.mark.parametrize("dimension", ["conversion", "timing"])
def test_losses_are_the_log_losses_of_the_member(trained: Trained, tunable: Tunable, dimension: str) -> None:
    task, small = task_of(trained, dimension), SMALL[tunable.kind]
    fold, examples = task.confirmation, trained.examples
    member = task.fit(fold, tunable, small)
    inputs = examples.inputs(fold.judged)
    columns = np.array([inputs.names.index(name) for name in member.names])
    probability = 1 / (1 + np.exp(-member.margin(inputs.select(columns))))
    positive = examples.outcomes[dimension].status[fold.judged] == 1
    expected = log_loss(positive, probability, examples.points.weight[fold.judged])
    assert task.loss(fold, tunable, small) == pytest.approx(expected, rel=1e-9)


def test_the_default_is_no_better_than_itself(trained: Trained, tunable: Tunable) -> None:
    task, small = task_of(trained, "conversion"), SMALL[tunable.kind]
    same = task.confirmed(tunable, small, small, seed=1)
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.better


def test_defaults_lie_where_is_searched_and_are_what_training_uses(tunable: Tunable) -> None:
    for dimension in ("conversion", "timing"):
        base = tunable.base(dimension)
        values = tunable.values(base)
        assert all(one.holds(values[name]) for name, one in tunable.space.items())
        assert tunable.settings(dimension, values) == base
        assert all(type(values[name]) is (int if one.whole else float) for name, one in tunable.space.items())
    assert tunable.base("timing") != tunable.base("conversion")
    assert "threads" not in settings_values(tunable.default)


def test_too_little_history_is_said(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintel.scoring.tuning.BORDERS", (0.5, 0.99, 0.995, 0.999))
    with pytest.raises(InputError, match=r"conversion cannot be tuned: a fold inside the train fold has \d+ rows"):
        task_of(trained, "conversion")
