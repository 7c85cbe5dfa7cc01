"""The schedule's ticks against a real Dagster instance and a real event store."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from assets.tenants import TENANTS
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from orchestration.definitions import defs
from orchestration.instance import open_instance
from orchestration.schedules import nightly_by_tenant
from tests.orchestration.test_abandoned import started
from tests.orchestration.ticking import put_active

ZONES = {"denver": "America/Denver", "berlin": "Europe/Berlin", "munich": "Europe/Berlin"}
BERLIN_AT_TWO = datetime(2026, 7, 1, 0, tzinfo=UTC)
NOBODY_AT_TWO = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant, zone in ZONES.items():
            put_active(home, tenant, zone)
        yield home


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home.settings) as instance:
        yield instance


def tick(instance: dg.DagsterInstance, home: Home, moment: datetime) -> ScheduleExecutionData:
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment,
        resources={"home": home},
        repository_def=defs.get_repository_def(),
    )
    return nightly_by_tenant.evaluate_tick(context)


def test_each_tenant_that_is_due_gets_one_run_keyed_by_its_local_date(instance: dg.DagsterInstance, home: Home) -> None:
    requests = tick(instance, home, BERLIN_AT_TWO).run_requests
    assert [(one.run_key, one.partition_key) for one in requests or ()] == [
        ("berlin:2026-07-01", "berlin"),
        ("munich:2026-07-01", "munich"),
    ]
    assert set(instance.get_dynamic_partitions(TENANTS.name or "")) == {"berlin", "munich"}


def test_the_local_date_is_the_tenants_not_utcs(instance: dg.DagsterInstance, home: Home) -> None:
    put_active(home, "tokyo", "Asia/Tokyo")
    requests = tick(instance, home, datetime(2026, 6, 30, 17, tzinfo=UTC)).run_requests
    assert [one.run_key for one in requests or ()] == ["tokyo:2026-07-01"]


def test_a_tenant_without_events_is_not_trained(instance: dg.DagsterInstance, home: Home) -> None:
    home.events.put_tenant(Tenant("potsdam", labels="crm", time_zone="Europe/Berlin"))
    requests = tick(instance, home, BERLIN_AT_TWO).run_requests
    assert {one.partition_key for one in requests or ()} == {"berlin", "munich"}


def test_a_tick_at_which_nobody_is_due_says_so(instance: dg.DagsterInstance, home: Home) -> None:
    found = tick(instance, home, NOBODY_AT_TWO)
    assert not found.run_requests
    assert found.skip_message == "It is not 02:00 for any tenant with events."
    assert not instance.get_dynamic_partitions(TENANTS.name or "")


def test_a_home_without_tenants_skips(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    with Home(Settings(home=tmp_path / "empty")) as empty:
        assert tick(instance, empty, BERLIN_AT_TWO).skip_message


def test_a_second_tick_asks_for_the_same_run(instance: dg.DagsterInstance, home: Home) -> None:
    first, second = (tick(instance, home, BERLIN_AT_TWO).run_requests for _ in range(2))
    assert [one.run_key for one in first or ()] == [one.run_key for one in second or ()]


def test_a_tick_ends_runs_whose_process_is_gone(instance: dg.DagsterInstance, home: Home) -> None:
    """Otherwise the queue, which lets one run go at a time, would wait for them for ever."""
    run = started(instance, {"lintel/process": f"1@1.00@{gethostname()}"})
    tick(instance, home, NOBODY_AT_TWO)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
