"""A sensor's tick as Dagster's daemon evaluates it."""

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from lintel.home import Home
from orchestration.definitions import defs


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
