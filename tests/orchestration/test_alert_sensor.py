"""The sensor of alerts: ticks over a real instance, and runs as Dagster keeps them."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster._core.test_utils import create_run_for_test

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from orchestration.alert_sensor import DagsterRuns, alert_rules
from orchestration.definitions import defs

TENANT = "acme"


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tenant: str | None = TENANT) -> str:
    tags = {} if tenant is None else {PARTITION_NAME_TAG: tenant}
    found = create_run_for_test(instance, job_name="nightly", tags=tags)
    report = instance.report_run_failed if status is dg.DagsterRunStatus.FAILURE else None
    if report is not None:
        report(found)
    elif status is dg.DagsterRunStatus.SUCCESS:
        event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name="nightly")
        instance.report_dagster_event(event, found.run_id)
    return found.run_id


def test_a_tick_tells_of_a_failed_run_and_a_later_one_of_its_mending(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant(id=TENANT, labels="simulator"))
        run(instance, dg.DagsterRunStatus.FAILURE)
        run(instance, dg.DagsterRunStatus.FAILURE, tenant=None)
        cursor = None
        states = []
        for after in (dg.DagsterRunStatus.SUCCESS, None):
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, definitions=defs, resources={"home": home}
            )
            ticked = alert_rules.evaluate_tick(context)
            cursor = ticked.cursor
            assert ticked.run_requests == []
            states.append([(one.rule, str(one.state)) for one in home.alerts.unresolved()])
            if after is not None:
                run(instance, after)
        assert states == [[("nightly-failed", "firing")], []]
        assert [str(one.state) for one in home.alerts.newest(TENANT)] == ["resolved"]


def test_runs_are_told_from_where_the_last_look_ended() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        runs = DagsterRuns(instance)
        first = run(instance, dg.DagsterRunStatus.FAILURE)
        run(instance, dg.DagsterRunStatus.STARTED)
        (found,) = runs.ended(None)
        assert (found.run_id, found.succeeded, found.tenant) == (first, False, TENANT)
        second = run(instance, dg.DagsterRunStatus.SUCCESS)
        assert [one.run_id for one in runs.ended(found.ended_at)] == [first, second]
        assert runs.ended(datetime.now(UTC) + timedelta(minutes=1)) == []
        assert runs.succeeded("nightly", [TENANT, "other"]).keys() == {TENANT}
        assert runs.succeeded("pooling", [TENANT]) == {}


def test_the_sensor_is_one_of_the_definitions_and_runs_each_minute() -> None:
    sensor = defs.resolve_sensor_def("alert_rules")
    assert sensor.minimum_interval_seconds == 60
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_wrong_sink_is_told_in_the_tick_and_keeps_nothing_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lintel.alerts")
    settings = Settings(home=tmp_path / "home", alert_webhook_url="http://somewhere.example/s3cret")
    with dg.DagsterInstance.ephemeral() as instance, Home(settings) as home:
        home.events.put_tenant(Tenant(id=TENANT, labels="simulator"))
        run(instance, dg.DagsterRunStatus.FAILURE)
        context = dg.build_sensor_context(instance=instance, definitions=defs, resources={"home": home})
        ticked = alert_rules.evaluate_tick(context)
        (alert,) = home.alerts.unresolved()
    assert "1 new alerts, 1 messages sent" in str(ticked.skip_message)
    assert "LINTEL_ALERT_PRIVATE_HOSTS" in str(ticked.skip_message)
    assert {one.sink: str(one.state) for one in alert.deliveries} == {"log": "sent", "webhook": "pending"}
    assert "s3cret" not in str(ticked.skip_message) + caplog.text
