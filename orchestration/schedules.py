"""When the nightly run starts: each tenant's local 02:00, looked at every hour in UTC."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.pooling import LABEL_SETS, pooling_tenants
from lintel.automation.policy import Cause
from lintel.automation.triggers import State, Trigger
from lintel.home import Home
from lintel.store.tenants import Tenant
from orchestration.abandoned import end_abandoned_runs
from orchestration.jobs import nightly, pooling, prediction_log
from orchestration.launching import run_request

NIGHTLY_AT = time(2)


@dg.schedule(
    job=nightly,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def nightly_by_tenant(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Every hour: the nightly run of each tenant whose local 02:00 has just come. One run a tenant and local date; none
    where another training of the same night is under way or done."""
    end_abandoned_runs(context.instance)
    moment = context.scheduled_execution_time
    known = [tenant for tenant in home.events.tenants() if home.events.has_events(tenant.id)]
    due = [tenant for tenant in known if is_due(moment, ZoneInfo(tenant.time_zone))]
    if not due:
        yield dg.SkipReason(f"It is not {NIGHTLY_AT:%H:%M} for any tenant with events.")
    nights = [_night(home, tenant, moment) for tenant in due]
    begun = [one for one in nights if one.state is not State.SUPPRESSED]
    if nights and not begun:  # Dagster takes either requests or one reason
        yield dg.SkipReason("; ".join(f"{one.tenant}: {one.why}" for one in nights))
    for one in begun:
        yield run_request(context.instance, one, run_key=f"{one.tenant}:{one.key}")


@dg.schedule(
    job=pooling,
    cron_schedule="30 12 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def pooling_by_labels(
    context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Each day: the pool of every shipped label set that at least two tenants share who allow it."""
    shared = Counter(one.labels for one in pooling_tenants(home) if not one.labels.endswith(".toml"))
    due = sorted(source for source, tenants in shared.items() if tenants > 1)
    if not due:
        yield dg.SkipReason("No two tenants with the same labels allow pooling.")
    for source in due:
        if not context.instance.has_dynamic_partition(LABEL_SETS.name or "", source):
            context.instance.add_dynamic_partitions(LABEL_SETS.name or "", [source])
        yield dg.RunRequest(run_key=f"{source}:{context.scheduled_execution_time.date()}", partition_key=source)


prediction_log_by_hour = dg.ScheduleDefinition(
    name="prediction_log_by_hour",
    job=prediction_log,
    cron_schedule="15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def _night(home: Home, tenant: Tenant, moment: datetime) -> Trigger:
    """The trigger of a tenant's local date, raised if it was not yet."""
    date = moment.astimezone(ZoneInfo(tenant.time_zone)).date().isoformat()
    words = f"It is {NIGHTLY_AT:%H:%M} of {date} in {tenant.time_zone}."
    home.triggers.raise_(tenant.id, Cause.SCHEDULE, date, words, {"date": date}, now=moment)
    found = home.triggers.find(tenant.id, Cause.SCHEDULE, date)
    if found is None:
        raise RuntimeError("a trigger that was just raised is gone")
    return found


def is_due(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether `moment` is the first full UTC hour at or after 02:00 of its local date.

    On the night that skips 02:00 the run starts at 03:00; on the night that has 02:00 twice, at the first.
    """
    local, before = moment.astimezone(zone), (moment - timedelta(hours=1)).astimezone(zone)
    if local.time() < NIGHTLY_AT:
        return False
    return before.date() < local.date() or before.time() < NIGHTLY_AT
