"""Everything that Dagster is told about our assets, checks, jobs, schedules and resources, as plain data."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.definitions import defs

SNAPSHOT = Path(__file__).with_name("specs.json")


def specs() -> dict[str, Any]:
    """Sorted by name, so that two snapshots differ only where the specs do."""
    graph = defs.resolve_asset_graph()
    repository = defs.get_repository_def()
    return {
        "assets": [_asset(graph.get(key)) for key in sorted(graph.get_all_asset_keys())],
        "checks": [_check(*one) for one in sorted(_check_specs().items())],
        "jobs": [_job(defs.resolve_job_def(name)) for name in sorted(repository.job_names) if name[:2] != "__"],
        "schedules": [_schedule(one) for one in sorted(repository.schedule_defs, key=lambda one: one.name)],
        "sensors": sorted(one.name for one in repository.sensor_defs),
        "resources": sorted(repository.get_top_level_resources()),
    }


def written() -> str:
    return json.dumps(specs(), indent=1, ensure_ascii=False) + "\n"


def _asset(node: Any) -> dict[str, Any]:
    return {
        "key": node.key.to_user_string(),
        "group": node.group_name,
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "kinds": sorted(node.kinds),
        "description": node.description,
        "partitions": _partitions(node.partitions_def),
        "code_version": node.code_version,
        "owners": list(node.owners),
        "tags": {name: value for name, value in node.tags.items() if not name.startswith("dagster/")},
    }


def _check_specs() -> dict[dg.AssetCheckKey, tuple[dg.AssetCheckSpec, Any]]:
    definitions = (one for one in defs.asset_checks or () if isinstance(one, dg.AssetsDefinition))
    return {key: (one.get_spec_for_check_key(key), one.partitions_def) for one in definitions for key in one.check_keys}


def _check(key: dg.AssetCheckKey, found: tuple[dg.AssetCheckSpec, Any]) -> dict[str, Any]:
    spec, partitions = found
    return {
        "asset": key.asset_key.to_user_string(),
        "name": key.name,
        "blocking": spec.blocking,
        "description": spec.description,
        "partitions": _partitions(partitions),
    }


def _job(job: dg.JobDefinition) -> dict[str, Any]:
    return {
        "name": job.name,
        "description": job.description,
        "steps": sorted(node.name for node in job.nodes),
        "partitions": _partitions(job.partitions_def),
        "executor": job.executor_def.name,
    }


def _schedule(schedule: dg.ScheduleDefinition) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "job": schedule.job_name,
        "cron": schedule.cron_schedule,
        "time_zone": schedule.execution_timezone,
        "status": schedule.default_status.value,
    }


def _partitions(partitions: Any) -> str | None:
    return None if partitions is None else str(partitions)
