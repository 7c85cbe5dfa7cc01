"""A sensor's tick as Dagster's daemon evaluates it, and tenants to tick over."""

from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from lintel.home import Home
from lintel.store.tenants import Tenant
from orchestration.definitions import defs
from tests.store.appending import numbered_events


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, home: Home, cursor: str | None = None
) -> SensorExecutionData:
    """Runs that it asks for, with the tags of their partitions, or why it asks for none; and the cursor after it."""
    with dg.SensorEvaluationContext(
        instance.get_ref(),
        last_tick_completion_time=None,
        last_run_key=None,
        cursor=cursor,
        log_key=None,
        repository_name=None,
        repository_def=defs.get_repository_def(),
        sensor_name=sensor.name,
        resources={"home": dg.ResourceDefinition.hardcoded_resource(home)},
    ) as context:
        return sensor.evaluate_tick(context)


def put_active(home: Home, tenant: str, time_zone: str = "UTC") -> None:
    """A tenant that has an event: those without any are not trained."""
    home.events.put_tenant(Tenant(tenant, labels="crm", time_zone=time_zone))
    home.events.append(tenant, numbered_events(0, 1), now=datetime(2026, 3, 1, tzinfo=UTC))
