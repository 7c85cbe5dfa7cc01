"""One look: read what the sources say since the last one, let the rules speak, let time work, tell people."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from lintel.alerts import sources
from lintel.alerts.cursor import Cursor
from lintel.alerts.dispatch import Dispatched, Dispatcher
from lintel.alerts.rule import Rule, Source
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import INSTALLATION, Signal
from lintel.alerts.sinks.sink import Sink
from lintel.errors import LintelError
from lintel.home import Home
from lintel.monitoring.record import AREAS
from lintel.registry.audit_chain import Fault, FaultKind
from lintel.store.prediction_losses import read_losses

_log = logging.getLogger(__name__)
_NEXT = timedelta(microseconds=1)
_FIRST_LOOK = timedelta(days=1)


class Runs(Protocol):
    """What the orchestrator knows of runs."""

    def ended(self, since: datetime | None) -> list[sources.Run]:
        """Runs of tenants that ended after a moment; the newest ones if there is none."""
        ...

    def succeeded(self, job: str, tenants: Sequence[str]) -> dict[str, datetime]:
        """When a run of the job last succeeded, of tenants of which one ever did."""
        ...


@dataclass(frozen=True)
class Looked:
    """What a look came to. `faults` are sources that could not be read, in words."""

    signals: int
    opened: int
    dispatched: Dispatched
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Watch:
    """The rules, what they look at, and whom they tell."""

    home: Home
    rules: RuleBook
    sinks: Mapping[str, Sink]
    runs: Runs

    def look(self, cursor: Cursor, now: datetime) -> Looked:
        """Look once. `cursor` is moved on; it is to be kept once this returns, and not before.

        A source that cannot be read is told in `faults`, and does not keep the others from being read.
        """
        faults: list[str] = []
        found: list[Signal] = []
        for read in self._reads(cursor, now):
            try:
                found += read()
            except LintelError as error:
                _log.error("a source of alerts cannot be read: %s", error)
                faults.append(str(error))
        opened = self.home.alerts.observe(found, self.rules, now)
        self.home.alerts.advance(self.rules, tuple(self.sinks), now)
        settings = self.home.settings
        dispatcher = Dispatcher(
            self.home.alerts, self.sinks, settings.alert_messages_per_hour, settings.alert_runbooks_url
        )
        dispatched = dispatcher.dispatch(now, cursor.sent)
        cursor.sent = dispatched.at
        self.home.alerts.forget(now)
        return Looked(len(found), opened, dispatched, tuple(faults))

    def _reads(self, cursor: Cursor, now: datetime) -> Iterator[Callable[[], list[Signal]]]:
        tenants = [tenant.id for tenant in self.home.events.tenants()]
        for tenant in tenants:
            for area in AREAS:
                yield partial(self._findings, cursor, tenant, area)
            yield partial(self._rollout, tenant)
        yield partial(self._ended, cursor, set(tenants))
        yield partial(self._stale, cursor, tenants, now)
        yield partial(self._audit, cursor, now)
        yield partial(self._losses, cursor, now)

    def _of(self, tenant: str, source: Source) -> list[Rule]:
        return [rule for rule in self.rules.rules(tenant).values() if rule.source is source]

    def _findings(self, cursor: Cursor, tenant: str, area: str) -> list[Signal]:
        """Of an area that was never read before only the newest day: what was long ago alarms nobody."""
        place = f"{tenant}/{area}"
        since = cursor.findings.get(place) or self._first(tenant, area)
        findings = [] if since is None else self.home.monitoring.read(tenant, area, since + _NEXT)
        if findings:
            cursor.findings[place] = datetime.fromisoformat(findings[-1]["at"])
        mine = [rule for rule in self._of(tenant, Source.FINDING) if rule.area == area]
        return [signal for rule in mine for signal in sources.finding_signals(rule, tenant, findings)]

    def _first(self, tenant: str, area: str) -> datetime | None:
        newest = self.home.monitoring.newest(tenant, area)
        return None if newest is None else datetime.fromisoformat(newest["at"]) - _FIRST_LOOK

    def _rollout(self, tenant: str) -> list[Signal]:
        mine = self._of(tenant, Source.ROLLOUT)
        standings = [
            sources.RolloutStanding(
                tenant,
                one.rollout_id,
                str(one.progress.state),
                one.candidate.version,
                str(one.decision.get("reason", "")),
                one.changed_at,
            )
            for one in (self.home.rollouts.list(tenant, 1) if mine else ())
        ]
        return [signal for rule in mine for signal in sources.rollout_signals(rule, standings)]

    def _ended(self, cursor: Cursor, tenants: Collection[str]) -> list[Signal]:
        ended = [one for one in self.runs.ended(cursor.runs) if one.tenant in tenants]
        if ended:
            cursor.runs = max(one.ended_at for one in ended)
        return [
            signal
            for tenant in sorted({one.tenant for one in ended})
            for rule in self._of(tenant, Source.RUN)
            for signal in sources.run_signals(rule, [one for one in ended if one.tenant == tenant])
        ]

    def _stale(self, cursor: Cursor, tenants: Sequence[str], now: datetime) -> list[Signal]:
        """Which rules a tenant has may differ; how often one is looked at is as for all tenants."""
        found = []
        for shared in self._due(Source.STALE_RUN, cursor, now):
            for tenant, at in self.runs.succeeded(shared.job, tenants).items():
                rule = self.rules.rules(tenant).get(shared.name)
                if rule is not None and rule.source is Source.STALE_RUN:
                    found += sources.stale_signals(rule, {tenant: at}, now)
        return found

    def _audit(self, cursor: Cursor, now: datetime) -> list[Signal]:
        due = self._due(Source.AUDIT, cursor, now)
        fault = _audit_fault(self.home) if due else None
        return [signal for rule in due for signal in sources.audit_signals(rule, fault, now)]

    def _losses(self, cursor: Cursor, now: datetime) -> list[Signal]:
        due = self._due(Source.PREDICTION_LOSS, cursor, now)
        losses = read_losses(self.home.settings.lake_path / "predictions") if due else []
        return [signal for rule in due for signal in sources.loss_signals(rule, losses, now)]

    def _due(self, source: Source, cursor: Cursor, now: datetime) -> list[Rule]:
        return [rule for rule in self._of(INSTALLATION, source) if cursor.take(rule, now)]


def _audit_fault(home: Home) -> Fault | None:
    try:
        return home.audit.verify().fault
    except LintelError as error:  # sealed, and no key: nobody can say that it is whole
        return Fault(0, FaultKind.HEAD, str(error))
