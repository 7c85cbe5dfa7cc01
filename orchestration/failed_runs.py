"""Nightly runs that failed: which are tried again, and when that was of no use."""

from datetime import UTC, datetime

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
        if record is None or record.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
            continue
        run = record.dagster_run
        attempts, origin = int(run.tags.get(ATTEMPT, "0")), run.tags.get(ORIGIN, run.run_id)
        failure = Failure(attempts, _ended_at(record), is_final(instance, run.run_id))
        chosen = retry(failure, home.settings.training_retries)
        if chosen.at is None:
            _tell(home, tenant, run.run_id, chosen.reason, failure.ended_at)
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


def _tell(home: Home, tenant: str, run_id: str, reason: str, at: datetime) -> None:
    """Once a run: the finding's moment is the run's end."""
    told = [one.get("run_id") for one in home.monitoring.read(tenant, AREA, since=at)]
    if run_id not in told:
        words = f"The nightly run {run_id[:8]} failed and is not tried again. {reason}"
        home.monitoring.write(
            tenant, AREA, at, {"kind": "retries", "alarm": True, "explanation": words, "run_id": run_id}
        )


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.astimezone(UTC)
