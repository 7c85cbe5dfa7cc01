"""What asks for training between the nights: new outcomes, drift, losses, runs that failed, and people."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from lintel.automation.learnt import learnt
from lintel.automation.new_outcomes import NewOutcomes, count_new_outcomes, enough
from lintel.automation.policy import Cause
from lintel.errors import LintelError
from lintel.events.moments import time_text, to_microseconds
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.store.tenants import Clock
from orchestration.failed_runs import raise_retries
from orchestration.jobs import nightly
from orchestration.launching import waiting_requests
from orchestration.regularity_sensor import regularity

Found = Iterator[dg.RunRequest | dg.SkipReason]
_RUNNING = dg.DefaultSensorStatus.RUNNING
_EVENTS_BETWEEN = 0.01
"""Share of a log that must be new before its outcomes are counted again."""
_PORTION = 50_000


@dg.sensor(job=nightly, minimum_interval_seconds=900, default_status=_RUNNING)
def new_outcomes(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Found:
    """Training where enough leads have outcomes that the newest training could not know.

    Counted again only where the log has grown by a hundredth, or a day has passed: outcomes also mature by time.
    """
    now, seen = datetime.now(UTC), json.loads(context.cursor or "{}")
    for tenant in home.events.tenants():
        mark = [home.events.latest_seq(tenant.id), now.date().isoformat()]
        if not _moved(seen.get(tenant.id), mark):
            continue
        try:
            raise_new_outcomes(home, tenant.id, now)
        except LintelError as error:
            context.log.error("new outcomes of %s could not be counted: %s", tenant.id, error)
            continue
        seen[tenant.id] = mark
    context.update_cursor(json.dumps(seen))
    yield from _requests(context, home, [Cause.NEW_DATA], now)


@dg.sensor(job=nightly, minimum_interval_seconds=300, default_status=_RUNNING)
def drift_alarms(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Found:
    """Training where the monitor of drift has raised an alarm."""
    yield from _from_findings(context, home, "drift", Cause.DRIFT)


@dg.sensor(job=nightly, minimum_interval_seconds=300, default_status=_RUNNING)
def performance_alarms(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Found:
    """Training where the monitor of performance has raised an alarm."""
    yield from _from_findings(context, home, "performance", Cause.PERFORMANCE)


@dg.sensor(job=nightly, minimum_interval_seconds=120, default_status=_RUNNING)
def failed_runs(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Found:
    """Nightly runs that failed, again after a while; an alarm where that was of no use."""
    now = datetime.now(UTC)
    raise_retries(context.instance, home, now)
    yield from _requests(context, home, [Cause.FAILED_RUN], now)


@dg.sensor(job=nightly, minimum_interval_seconds=30, default_status=_RUNNING)
def asked_for(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Found:
    """Trainings that people asked for, and nights whose schedule died before it could begin the run."""
    causes = [Cause.MANUAL, Cause.ALIAS, Cause.SCHEDULE]
    yield from _requests(context, home, causes, datetime.now(UTC))


def raise_new_outcomes(home: Home, tenant: str, now: datetime) -> bool:
    """Ask for a training if there are enough new outcomes; False also where there is no champion yet."""
    known = learnt(home, tenant)
    if known is None:
        return False
    settings = home.settings
    counts = _counts(home, tenant, known.until, now)
    found = enough(counts, least=settings.new_outcomes, share=settings.new_outcomes_share)
    if found is None:
        return False
    told = {"dimension": found.dimension, "new": found.new, "learnt": found.learnt, "version": known.version}
    key, words = f"since {time_text(known.until)}", found.sentence(known.version)
    return home.triggers.raise_(tenant, Cause.NEW_DATA, key, words, told, now=now)


def _counts(home: Home, tenant: str, learnt_until: int, now: datetime) -> list[NewOutcomes]:
    """From the lake and what the store has since."""
    known = home.events.tenant(tenant)
    newest = home.events.newest_known_at(tenant)
    if newest is None:
        return []
    moment = newest if known.clock is Clock.LOG_END else now
    return count_new_outcomes(
        _events(home, tenant),
        load_label_set(known.labels),
        time_zone=known.time_zone,
        learnt_until=learnt_until,
        now=to_microseconds(moment),
        seed=home.settings.seed,
    )


def _events(home: Home, tenant: str) -> pa.Table:
    tables, after = [home.lake.read(tenant)], home.lake.watermark(tenant)
    while len(portion := home.events.changes(tenant, after, limit=_PORTION)):
        tables.append(portion)
        after = portion.column("seq")[-1].as_py()
    return pa.concat_tables([one for one in tables if len(one)], promote_options="default")


def _moved(before: list[int | str] | None, mark: list[int | str]) -> bool:
    if before is None or before[1] != mark[1]:
        return True
    return int(mark[0]) - int(before[0]) > max(1_000, _EVENTS_BETWEEN * int(before[0]))


def _from_findings(context: dg.SensorEvaluationContext, home: Home, area: str, cause: Cause) -> Found:
    """The newest finding of each tenant, if it is an alarm; which one a moment names, so that each asks once."""
    now = datetime.now(UTC)
    for tenant in home.events.tenants():
        try:
            finding = home.monitoring.newest(tenant.id, area)
        except LintelError as error:
            context.log.error("findings of %s cannot be read: %s", tenant.id, error)
            continue
        if finding is None or not finding.get("alarm"):
            continue
        if home.triggers.find(tenant.id, cause, finding["at"]) is None:
            words = str(finding["explanation"])[:1_000]
            home.triggers.raise_(tenant.id, cause, finding["at"], words, {"area": area}, now=now)
    yield from _requests(context, home, [cause], now)


def _requests(context: dg.SensorEvaluationContext, home: Home, causes: list[Cause], now: datetime) -> Found:
    requests = list(waiting_requests(context.instance, home, causes, now))
    yield from requests
    if not requests:
        yield dg.SkipReason("Nothing asks for training, or it is under way.")


SENSORS = (new_outcomes, drift_alarms, performance_alarms, failed_runs, asked_for, regularity)
