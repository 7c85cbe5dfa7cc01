"""`lintel tune` on the examples of a nightly run: what it finds is what the next training reads."""

import json
from pathlib import Path

import mlflow
import pytest

from lintel.home import Home
from lintel.registry.trials import EXPERIMENT
from lintel.scoring.tuned_settings import load_tuned
from lintel.settings import Settings
from tests.cli.conftest import Lintel
from tests.orchestration.nightly_home import TENANT

IN = ("--tenant", TENANT)
ONE = (*IN, "--dimension", "intent", "--json")


def test_a_search_tries_both_kinds_of_trees_and_goes_on_where_it_stopped(lintel_own: Lintel) -> None:
    answer = lintel_own("tune", *ONE, "--minutes", 0)
    assert answer.code == 0, answer.err
    first = answer.value["searches"]
    assert [(one["dimension"], one["member"]) for one in first] == [("intent", "xgboost"), ("intent", "lightgbm")]
    for one in first:
        assert (one["trials"], one["resumed"], one["adopted"]) == (1, 0, False)
        assert one["log_loss"]["best"] == one["log_loss"]["default"] > 0
        assert one["confirmation"] is None  # the best is the default itself
    again = lintel_own("tune", *ONE, "--minutes", 0).value
    assert [(one["trials"], one["resumed"]) for one in again["searches"]] == [(1, 1), (1, 1)]
    settings = Path(again["settings"])
    assert load_tuned(settings) == {}
    assert json.loads(settings.read_text())["digest"] == again["digest"]
    with Home(Settings(home=settings.parents[2])) as home:
        client = mlflow.MlflowClient(tracking_uri=home.settings.mlflow_url)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
    assert sorted(one.data.tags["lintel.study"] for one in runs if "lintel.trial" in one.data.tags) == sorted(
        one["study"] for one in first
    )


def test_what_cannot_be_tuned_is_said(lintel: Lintel, lintel_after_nightly: Lintel) -> None:
    answer = lintel_after_nightly("tune", *IN, "--dimension", "weather", "--json")
    assert answer.code == 2
    assert "'weather' is not defined here" in answer.err
    assert lintel("tune", "--tenant", "nobody", "--json").fault == "not-found"


@pytest.mark.parametrize("minutes", [-1, "soon"])
def test_a_budget_is_a_number_of_minutes(lintel: Lintel, minutes: object) -> None:
    assert lintel("tune", "--minutes", minutes).code == 2
