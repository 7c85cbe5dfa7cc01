"""A run whose process was killed is ended by the next one, and does not hold up the queue for ever."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname

import dagster as dg
import pytest

from lintel.settings import Settings
from orchestration.abandoned import end_abandoned_runs, process_tags, run_at_work
from orchestration.instance import open_instance

PARTITION = {"dagster/partition": "acme"}


@dg.job
def nothing() -> None:
    """A job to have runs of."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings(home=tmp_path)) as instance:
        yield instance


def started(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    run = instance.create_run_for_job(nothing, tags={**PARTITION, **tags})
    instance.handle_new_event(_start_event(run), batch_metadata=None)
    return run


def _start_event(run: dg.DagsterRun) -> dg.EventLogEntry:
    event = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
    return dg.EventLogEntry(
        error_info=None, level=10, user_message="", run_id=run.run_id, timestamp=0.0, dagster_event=event
    )


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_of_a_dead_process_is_ended(instance: dg.DagsterInstance) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    run = started(instance, {"lintel/process": f"{child.pid}@1.00@{gethostname()}"})
    assert status(instance, run) is dg.DagsterRunStatus.STARTED
    assert end_abandoned_runs(instance) == [run.run_id]
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE
    assert end_abandoned_runs(instance) == []


def test_a_run_of_a_later_process_with_the_same_number_is_ended(instance: dg.DagsterInstance) -> None:
    run = started(instance, {"lintel/process": f"{os.getpid()}@1.00@{gethostname()}"})
    assert run_at_work(instance, "acme") is None
    assert end_abandoned_runs(instance) == [run.run_id]


def test_a_run_of_a_living_process_is_left_alone_and_found(instance: dg.DagsterInstance) -> None:
    run = started(instance, process_tags())
    assert end_abandoned_runs(instance) == []
    assert run_at_work(instance, "acme") == run.run_id
    assert run_at_work(instance, "other") is None


@pytest.mark.parametrize("tags", [{}, {"lintel/process": "1@1.00@another-machine"}])
def test_of_other_machines_runs_nothing_is_known(instance: dg.DagsterInstance, tags: dict[str, str]) -> None:
    run = started(instance, tags)
    assert end_abandoned_runs(instance) == []
    assert status(instance, run) is dg.DagsterRunStatus.STARTED
