"""Ticks of the sensors that watch over automation, as Dagster's daemon evaluates them, over real stores."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.tenants import TENANTS
from lintel.automation.policy import Cause
from lintel.automation.triggers import State
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from orchestration.failed_runs import AREA
from orchestration.instance import open_instance
from orchestration.regularity_sensor import regularity
from orchestration.training_sensors import failed_runs, new_outcomes
from tests.hot.logs_in_store import incoming
from tests.orchestration.nightly_home import TENANT, NightlyHome
from tests.orchestration.test_triggers import run_of
from tests.orchestration.ticking import put_active, tick
from tests.store.predicting import prediction, put_segment

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
WORDS = "Drift is beyond its limits in 3 of 141 features."


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home", training_retries=0)) as home:
        for tenant in ("berlin", "munich"):
            put_active(home, tenant)
        yield home


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home.settings) as instance:
        instance.add_dynamic_partitions(TENANTS.name or "", ["berlin", "munich"])
        yield instance


def found(home: Home, tenant: str) -> list[tuple[str, bool]]:
    return [(one["kind"], one["alarm"]) for one in home.monitoring.read(tenant, AREA)]


def seen(hours: float) -> str:
    moment = datetime.now(UTC) - timedelta(hours=hours)
    return json.dumps({"berlin": moment.isoformat(), "gone": moment.isoformat()})


# regularity


def test_a_new_tenant_has_a_day_and_the_cursor_keeps_when_it_came(instance: dg.DagsterInstance, home: Home) -> None:
    first = tick(regularity, instance, home)
    assert first.skip_message == "All in time."
    assert json.loads(first.cursor or "").keys() == {"berlin", "munich"}
    again = tick(regularity, instance, home, first.cursor)
    assert again.cursor == first.cursor
    assert found(home, "berlin") == []


def test_no_night_of_a_tenant_without_events_is_missed(instance: dg.DagsterInstance, home: Home) -> None:
    home.events.put_tenant(Tenant("potsdam", labels="crm"))
    long_ago = (datetime.now(UTC) - timedelta(hours=27)).isoformat()
    ticked = tick(regularity, instance, home, json.dumps({"berlin": long_ago, "potsdam": long_ago}))
    assert "berlin" in str(ticked.skip_message)
    assert "potsdam" not in str(ticked.skip_message)


def test_a_missed_night_is_found_once_and_ends_with_a_success(instance: dg.DagsterInstance, home: Home) -> None:
    first = tick(regularity, instance, home, seen(hours=27))
    assert "berlin: No run has succeeded in its 27 hours here." in str(first.skip_message)
    assert json.loads(first.cursor or "").keys() == {"berlin", "munich"}
    tick(regularity, instance, home, first.cursor)
    assert (found(home, "berlin"), found(home, "munich")) == ([("night", True)], [])
    run_of(instance, "berlin", SUCCESS)
    assert tick(regularity, instance, home, first.cursor).skip_message == "All in time."
    assert found(home, "berlin") == [("night", True), ("night", False)]


def test_answers_that_wait_are_found_for_every_tenant(instance: dg.DagsterInstance, home: Home) -> None:
    put_segment(home.settings.prediction_segments_path, [[prediction(1)]])
    assert "it was compacted never" in str(tick(regularity, instance, home).skip_message)
    assert found(home, "berlin") == found(home, "munich") == [("compaction", True)]
    home.predictions.compact(now=datetime.now(UTC), keep_days=30)
    assert tick(regularity, instance, home).skip_message == "All in time."
    assert found(home, "munich") == [("compaction", True), ("compaction", False)]


def test_wishes_that_are_refused_again_and_again_are_found(instance: dg.DagsterInstance, home: Home) -> None:
    now = datetime.now(UTC)
    asked = [(Cause.SCHEDULE, "night"), (Cause.DRIFT, "a"), (Cause.PERFORMANCE, "b"), (Cause.NEW_DATA, "c")]
    granted = [home.triggers.raise_("berlin", *one, WORDS, {}, now=now) for one in asked]
    assert granted == [True, False, False, False]
    assert "3 trainings were asked for in 24 hours and refused (drift, new-data, performance)" in str(
        tick(regularity, instance, home).skip_message
    )
    assert (found(home, "berlin"), found(home, "munich")) == ([("refusals", True)], [])


def test_a_corrupt_finding_of_one_tenant_hides_no_other(instance: dg.DagsterInstance, home: Home) -> None:
    home.monitoring.write("berlin", AREA, datetime.now(UTC), {"kind": "night", "alarm": True}).write_text("{")
    put_segment(home.settings.prediction_segments_path, [[prediction(1)]])
    tick(regularity, instance, home)
    assert found(home, "munich") == [("compaction", True)]
    run_of(instance, "berlin", FAILURE)
    run_of(instance, "munich", FAILURE)
    tick(failed_runs, instance, home)
    assert found(home, "munich") == [("compaction", True), ("retries", True)]


# failed runs


def test_used_up_retries_are_found_until_a_run_succeeds(instance: dg.DagsterInstance, home: Home) -> None:
    run_of(instance, "berlin", FAILURE)
    for _ in range(2):
        tick(failed_runs, instance, home)
    assert found(home, "berlin") == [("retries", True)]
    run_of(instance, "berlin", SUCCESS)
    for _ in range(2):
        tick(failed_runs, instance, home)
    assert found(home, "berlin") == [("retries", True), ("retries", False)]
    run_of(instance, "berlin", FAILURE)
    tick(failed_runs, instance, home)
    assert found(home, "berlin")[2:] == [("retries", True)]


# new outcomes


def test_new_outcomes_ask_for_one_training_and_are_counted_once(own_nightly_home: NightlyHome) -> None:
    """A year after the log's end every open lead has outcomes that the champion could not know."""
    settings = own_nightly_home.settings.model_copy(update={"new_outcomes": 20, "new_outcomes_share": 0.05})
    with Home(settings) as home, open_instance(settings) as instance:
        quiet = tick(new_outcomes, instance, home)
        assert not quiet.run_requests
        assert json.loads(quiet.cursor or "")[TENANT][0] == home.events.latest_seq(TENANT)
        year_later = home.log(TENANT, now=datetime.now(UTC)).as_of + timedelta(days=365)
        event = {"event_id": "late", "lead_id": "new", "kind": "web.listing_view", "occurred_at": year_later}
        home.events.append(TENANT, incoming([event]), now=datetime.now(UTC) + timedelta(days=3650))
        same = tick(new_outcomes, instance, home, quiet.cursor)  # one event more is no reason to count
        assert not same.run_requests
        (request,) = tick(new_outcomes, instance, home).run_requests or ()
        assert request.partition_key == TENANT
        (trigger,) = home.triggers.newest(TENANT)
        assert (trigger.cause, trigger.state) == (Cause.NEW_DATA, State.RAISED)
        assert trigger.details["new"] >= 20
        assert "leads have new outcomes of" in trigger.explanation
        (again,) = tick(new_outcomes, instance, home).run_requests or ()
        assert again.run_key == request.run_key  # Dagster begins one run of a key
