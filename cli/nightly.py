"""`lintel nightly`: the nightly Dagster job of one tenant, in this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import dagster as dg

from assets.tenants import TENANTS
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, progress, table
from lintel.errors import LintelError
from lintel.home import Home
from lintel.settings import settings
from orchestration.instance import open_instance


class NightlyFailedError(LintelError):
    """The run ended without success; what it had finished is kept, and the next run takes it up from the log."""

    slug = "nightly-failed"


def nightly(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Run the nightly job in this process: lake, features, training, gate, registry, promotion, scores, bento."""
    value = run_nightly(tenant)
    rows = [(step, seconds) for step, seconds in value["steps"].items()]
    emit(value, as_json=as_json, table=table(f"nightly run of {tenant}", ("step", "seconds"), rows))


def run_nightly(tenant: str) -> dict[str, Any]:
    """Run the job and return `{"tenant", "run_id", "success", "steps": {name: seconds}}`.

    Raises NotFoundError for an unknown tenant, NightlyFailedError naming the step that failed.
    """
    home = Home(settings())
    home.events.tenant(tenant)
    home.close()
    from orchestration.definitions import defs

    job = defs.get_job_def("nightly")
    steps: dict[str, float] = {}
    failures: list[str] = []
    run_id = str(uuid4())
    with open_instance(settings()) as instance, _quiet(), progress(f"nightly {tenant}", len(job.nodes)) as advance:
        instance.add_dynamic_partitions(TENANTS.name or "", [tenant])

        def listen(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None or event.step_key is None:
                return
            if event.is_step_success:
                steps[event.step_key] = round(event.step_success_data.duration_ms / 1000, 2)
                advance(1)
                note(f"  {event.step_key}: {steps[event.step_key]:.1f} s")
            elif event.is_step_failure:
                failures.append(f"{event.step_key}: {_reason(event)}")

        instance.add_event_listener(run_id, listen)
        result = job.execute_in_process(
            instance=instance, partition_key=tenant, run_id=run_id, raise_on_error=False
        )
    if not result.success:
        raise NightlyFailedError(
            f"The nightly run of {tenant!r} failed at {'; '.join(failures) or 'start'}.",
            mend=f"See run {run_id} in the Dagster UI (`make up`).",
        )
    return {"tenant": tenant, "run_id": run_id, "success": True, "steps": steps}


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed"


@contextmanager
def _quiet() -> Iterator[None]:
    """Dagster logs each event to standard error at DEBUG; the bar says enough, the instance keeps the rest."""
    logger = logging.getLogger("dagster")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
