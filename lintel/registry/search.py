"""A search for better settings: Optuna proposes, folds in order of time judge, and a killed search goes on later."""

import fcntl
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as Optuna

from lintel.errors import UnavailableError
from lintel.registry.trials import Trial, TrialState
from lintel.scoring.examples import Examples
from lintel.scoring.tuning import BORDERS, Range, Settings, Tunable, TuningTask, Value

STARTUP_TRIALS = 10
"""Drawn at random before the sampler learns, and finished before any is given up."""
_STATES = {Optuna.COMPLETE: TrialState.COMPLETE, Optuna.PRUNED: TrialState.PRUNED, Optuna.FAIL: TrialState.FAILED}
_DONE = (Optuna.COMPLETE, Optuna.PRUNED)

Report = Callable[[Sequence[Trial]], object]


@dataclass(frozen=True, slots=True)
class Found:
    """The best settings that a search knows. Log losses are means over its folds, in nats."""

    study: str
    settings: Settings
    loss: float
    default_loss: float
    trials: int  # complete or pruned, of all runs of the search
    pruned: int
    resumed: int  # of `trials`, those of earlier runs


def study_name(tenant: str, examples: Examples, dimension: str, tunable: Tunable, *, seed: int) -> str:
    """Tenant, dimension and kind, and a digest of all that a trial depends on: other data are another study."""
    space = {name: (one.low, one.high, one.logarithmic) for name, one in tunable.space.items()}
    told = (
        examples.digest,
        examples.feature_digest,
        examples.label_digest,
        version(tunable.kind),  # the kind is named as its library
        tunable.base(dimension),
        space,
        BORDERS,
        seed,
    )
    return f"{tenant}/{dimension}/{tunable.kind}/{sha256(repr(told).encode()).hexdigest()[:12]}"


class Search:
    """Studies in one SQLite file. A second process that searches in it at the same time is refused."""

    def __init__(self, path: Path, *, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._path = path
        self._seed = seed

    def run(
        self,
        study: str,
        task: TuningTask,
        tunable: Tunable,
        *,
        seconds: float,
        present: Settings | None = None,
        report: Report = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Found:
        """Try settings until `seconds` have passed; the trial that is at work then is finished.

        The default comes first and `present`, which training uses now, second: the best is never worse than they on
        these folds. What is proposed depends on the seed and the finished trials alone, so that a search that was
        killed goes on as if it had not been. `report` is told of the trials that have ended, first of those of earlier
        runs. Raises UnavailableError if another process is searching.
        """
        until = clock() + seconds
        with self._locked(), self._opened(study) as opened:
            self._prepare(opened, task, tunable, present)
            ended = opened.get_trials(deepcopy=False, states=tuple(_STATES))
            report([_trial(one) for one in ended])
            resumed = _finished(opened)
            while not _finished(opened) or clock() < until:
                report([self._try(opened, task, tunable)])
            return _found(opened, study, task, tunable, resumed)

    def _try(self, study: optuna.Study, task: TuningTask, tunable: Tunable) -> Trial:
        finished = _finished(study)
        study.sampler = optuna.samplers.TPESampler(seed=self._seed + finished, n_startup_trials=STARTUP_TRIALS)
        trial = study.ask()
        settings = tunable.settings(
            task.dimension, {name: _suggest(trial, name, one) for name, one in tunable.space.items()}
        )
        total = 0.0
        for step, fold in enumerate(task.folds):
            total += task.loss(fold, tunable, settings)
            trial.report(total / (step + 1), step)
            if trial.should_prune():
                return _trial(study.tell(trial, state=Optuna.PRUNED))
        return _trial(study.tell(trial, total / len(task.folds)))

    def _prepare(self, study: optuna.Study, task: TuningTask, tunable: Tunable, present: Settings | None) -> None:
        """Queue the default, the present settings, and what a killed process was trying."""
        for trial in study.get_trials(deepcopy=False, states=(Optuna.RUNNING,)):
            study.tell(trial.number, state=Optuna.FAIL)
            study.enqueue_trial({**trial.system_attrs.get("fixed_params", {}), **trial.params})
        for settings in (tunable.base(task.dimension), present):
            values = {} if settings is None else tunable.values(settings)
            if values and all(tunable.space[name].holds(value) for name, value in values.items()):
                study.enqueue_trial(values, skip_if_exists=True)

    @contextmanager
    def _opened(self, name: str) -> Iterator[optuna.Study]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = RDBStorage(f"sqlite:///{self._path.resolve()}")
        storage.remove_session()
        storage.engine.dispose()  # of the connection that was opened before it could be told
        sa.event.listen(storage.engine, "connect", _write_ahead)
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
        try:
            yield optuna.create_study(storage=storage, study_name=name, load_if_exists=True, pruner=pruner)
        finally:
            storage.remove_session()
            storage.engine.dispose()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnavailableError("Another search is at work.", mend="Wait for it, or end its process.") from None
            yield


def _write_ahead(connection: Any, _: Any) -> None:
    """Hundreds of small commits a trial need not wait for the disk: what a power cut takes is tried again."""
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")


def _suggest(trial: optuna.Trial, name: str, one: Range) -> Value:
    if one.whole:
        return trial.suggest_int(name, int(one.low), int(one.high), log=one.logarithmic)
    return trial.suggest_float(name, one.low, one.high, log=one.logarithmic)


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=_DONE))


def _trial(found: FrozenTrial) -> Trial:
    """Losses of single folds, from the running means that were reported."""
    means = [found.intermediate_values[step] for step in sorted(found.intermediate_values)]
    losses = [mean * (step + 1) - (means[step - 1] * step if step else 0.0) for step, mean in enumerate(means)]
    ended = found.datetime_complete
    at = int(ended.timestamp() * 1_000) if ended else 0
    return Trial(found.number, dict(found.params), tuple(losses), _STATES[found.state], at)


def _found(study: optuna.Study, name: str, task: TuningTask, tunable: Tunable, resumed: int) -> Found:
    done = study.get_trials(deepcopy=False, states=_DONE)
    default = tunable.values(tunable.base(task.dimension))
    losses = [trial.value for trial in done if trial.params == default and trial.state is Optuna.COMPLETE]
    best = study.best_trial
    return Found(
        study=name,
        settings=tunable.settings(task.dimension, best.params),
        loss=float(best.value if best.value is not None else float("nan")),
        default_loss=float(losses[0] if losses and losses[0] is not None else float("nan")),
        trials=len(done),
        pruned=sum(trial.state is Optuna.PRUNED for trial in done),
        resumed=resumed,
    )
