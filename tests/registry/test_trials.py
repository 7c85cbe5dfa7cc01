from pathlib import Path

import mlflow
import pytest

from lintel.registry.trials import EXPERIMENT, Trial, TrialLog, TrialState

STUDY = "acme/conversion/xgboost/0123456789ab"
TRIALS = [
    Trial(0, {"max_depth": 3, "learning_rate": 0.05}, (0.5, 0.6, 0.4), TrialState.COMPLETE, 1_000),
    Trial(1, {"max_depth": 7, "learning_rate": 0.2}, (0.9,), TrialState.PRUNED, 2_000),
    Trial(2, {}, (), TrialState.FAILED, 3_000),
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def log(url: str, tmp_path: Path) -> TrialLog:
    return TrialLog(url, artifacts=tmp_path / "artifacts")


def test_every_trial_is_a_run_under_its_study(log: TrialLog, url: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert log.record(STUDY, TRIALS[:2]) == 2
    assert log.record(STUDY, TRIALS) == 1
    assert log.record(STUDY, TRIALS) == 0
    assert log.record("acme/churn/xgboost/0", TRIALS[:1]) == 1
    client = mlflow.MlflowClient(tracking_uri=url)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], f"tags.`lintel.study` = '{STUDY}'")
    (parent,) = [run for run in runs if "lintel.trial" not in run.data.tags]
    own = {int(run.data.tags["lintel.trial"]): run for run in runs if run is not parent}
    assert sorted(own) == [0, 1, 2]
    assert {run.data.tags["mlflow.parentRunId"] for run in own.values()} == {parent.info.run_id}
    assert [own[number].data.tags["lintel.state"] for number in range(3)] == ["complete", "pruned", "failed"]
    assert [own[number].info.status for number in range(3)] == ["FINISHED", "KILLED", "FAILED"]
    assert own[0].data.params == {"max_depth": "3", "learning_rate": "0.05"}
    assert own[0].data.metrics["log_loss"] == pytest.approx(0.5)
    history = client.get_metric_history(own[0].info.run_id, "fold_log_loss")
    assert [(one.step, one.value) for one in history] == [(0, 0.5), (1, 0.6), (2, 0.4)]
    assert "INFO" not in capfd.readouterr().err


def test_a_second_process_finds_what_the_first_wrote(log: TrialLog, url: str, tmp_path: Path) -> None:
    log.record(STUDY, TRIALS[:1])
    assert TrialLog(url, artifacts=tmp_path / "artifacts").record(STUDY, TRIALS) == 2
