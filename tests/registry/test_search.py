"""Searches over a made-up landscape, where a fit takes no time."""

import fcntl
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from lintel.errors import UnavailableError
from lintel.registry.search import STARTUP_TRIALS, Found, Search
from lintel.registry.trials import Trial, TrialState
from lintel.scoring.examples import Examples
from lintel.scoring.tuning import TUNABLES, Settings, Tunable, TuningFold, TuningTask
from lintel.scoring.xgboost_member import TreeSettings

TREES = TUNABLES["xgboost"]
BEST_DEPTH, BEST_RATE = 6, 0.15


class Killed(BaseException):
    """As when the process ends in the middle of a trial."""


@dataclass(frozen=True)
class Landscape(TuningTask):
    """The loss is least at depth 6 and a rate of .15; the process dies at one evaluation."""

    evaluated: list[Settings]
    dies_at: int | None = None

    def loss(self, fold: TuningFold, tunable: Tunable, settings: Settings) -> float:
        if len(self.evaluated) == self.dies_at:
            raise Killed
        self.evaluated.append(settings)
        trees = cast(TreeSettings, settings)
        hill = 0.02 * abs(trees.max_depth - BEST_DEPTH) + 0.05 * abs(log(trees.learning_rate / BEST_RATE))
        return 0.4 + hill + 0.001 * fold.border


def landscape(dies_at: int | None = None) -> Landscape:
    nothing = np.zeros(0, np.intp)
    folds = tuple(TuningFold(nothing, nothing, border) for border in range(4))
    return Landscape("conversion", cast(Examples, None), folds[:3], folds[3], cast(object, None), [], dies_at)  # type: ignore[arg-type]


@dataclass
class Clock:
    """A second passes at every look."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@dataclass
class Told:
    trials: list[Trial]

    def __call__(self, trials: Sequence[Trial]) -> None:
        self.trials += trials


def search(path: Path, task: Landscape, trials: int, **options: object) -> tuple[Found, list[Trial]]:
    """Run until that many trials are done, if none are there yet."""
    told = Told([])
    found = Search(path, seed=3).run(
        "acme/conversion/xgboost/1",
        task,
        TREES,
        seconds=trials,
        clock=Clock(),
        report=told,
        **options,  # type: ignore[arg-type]
    )
    return found, told.trials


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tuning.db"


def test_the_default_is_tried_first_and_something_better_found(path: Path) -> None:
    task = landscape()
    found, trials = search(path, task, 40)
    assert task.evaluated[0] == TREES.default
    assert trials[0].values == TREES.values(TREES.default)
    assert found.default_loss == pytest.approx(trials[0].loss)
    assert found.loss < found.default_loss - 0.03
    best = cast(TreeSettings, found.settings)
    assert abs(best.max_depth - BEST_DEPTH) <= 1
    assert found.trials == len(trials) == 40
    assert found.resumed == 0


def test_what_training_uses_now_is_tried_second(path: Path) -> None:
    present = TreeSettings(max_depth=BEST_DEPTH, learning_rate=BEST_RATE)
    found, _ = search(path, landscape(), 3, present=present)
    assert found.settings == present
    beyond, _ = search(path.with_name("other.db"), landscape(), 3, present=TreeSettings(max_depth=50))
    assert beyond.trials == 3


def test_bad_trials_are_given_up_after_a_fold(path: Path) -> None:
    found, trials = search(path, landscape(), 40)
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert found.pruned == len(pruned) > 0
    assert all(len(trial.losses) < 3 for trial in pruned)
    assert all(trial.state is TrialState.COMPLETE for trial in trials[:STARTUP_TRIALS])
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    assert all(len(trial.losses) == 3 for trial in complete)
    settings = TREES.settings("conversion", complete[-1].values)
    fresh = landscape()
    assert complete[-1].losses == pytest.approx([fresh.loss(fold, TREES, settings) for fold in fresh.folds])


def test_a_killed_search_goes_on_as_if_it_had_not_been(path: Path) -> None:
    whole, expected = search(path, landscape(), 14)
    for evaluation in (1, 34):  # in the first trial, and in one that the sampler proposes
        other = path.with_name(f"{evaluation}.db")
        with pytest.raises(Killed):
            search(other, landscape(dies_at=evaluation), 14)
        done = evaluation // 3
        found, trials = search(other, landscape(), 14 - done + (done > 0))
        finished = [trial for trial in trials if trial.state is not TrialState.FAILED]
        assert [trial.values for trial in finished] == [trial.values for trial in expected]
        assert found.settings == whole.settings
        assert (found.trials, found.resumed) == (14, done)
        assert len(trials) - len(finished) == 1


def test_time_that_is_up_ends_the_search_after_one_trial_at_least(path: Path) -> None:
    found, trials = search(path, landscape(), 0)
    assert found.trials == len(trials) == 1
    assert found.settings == TREES.default
    again, _ = search(path, landscape(), 0)
    assert (again.trials, again.resumed) == (1, 1)


def test_another_process_that_searches_is_not_disturbed(path: Path) -> None:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match="at work"):
            search(path, landscape(), 1)
