"""`lintel nightly`: the nightly Dagster job of one tenant, in this process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Self
from uuid import uuid4

import dagster as dg

from assets.tenants import TENANTS
from assets.trainer import PERSON_TAG
from cli.account import account
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import Bar, emit, note, progress, table
from lintel.errors import LintelError, NotFoundError, UnavailableError
from lintel.home import Home
from lintel.settings import settings
from orchestration.abandoned import end_abandoned_runs, process_tags, run_at_work
from orchestration.instance import open_instance

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The bar says enough on the terminal; the Dagster instance keeps every event."""
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_DAGSTER_CAUSES = (_CHECK_FAILED, "Failure")


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

    Raises NotFoundError for an unknown tenant or one without events, NightlyFailedError naming the step that failed.
    """
    with Home(settings()) as home:
        home.events.tenant(tenant)
        if not home.events.has_events(tenant):
            raise NotFoundError(f"{tenant} has no events yet.", mend="Append some with `lintel ingest`.")
    defs: dg.Definitions = import_module("orchestration.definitions").defs  # seconds that other commands do not spend
    job = defs.resolve_job_def("nightly")
    run_id = str(uuid4())
    with open_instance(settings()) as instance, progress(f"nightly {tenant}", len(job.nodes)) as bar:
        end_abandoned_runs(instance)
        _refuse_second(instance, tenant)
        instance.add_dynamic_partitions(TENANTS.name or "", [tenant])
        watch = _Watch(bar)
        instance.add_event_listener(run_id, watch)
        result = job.execute_in_process(
            instance=instance,
            partition_key=tenant,
            run_id=run_id,
            raise_on_error=False,
            run_config=_QUIET,
            tags={**process_tags(), PERSON_TAG: account()},
        )
    if not result.success:
        raise _failed(tenant, run_id, watch.failures)
    return {"tenant": tenant, "run_id": run_id, "success": True, "steps": watch.steps, "bento": bento_tag(result)}


def _refusal(event: dg.DagsterEvent) -> dict[str, str]:
    """Step -> the reasons of a check that did not pass, if it gives any."""
    evaluation = event.asset_check_evaluation_data
    reasons = evaluation.metadata.get("reasons")
    if evaluation.passed or reasons is None:
        return {}
    return {event.step_key or "": str(reasons.value).replace("\n", "; ")}


def _refuse_second(instance: dg.DagsterInstance, tenant: str) -> None:
    """Two runs of a tenant would write over each other's examples."""
    other = run_at_work(instance, tenant)
    if other is not None:
        raise UnavailableError(f"Run {other} of {tenant!r} is at work.", mend="Wait for it, or end its process.")


def bento_tag(result: dg.ExecuteInProcessResult) -> str | None:
    """The tag of the bento that the run built; None while a first version waits for approval."""
    (made,) = result.asset_materializations_for_node("lead_scoring_bento")
    return str(made.metadata["tag"].value) if "tag" in made.metadata else None


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a step failed: the kind of the innermost error, and its message if it is one of ours, which tell no data."""

    kind: type[LintelError] | None
    words: str

    @classmethod
    def of(cls, event: dg.DagsterEvent, refusal: str | None = None) -> Self:
        """`refusal`: why the step's own check did not pass; it says more than that one failed."""
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is None:
            return cls(None, "failed")
        kind = _kinds(LintelError).get(error.cls_name or "")
        if refusal and error.cls_name == _CHECK_FAILED:
            return cls(None, refusal)
        expected = kind is not None or error.cls_name in _DAGSTER_CAUSES
        message = error.message.strip().removesuffix(".").partition(f"{error.cls_name}: ")[2]
        return cls(kind, message if expected else f"unexpected {error.cls_name}")


def _kinds(root: type[LintelError]) -> dict[str, type[LintelError]]:
    below = [one for kind in root.__subclasses__() for one in _kinds(kind).values()]
    return {kind.__name__: kind for kind in (root, *below)}


@dataclass(slots=True)
class _Watch:
    """Listens to a run: tells each step as it begins and ends, and keeps the seconds and the failures by step."""

    bar: Bar
    steps: dict[str, float] = field(default_factory=dict)
    failures: dict[str, _Cause] = field(default_factory=dict)
    _refusals: dict[str, str] = field(default_factory=dict)

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        step = event.step_key
        if event.is_step_start:
            self.bar.begin(step)
        elif event.is_step_success:
            self.steps[step] = round(event.step_success_data.duration_ms / 1000, 2)
            self.bar(1)
            note(f"  {step}: {self.steps[step]:.1f} s")
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._refusals |= _refusal(event)
        elif event.is_step_failure:
            self.failures[step] = _Cause.of(event, self._refusals.get(step))


def _failed(tenant: str, run_id: str, failures: Mapping[str, _Cause]) -> NightlyFailedError:
    """The run's own error, with the exit code of what failed: a full disk stays a full disk."""
    steps = "; ".join(f"{step}: {cause.words}" for step, cause in failures.items())
    error = NightlyFailedError(
        f"The nightly run of {tenant!r} failed at {steps or 'start'}.",
        mend=f"See run {run_id} in the Dagster UI (`make up`).",
    )
    kinds = {cause.kind for cause in failures.values()}
    if len(kinds) == 1 and (kind := kinds.pop()):
        error.exit_code = kind.exit_code
    return error
