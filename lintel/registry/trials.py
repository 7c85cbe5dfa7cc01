"""Trials of a search in MLflow: one run each, under one parent run a study."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

EXPERIMENT = "lead-scoring-tuning"
_PAGE = 1_000
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


class TrialState(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    """Given up after a fold on which it was worse than most trials before it."""
    FAILED = "failed"
    """Its process was killed; the same settings are tried again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of settings and what came of it. `losses` are the log losses of the folds, in their order."""

    number: int
    values: Mapping[str, int | float]
    losses: tuple[float, ...]
    state: TrialState
    ended_at: int  # ms since 1970, UTC

    @property
    def loss(self) -> float:
        """Mean over the folds, which is what is searched for."""
        return sum(self.losses) / len(self.losses)


class TrialLog:
    """The experiment `lead-scoring-tuning` of the MLflow tracking server at `url`."""

    def __init__(self, url: str, *, artifacts: Path) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it phones home otherwise
        self._mlflow = import_module("mlflow")
        with self._quiet():
            self._client = self._mlflow.MlflowClient(tracking_uri=url, registry_uri=url)
            found = self._client.get_experiment_by_name(EXPERIMENT)
            made = found or self._client.get_experiment(
                self._client.create_experiment(EXPERIMENT, artifact_location=artifacts.as_uri())
            )
        self._experiment = str(made.experiment_id)

    def record(self, study: str, trials: Sequence[Trial]) -> int:
        """Write the trials that are not there yet; how many those were. Killed between trials, a search loses none."""
        with self._quiet():
            parent, known = self._study(study)
            missing = [trial for trial in trials if trial.number not in known]
            for trial in missing:
                self._write(study, parent, trial)
        return len(missing)

    def _study(self, study: str) -> tuple[str, set[int]]:
        """The parent run of a study, made if there is none, and the numbers of the trials under it."""
        own = f"tags.`lintel.study` = '{study}'"
        runs: list[Any] = []
        token: str | None = None
        while token is None or token:
            page = self._client.search_runs([self._experiment], own, max_results=_PAGE, page_token=token)
            runs, token = runs + list(page), page.token or ""
        numbers = {int(run.data.tags["lintel.trial"]) for run in runs if "lintel.trial" in run.data.tags}
        parents = [run.info.run_id for run in runs if "lintel.trial" not in run.data.tags]
        if parents:
            return str(parents[0]), numbers
        run = self._client.create_run(self._experiment, tags={"lintel.study": study}, run_name=study)
        self._client.set_terminated(run.info.run_id)
        return str(run.info.run_id), numbers

    def _write(self, study: str, parent: str, trial: Trial) -> None:
        """A run gets its number when it is ended: one that was cut short is written again."""
        entities = self._mlflow.entities
        tags = {"lintel.study": study, "lintel.trial": str(trial.number), "lintel.state": trial.state.value}
        run = self._client.create_run(
            self._experiment, tags={"mlflow.parentRunId": parent}, run_name=f"{study} #{trial.number}"
        ).info.run_id
        folds = [entities.Metric("fold_log_loss", loss, trial.ended_at, fold) for fold, loss in enumerate(trial.losses)]
        mean = [entities.Metric("log_loss", trial.loss, trial.ended_at, 0)] if trial.losses else []
        self._client.log_batch(
            run,
            metrics=[*folds, *mean],
            params=[entities.Param(name, str(value)) for name, value in trial.values.items()],
            tags=[entities.RunTag(name, value) for name, value in tags.items()],
        )
        self._client.set_terminated(run, status=_STATUS[trial.state.value])

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Without MLflow's notes, which belong in nobody's terminal."""
        logging: Any = self._mlflow.utils.logging_utils
        logging.disable_logging()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            logging.enable_logging()
