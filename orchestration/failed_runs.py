"""Nightly runs that failed: which are tried again, and when that was of no use."""

import logging
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.tenants import TENANTS
from lintel.automation.policy import Cause
from lintel.automation.retries import Failure, retry
from lintel.errors import IncompatibleError, InputError, LintelError, NotFoundError, RefusedError
from lintel.home import Home
from orchestration.abandoned import end_abandoned_runs
from orchestration.jobs import nightly
from orchestration.launching import ATTEMPT, ORIGIN

AREA = "automation"
_KIND = "retries"
_log = logging.getLogger(__name__)
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_FINAL: tuple[type[LintelError], ...] = (InputError, NotFoundError, RefusedError, IncompatibleError)
"""What the same data and code would meet again."""
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def raise_retries(instance: dg.DagsterInstance, home: Home, now: datetime) -> None:
    """Ask for what failed to be tried again when its time has come; tell once what will not be.

    Only a tenant's newest run counts: a later success has mended what failed before.
    """
    end_abandoned_runs(instance)
    for tenant in instance.get_dynamic_partitions(TENANTS.name or ""):
        record = newest_run(instance, tenant)
        if record is None:
            continue
        try:
            if record.dagster_run.status is dg.DagsterRunStatus.FAILURE:
                _follow(instance, home, tenant, record, now)
            else:
                _mend(home, tenant, record.dagster_run, now)
        except LintelError as error:
            _log.error("what follows the newest run of %s cannot be kept: %s", tenant, error)


def _follow(instance: dg.DagsterInstance, home: Home, tenant: str, record: dg.RunRecord, now: datetime) -> None:
    """What becomes of a failed run: a retry, once its time has come, or an alarm."""
    run = record.dagster_run
    attempts, origin = int(run.tags.get(ATTEMPT, "0")), run.tags.get(ORIGIN, run.run_id)
    failure = Failure(attempts, _ended_at(record), is_final(instance, run.run_id))
    chosen = retry(failure, home.settings.training_retries)
    if chosen.at is None:
        words = f"The nightly run {run.run_id[:8]} failed and is not tried again. {chosen.reason}"
        _tell(home, tenant, run.run_id, words, now)
    elif now >= chosen.at:
        words = f"Run {run.run_id[:8]} failed. {chosen.reason}"
        told = {"attempt": attempts + 1, "origin": origin, "failed_run": run.run_id}
        home.triggers.raise_(tenant, Cause.FAILED_RUN, run.run_id, words, told, now=now)


def newest_run(instance: dg.DagsterInstance, tenant: str) -> dg.RunRecord | None:
    """The newest run of the nightly job of a tenant that has begun; None where one is waiting or at work, too."""
    filters = dg.RunsFilter(job_name=nightly.name, tags={PARTITION_NAME_TAG: tenant})
    found = instance.get_run_records(filters, limit=1)
    return found[0] if found and found[0].dagster_run.status in _ENDED else None


def is_final(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a check stopped the run, or an error that the same data and code would meet again."""
    final = {one.__name__ for root in _FINAL for one in _kinds(root)} | {_CHECK_FAILED}
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return any(name in final for entry in entries for name in _error_names(entry))


def _error_names(entry: dg.EventLogEntry) -> list[str]:
    names, event = [], entry.dagster_event
    error = None if event is None else event.step_failure_data.error
    while error is not None:
        names.append(error.cls_name or "")
        error = error.cause
    return names


def _kinds(root: type[LintelError]) -> list[type[LintelError]]:
    return [root, *(one for kind in root.__subclasses__() for one in _kinds(kind))]


def _tell(home: Home, tenant: str, run_id: str, words: str, now: datetime) -> None:
    """Once a run. The finding's moment is that of the look: what reads on from the last one misses nothing."""
    before = _told(home, tenant)
    if before is None or before["run_id"] != run_id:
        finding = {"kind": _KIND, "alarm": True, "explanation": words, "run_id": run_id}
        home.monitoring.write(tenant, AREA, now, finding)


def _mend(home: Home, tenant: str, run: dg.DagsterRun, now: datetime) -> None:
    """A success ends the alarm of what failed before."""
    before = _told(home, tenant)
    if run.status is dg.DagsterRunStatus.SUCCESS and before is not None and before["alarm"]:
        finding = {"kind": _KIND, "alarm": False, "explanation": "A run has succeeded since.", "run_id": run.run_id}
        home.monitoring.write(tenant, AREA, now, finding)


def _told(home: Home, tenant: str) -> dict[str, Any] | None:
    """The newest finding about retries."""
    found = [one for one in home.monitoring.read(tenant, AREA) if one.get("kind") == _KIND]
    return found[-1] if found else None


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.astimezone(UTC)
