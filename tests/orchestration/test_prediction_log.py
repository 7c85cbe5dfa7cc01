"""The asset that takes what workers answered into the lake, in this process."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.predictions import predictions
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.segments import Loss
from orchestration.definitions import defs
from tests.store.predicting import NOW, prediction, put_segment

LOST = Loss("backlog_full", 3, prediction(9).answered_at, prediction(1).answered_at)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home", prediction_log_days=36_500)) as home:
        yield home


def materialized(home: Home) -> dict[str, object]:
    done = dg.materialize([predictions], resources={"home": home})
    assert done.success
    (made,) = done.asset_materializations_for_node("predictions")
    return {name: one.value for name, one in made.metadata.items()}


def test_the_asset_tells_what_came_in_and_what_is_lost(home: Home) -> None:
    folder = home.settings.prediction_segments_path
    put_segment(folder, [[prediction(1), prediction(2, served_by="light")]], losses=[LOST])
    put_segment(folder, [[prediction(3, tenant="other")]], number=2, closed=False)
    told = materialized(home)
    assert (told["dagster/row_count"], told["segments"], told["lost"], told["lost_without_count"]) == (3, 2, 3, 1)
    assert told["losses"] == {"backlog_full": 3, "not_written": 0}
    assert told["by_rung"] == {"champion": 2, "light": 1}
    assert (told["oldest"], told["newest"]) == ("2026-03-01T11:59:57+00:00", "2026-03-01T11:59:59+00:00")
    assert len(home.predictions.read("acme")) == 2


def test_the_asset_of_an_empty_log_is_made_too(home: Home) -> None:
    told = materialized(home)
    assert (told["dagster/row_count"], told["segments"], told["oldest"], told["by_rung"]) == (0, 0, None, {})


def test_it_keeps_as_many_days_as_the_setting_says(tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home", prediction_log_days=1)) as home:
        put_segment(home.settings.prediction_segments_path, [[prediction(1, answered_at=0)]])
        assert materialized(home)["expired"] == 1
        assert len(home.predictions.read("acme")) == 0


def test_the_hourly_job_makes_it_and_needs_no_partition(home: Home) -> None:
    put_segment(home.settings.prediction_segments_path, [[prediction(1)]])
    (schedule,) = [one for one in defs.get_repository_def().schedule_defs if one.job_name == "prediction_log"]
    assert schedule.cron_schedule == "15 * * * *"
    tick = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=NOW))
    (request,) = tick.run_requests or ()
    assert request.partition_key is None
