"""Runs whose process is gone (killed, out of memory, a machine that stopped).

Dagster would call them started for ever, and a queue that lets one run go at a time would wait for them for ever. Each
run says in a tag which process of which machine works on it; a later one on that machine ends what nobody works on
any more.
"""

import os
from socket import gethostname

import dagster as dg
import psutil
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES  # public nowhere else
from dagster._core.storage.tags import PARTITION_NAME_TAG

_PROCESS = "lintel/process"


def process_tags() -> dict[str, str]:
    """For a run in this process. The start time tells it from a later process that gets the same number."""
    return {_PROCESS: _name(psutil.Process(os.getpid()))}


def end_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Record as failed every run whose process is gone; their ids."""
    lost = [run for run in _in_progress(instance) if not _works(run)]
    for run in lost:
        instance.report_run_failed(run, "The process that worked on this run is gone; a new run starts from the log.")
    return [run.run_id for run in lost]


def run_at_work(instance: dg.DagsterInstance, partition: str) -> str | None:
    """Id of a run of this partition that a live process works on; None if there is none."""
    runs = (run for run in _in_progress(instance) if run.tags.get(PARTITION_NAME_TAG) == partition and _works(run))
    return next((run.run_id for run in runs), None)


def _in_progress(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Those that a process of this machine works on, or did: of others nothing can be known here."""
    found = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))
    return [run for run in found if run.tags.get(_PROCESS, "").endswith(f"@{gethostname()}")]


def _works(run: dg.DagsterRun) -> bool:
    number = int(run.tags[_PROCESS].split("@")[0])
    try:
        process = psutil.Process(number)
        return _name(process) == run.tags[_PROCESS] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _name(process: psutil.Process) -> str:
    return f"{process.pid}@{process.create_time():.2f}@{gethostname()}"
