"""From what asks for training to one run: sensors' ticks against a real Dagster instance and real stores."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.tenants import TENANTS
from assets.trainer import PERSON_TAG, trainer
from lintel.automation.policy import Cause
from lintel.automation.triggers import State
from lintel.home import Home
from lintel.registry.actor import ActorKind
from lintel.settings import Settings
from orchestration.definitions import defs
from orchestration.failed_runs import AREA, is_final, raise_retries
from orchestration.instance import open_instance
from orchestration.launching import ATTEMPT, EXPLANATION, ORIGIN, TRIGGER, waiting_requests
from orchestration.schedules import nightly_by_tenant
from orchestration.training_sensors import asked_for, drift_alarms
from tests.orchestration.ticking import put_active

WORDS = "Drift is beyond its limits in 3 of 141 features."
BERLIN_AT_TWO = datetime(2026, 7, 1, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant in ("berlin", "munich"):
            put_active(home, tenant, "Europe/Berlin")
        yield home


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home.settings) as instance:
        instance.add_dynamic_partitions(TENANTS.name or "", ["berlin", "munich"])
        yield instance


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, home: Home) -> list[dg.RunRequest]:
    """As Dagster's daemon evaluates it."""
    with dg.SensorEvaluationContext(
        instance.get_ref(),
        last_tick_completion_time=None,
        last_run_key=None,
        cursor=None,
        log_key=None,
        repository_name=None,
        repository_def=defs.get_repository_def(),
        sensor_name=sensor.name,
        resources={"home": dg.ResourceDefinition.hardcoded_resource(home)},
    ) as context:
        return list(sensor.evaluate_tick(context).run_requests or ())


def night(instance: dg.DagsterInstance, home: Home, moment: datetime = BERLIN_AT_TWO) -> list[str | None]:
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment,
        resources={"home": home},
        repository_def=defs.get_repository_def(),
    )
    return [one.run_key for one in nightly_by_tenant.evaluate_tick(context).run_requests or ()]


def run_of(
    instance: dg.DagsterInstance, tenant: str, status: dg.DagsterRunStatus, tags: dict[str, Any] | None = None
) -> dg.DagsterRun:
    own = {PARTITION_NAME_TAG: tenant, **(tags or {})}
    run = instance.create_run_for_job(defs.resolve_job_def("nightly"), tags=own)
    if status is dg.DagsterRunStatus.FAILURE:
        instance.report_run_failed(run)
    elif status is not dg.DagsterRunStatus.NOT_STARTED:
        instance.handle_run_event(run.run_id, dg.DagsterEvent(dg.DagsterEventType.PIPELINE_SUCCESS.value, "nightly"))
    return run


def test_an_alarm_leads_to_one_run_however_often_it_is_looked_at(instance: dg.DagsterInstance, home: Home) -> None:
    home.monitoring.write("berlin", "drift", datetime.now(UTC), {"alarm": True, "explanation": WORDS})
    first, again = tick(drift_alarms, instance, home), tick(drift_alarms, instance, home)
    (request,) = first
    assert [one.run_key for one in again] == [request.run_key]
    assert (request.partition_key, request.tags[EXPLANATION]) == ("berlin", WORDS)
    run = run_of(instance, "berlin", dg.DagsterRunStatus.NOT_STARTED, dict(request.tags))
    assert tick(drift_alarms, instance, home) == []
    (trigger,) = home.triggers.newest("berlin")
    assert (trigger.state, trigger.run_id) == (State.LAUNCHED, run.run_id)


def test_a_finding_that_is_no_alarm_asks_for_nothing(instance: dg.DagsterInstance, home: Home) -> None:
    home.monitoring.write("berlin", "drift", datetime.now(UTC), {"alarm": False, "explanation": WORDS})
    assert tick(drift_alarms, instance, home) == []
    assert home.triggers.newest("berlin") == []


def test_one_night_never_trains_twice(instance: dg.DagsterInstance, home: Home) -> None:
    """What drift began an hour before was the night's; the other tenant's night is its own."""
    before = BERLIN_AT_TWO - timedelta(hours=1)
    assert home.triggers.raise_("berlin", Cause.DRIFT, "x", WORDS, {}, now=before)
    assert night(instance, home) == ["munich:2026-07-01"]
    assert not home.triggers.raise_("munich", Cause.DRIFT, "x", WORDS, {}, now=BERLIN_AT_TWO + timedelta(hours=1))
    suppressed = home.triggers.find("berlin", Cause.SCHEDULE, "2026-07-01")
    assert suppressed is not None
    assert "60 minutes ago" in str(suppressed.why)


@pytest.mark.parametrize(
    ("first", "second", "date"),
    [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC), "2026-10-25"),
    ],
)
def test_a_night_with_a_change_of_clocks_is_trained_once(
    instance: dg.DagsterInstance, home: Home, first: datetime, second: datetime, date: str
) -> None:
    assert night(instance, home, first) == [f"berlin:{date}", f"munich:{date}"]
    assert night(instance, home, second) == []
    assert len(home.triggers.newest("berlin")) == 1


def test_a_schedule_that_died_is_taken_over_later(instance: dg.DagsterInstance, home: Home) -> None:
    now = datetime.now(UTC)
    home.triggers.raise_("berlin", Cause.SCHEDULE, "a", "It is 02:00.", {}, now=now)
    home.triggers.raise_("munich", Cause.SCHEDULE, "a", "It is 02:00.", {}, now=now - timedelta(minutes=20))
    assert [one.partition_key for one in tick(asked_for, instance, home)] == ["munich"]


def test_a_tenant_whose_run_is_at_work_waits(instance: dg.DagsterInstance, home: Home) -> None:
    home.triggers.raise_("berlin", Cause.MANUAL, "a", "new labels", {"person": "ann"}, now=datetime.now(UTC))
    run = run_of(instance, "berlin", dg.DagsterRunStatus.NOT_STARTED)
    assert tick(asked_for, instance, home) == []
    instance.report_run_failed(run)
    (request,) = tick(asked_for, instance, home)
    assert request.tags[PERSON_TAG] == "ann"
    who = trainer({**request.tags, "dagster/sensor_name": "asked_for"})
    assert (who.name, who.kind) == ("ann", ActorKind.PERSON)


def test_a_failed_run_is_tried_again_after_a_while_and_not_for_ever(instance: dg.DagsterInstance, home: Home) -> None:
    run, now = run_of(instance, "berlin", dg.DagsterRunStatus.FAILURE), datetime.now(UTC)
    raise_retries(instance, home, now)
    assert home.triggers.newest("berlin") == []
    for attempt in (1, 2, 3):
        now += timedelta(minutes=100)
        raise_retries(instance, home, now)
        (request,) = waiting_requests(instance, home, [Cause.FAILED_RUN], now)
        assert (request.tags[ATTEMPT], request.tags[ORIGIN]) == (str(attempt), run.run_id)
        run_of(instance, "berlin", dg.DagsterRunStatus.FAILURE, dict(request.tags))
        assert home.monitoring.newest("berlin", AREA) is None
    for _ in range(2):
        raise_retries(instance, home, now + timedelta(days=1))
    (finding,) = home.monitoring.read("berlin", AREA)
    assert finding["alarm"]
    assert "tried again 3 times" in finding["explanation"]
    assert len(home.triggers.newest("berlin")) == 3


def test_a_success_since_then_ends_retries(instance: dg.DagsterInstance, home: Home) -> None:
    run_of(instance, "berlin", dg.DagsterRunStatus.FAILURE)
    run_of(instance, "berlin", dg.DagsterRunStatus.SUCCESS)
    raise_retries(instance, home, datetime.now(UTC) + timedelta(days=1))
    assert home.triggers.newest("berlin") == []


def test_a_failure_without_a_step_is_no_gates(instance: dg.DagsterInstance) -> None:
    assert not is_final(instance, run_of(instance, "berlin", dg.DagsterRunStatus.FAILURE).run_id)


def test_every_request_names_its_trigger(instance: dg.DagsterInstance, home: Home) -> None:
    """A backfill of several tenants is one trigger and one run each; asking again adds nothing."""
    now = datetime.now(UTC)
    for tenant in ("berlin", "munich"):
        assert home.triggers.raise_(tenant, Cause.MANUAL, "backfill", "labels changed", {}, now=now)
        assert not home.triggers.raise_(tenant, Cause.MANUAL, "backfill", "labels changed", {}, now=now)
    requests = tick(asked_for, instance, home)
    assert sorted(str(one.partition_key) for one in requests) == ["berlin", "munich"]
    assert len({one.tags[TRIGGER] for one in requests}) == 2
