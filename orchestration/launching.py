"""From triggers to runs: each granted trigger leads to one run, whatever is killed between the two."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES  # public nowhere else
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.tenants import TENANTS
from assets.trainer import PERSON_TAG
from lintel.automation.policy import Cause
from lintel.automation.triggers import Trigger
from lintel.home import Home

TRIGGER, CAUSE, EXPLANATION = "lintel/trigger", "lintel/cause", "lintel/explanation"
ATTEMPT, ORIGIN = "lintel/attempt", "lintel/retry_of"
_LEFT_TO_THE_SCHEDULE = timedelta(minutes=15)
"""After which a sensor begins a night's run whose schedule tick died between the trigger and the request."""


def run_request(instance: dg.DagsterInstance, trigger: Trigger, run_key: str | None = None) -> dg.RunRequest:
    """The nightly run of the trigger's tenant, whose tags say why; Dagster begins one a run key."""
    if not instance.has_dynamic_partition(TENANTS.name or "", trigger.tenant):
        instance.add_dynamic_partitions(TENANTS.name or "", [trigger.tenant])
    tags = {TRIGGER: trigger.trigger_id, CAUSE: str(trigger.cause), EXPLANATION: trigger.explanation}
    if "person" in trigger.details:
        tags[PERSON_TAG] = str(trigger.details["person"])
    if trigger.cause is Cause.FAILED_RUN:
        tags |= {ATTEMPT: str(trigger.details["attempt"]), ORIGIN: str(trigger.details["origin"])}
    return dg.RunRequest(run_key=run_key or trigger.trigger_id, partition_key=trigger.tenant, tags=tags)


def waiting_requests(
    instance: dg.DagsterInstance, home: Home, causes: Sequence[Cause], now: datetime
) -> Iterator[dg.RunRequest]:
    """Requests for granted triggers without a run, one a tenant that has no run under way.

    Asked at every tick until the run is there: a tick that is killed after the trigger was kept loses nothing, and the
    run key keeps two ticks from beginning two.
    """
    busy: set[str] = set()
    for trigger in home.triggers.raised(causes):
        run_id = begun(instance, trigger)
        if run_id is not None:
            home.triggers.launched(trigger.trigger_id, run_id)
        elif trigger.tenant not in busy and not _is_busy(instance, trigger.tenant) and _is_ours(trigger, now):
            busy.add(trigger.tenant)
            yield run_request(instance, trigger)


def begun(instance: dg.DagsterInstance, trigger: Trigger) -> str | None:
    """Id of the run that a trigger led to."""
    found = instance.get_run_records(dg.RunsFilter(tags={TRIGGER: trigger.trigger_id}), limit=1)
    return found[0].dagster_run.run_id if found else None


def _is_busy(instance: dg.DagsterInstance, tenant: str) -> bool:
    filters = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES, tags={PARTITION_NAME_TAG: tenant})
    return bool(instance.get_run_records(filters, limit=1))


def _is_ours(trigger: Trigger, now: datetime) -> bool:
    return trigger.cause is not Cause.SCHEDULE or now - trigger.raised_at > _LEFT_TO_THE_SCHEDULE
