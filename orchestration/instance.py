"""Dagster's own home inside Lintel's: where runs, schedules and asset history are kept."""

from pathlib import Path

import dagster as dg

from lintel.settings import Settings

_CONFIG = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def dagster_home(settings: Settings) -> Path:
    """The folder for DAGSTER_HOME, with its dagster.yaml, made if it is missing."""
    folder = settings.dagster_path
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        config.write_text(_CONFIG)
    return folder


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `make up` shows in the Dagster UI."""
    return dg.DagsterInstance.from_config(str(dagster_home(settings)))
