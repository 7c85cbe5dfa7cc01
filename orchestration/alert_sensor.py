"""Alerts: each minute the rules look at what was found since, and people are told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from lintel.alerts.cursor import Cursor
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.sinks.configured import sinks_of, unusable
from lintel.alerts.sources import Run
from lintel.alerts.watch import Watch
from lintel.home import Home
from orchestration.abandoned import end_abandoned_runs

EVERY_SECONDS = 60
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_NEWEST = 200
_OVERLAP = timedelta(seconds=1)  # Dagster compares times by the second


class DagsterRuns:
    """Runs as Dagster's instance knows them; one whose process was killed has failed."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance

    def ended(self, since: datetime | None) -> list[Run]:
        """Of partitions that are tenants, those that ended after a moment; the newest 200 without one."""
        after = None if since is None else since - _OVERLAP
        filters = dg.RunsFilter(statuses=_ENDED, updated_after=after)
        records = self._instance.get_run_records(filters, limit=_NEWEST if since is None else None)
        runs = [_run(record) for record in records]
        return sorted((one for one in runs if one is not None), key=lambda one: one.ended_at)

    def succeeded(self, job: str, tenants: Sequence[str]) -> dict[str, datetime]:
        """When a run of the job last succeeded for each tenant for which one ever did."""
        found = {}
        for tenant in tenants:
            filters = dg.RunsFilter(
                job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], tags={PARTITION_NAME_TAG: tenant}
            )
            for record in self._instance.get_run_records(filters, limit=1):
                found[tenant] = _ended_at(record)
        return found


@dg.sensor(
    name="alert_rules",
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alert_rules(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Iterator[dg.SkipReason]:
    """Look at what monitors, rollouts and runs came to since the last tick, and tell people. It starts no run.

    A tick that is killed is made good by the next: alerts are kept before they are sent, and the cursor is moved last.
    """
    end_abandoned_runs(context.instance)
    cursor = Cursor.from_text(context.cursor)
    rules = RuleBook.load(home.settings.alert_rules)
    sinks = sinks_of(home.settings, lambda: datetime.now(UTC))
    looked = Watch(home, rules, sinks, DagsterRuns(context.instance)).look(cursor, datetime.now(UTC))
    context.update_cursor(cursor.to_text())
    for fault in looked.faults:
        context.log.error("a source of alerts cannot be read: %s", fault)
    wrong = [str(fault) for fault in unusable(sinks).values()]
    for words in wrong:
        context.log.error("a sink of alerts cannot be used: %s", words)
    sent, waiting = looked.dispatched.sent, looked.dispatched.waiting
    told = f"{looked.signals} signals, {looked.opened} new alerts, {sent} messages sent, {waiting} deliveries wait."
    yield dg.SkipReason(" ".join([told, *wrong]))


def _run(record: dg.RunRecord) -> Run | None:
    """None for a run of no tenant."""
    run = record.dagster_run
    tenant = run.tags.get(PARTITION_NAME_TAG)
    if tenant is None:
        return None
    succeeded = run.status is dg.DagsterRunStatus.SUCCESS
    return Run(tenant, run.job_name, run.run_id, succeeded, _ended_at(record))


def _ended_at(record: dg.RunRecord) -> datetime:
    """When it ended; when it was last heard of, where Dagster has no end."""
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.astimezone(UTC)
