"""`lintel nightly`: the nightly Dagster job of one tenant, in this process."""

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

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The bar says enough on the terminal; the Dagster instance keeps every event."""


class NightlyFailedError(LintelError):
    """The run ended without success; what it had finished is kept, and the next run takes it up from the log."""

    slug = "nightly-failed"


def nightly(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Run the nightly job in this process: lake, features, training, gate, registry, promotion, scores, bento."""
    value = run_nightly(tenant)
    rows = [(step, seconds) for step, seconds in value["steps"].items()]
    emit(value, as_json=as_json, table=table(f"nightly run of {tenant}", ("step", "seconds"), rows))


def run_nightly(tenant: str) -> dict[str, Any]:
    """Run the job and return `{"tenant", "run_id", "success", "steps": {name: seconds}, "bento"}`.

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
    with open_instance(settings()) as instance, progress(f"nightly {tenant}", len(job.nodes)) as advance:
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
            instance=instance, partition_key=tenant, run_id=run_id, raise_on_error=False, run_config=_QUIET
        )
    if not result.success:
        raise NightlyFailedError(
            f"The nightly run of {tenant!r} failed at {'; '.join(failures) or 'start'}.",
            mend=f"See run {run_id} in the Dagster UI (`make up`).",
        )
    return {"tenant": tenant, "run_id": run_id, "success": True, "steps": steps, "bento": bento_tag(result)}


def bento_tag(result: dg.ExecuteInProcessResult) -> str:
    """The tag of the bento that the run built."""
    (made,) = result.asset_materializations_for_node("lead_scoring_bento")
    return str(made.metadata["tag"].value)


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "failed"
