"""Alerts and silences in the state database. An alert is committed before anybody is told; each delivery is kept.

Every change is one short write transaction, which reads what it changes: a person who acknowledges and the sensor that
escalates at the same moment do not overwrite each other.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lintel.alerts import course
from lintel.alerts.alert import Alert, AlertState
from lintel.alerts.delivery import Delivery, DeliveryState
from lintel.alerts.message import shortened
from lintel.alerts.rows import alert_of, row_of
from lintel.alerts.rule import Rule
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import Signal
from lintel.alerts.silence import Silence
from lintel.errors import InputError, NotFoundError, RefusedError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.language.redaction import redact
from lintel.registry.actor import Actor, machine
from lintel.registry.audit import record
from lintel.store.handle import Handle
from lintel.store.tables import alerts, silences

ACTOR = machine("alerts")
KEPT = timedelta(days=90)
"""How long a resolved alert is kept, to look back over a quarter; the audit log has its opening and end for good."""
_AT_ONCE = 500
_MOST_SUMMARY = 2_000  # characters
_PENDING = '%"state": "pending"%'
_log = logging.getLogger(__name__)


class AlertStore(Handle):
    """The alerts of all tenants."""

    scripts = "state"

    def observe(self, signals: Iterable[Signal], rules: RuleBook, now: datetime) -> int:
        """Open, count or begin to clear alerts; how many were opened. The same signals again change nothing."""
        opened = 0
        known = {alert.place: alert for alert in self.unresolved()}
        for signal in signals:
            rule = rules.rules(signal.tenant).get(signal.rule)
            if rule is not None and (signal.alarm or (signal.tenant, signal.rule, signal.key) in known):
                opened += self._observe(_redacted(signal), rule, now)
        return opened

    def advance(self, rules: RuleBook, sinks: tuple[str, ...], now: datetime) -> None:
        """Let time work on every open alert: notices become pending deliveries to `sinks`.

        An alert whose rule there is no more is resolved without a word.
        """
        for alert in self.unresolved():
            rule = rules.rules(alert.tenant).get(alert.rule)
            with self._database.write() as connection:
                present = _one(connection, alert.alert_id)
                if present is not None and present.state is not AlertState.RESOLVED:
                    quiet = any(one.covers(alert.tenant, alert.rule, now) for one in _silences(connection, now))
                    _advance(connection, present, rule, sinks, now=now, quiet=quiet)

    def acknowledge(self, tenant: str, alert_id: str, *, actor: Actor, reason: str, now: datetime) -> Alert:
        """Take an alert on. Raises NotFoundError if the tenant has none of this id, InputError if it is resolved."""
        with self._database.write() as connection:
            alert = _one(connection, alert_id)
            if alert is None or alert.tenant != tenant:
                raise NotFoundError(f"{tenant!r} has no alert {alert_id!r}.", mend="`lintel alerts list` shows them.")
            if alert.state is AlertState.RESOLVED:
                raise InputError(f"The alert {alert_id!r} is resolved already.")
            taken = course.acknowledged(alert, actor.name, redact(reason).text.strip(), now)
            _put(connection, taken)
            _audit(connection, taken, "alert.acknowledge", actor, reason, now=now)
        return taken

    def silence(self, tenant: str, rule: str, *, until: datetime, actor: Actor, reason: str, now: datetime) -> Silence:
        """Tell nothing of a rule's alerts (`silence.EVERY_RULE`: of all) until a moment, at most a year ahead."""
        if until <= now or (until - now).days > 366:
            raise InputError("A silence ends later than now, within a year.", mend="Give its length, as in 2h or 3d.")
        told = redact(reason).text.strip()
        made = Silence(secrets.token_hex(8), tenant, rule, actor.name, told, until)
        values = {"silence_id": made.silence_id, "tenant": tenant, "rule": rule, "actor": actor.name, "reason": told}
        with self._database.write() as connection:
            connection.execute(sa.insert(silences).values(**values, until=to_microseconds(until)))
            details = {"rule": rule, "until": until.isoformat()}
            subject = f"silence:{made.silence_id}"
            record(
                connection,
                tenant=tenant,
                actor=actor,
                act="alert.silence",
                subject=subject,
                reason=reason,
                details=details,
                at=now,
            )
        return made

    def end_silence(self, tenant: str, silence_id: str, *, actor: Actor, reason: str, now: datetime) -> None:
        """Tell again. Raises NotFoundError if the tenant has no silence of this id that still holds."""
        held = (silences.c.tenant == tenant) & (silences.c.silence_id == silence_id)
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(silences)
                .where(held, silences.c.until > to_microseconds(now))
                .values(until=to_microseconds(now))
            )
            if not ended.rowcount:
                raise NotFoundError(f"{tenant!r} has no silence {silence_id!r}.", mend="`lintel alerts list`.")
            subject = f"silence:{silence_id}"
            record(
                connection,
                tenant=tenant,
                actor=actor,
                act="alert.end-silence",
                subject=subject,
                reason=reason,
                details={},
                at=now,
            )

    def silences(self, tenant: str, now: datetime) -> list[Silence]:
        """Those of a tenant that hold now."""
        with self._database.read() as connection:
            return [one for one in _silences(connection, now) if one.tenant == tenant]

    def unresolved(self, tenant: str | None = None) -> list[Alert]:
        """Alerts that are not resolved, the oldest first."""
        query = sa.select(alerts).where(alerts.c.state != str(AlertState.RESOLVED))
        query = query.order_by(alerts.c.first_at, alerts.c.alert_id)
        return self._read(query if tenant is None else query.where(alerts.c.tenant == tenant))

    def newest(self, tenant: str, limit: int = 100) -> list[Alert]:
        """Alerts of a tenant, resolved ones too, the newest first."""
        query = sa.select(alerts).where(alerts.c.tenant == tenant)
        return self._read(query.order_by(alerts.c.first_at.desc(), alerts.c.alert_id).limit(limit))

    def undelivered(self) -> list[Alert]:
        """Alerts with a delivery that is still to be sent, the oldest first."""
        query = sa.select(alerts).where(alerts.c.deliveries.like(_PENDING))
        return self._read(query.order_by(alerts.c.first_at, alerts.c.alert_id))

    def forget(self, now: datetime) -> int:
        """Remove what was resolved longer than KEPT ago, a portion at a time; how many went. One with a delivery that
        is still to be sent stays."""
        border = now - KEPT
        over = (alerts.c.state == str(AlertState.RESOLVED)) & (alerts.c.last_at < to_microseconds(border))
        found = self._read(sa.select(alerts).where(over, alerts.c.deliveries.not_like(_PENDING)))
        gone = [one.alert_id for one in found if one.resolved_at is not None and one.resolved_at < border]
        if gone:
            with self._database.write() as connection:
                connection.execute(sa.delete(alerts).where(alerts.c.alert_id.in_(gone[:_AT_ONCE])))
        return len(gone[:_AT_ONCE])

    def settle(
        self, chosen: Mapping[str, Iterable[tuple[int, str]]], change: Callable[[Delivery], Delivery], now: datetime
    ) -> None:
        """Change deliveries: alert id -> their (sequence, sink). One that was given up is a line of the audit log."""
        with self._database.write() as connection:
            for alert_id, places in chosen.items():
                alert = _one(connection, alert_id)
                if alert is not None:
                    _settle(connection, alert, set(places), change, now)

    def _observe(self, signal: Signal, rule: Rule, now: datetime) -> bool:
        with self._database.write() as connection:
            present = _open_at(connection, signal)
            seen_at = None if present is not None else _seen_at(connection, signal)
            after = course.observe(present, signal, rule.owner, now, seen_at)
            if after is None or after == present:
                return False
            _put(connection, after)
            if present is None:
                _audit(connection, after, "alert.open", ACTOR, after.summary, now=now)
            return present is None

    def _read(self, query: sa.Select[Any]) -> list[Alert]:
        with self._database.read() as connection:
            return [alert_of(dict(row)) for row in connection.execute(query).mappings()]


def _redacted(signal: Signal) -> Signal:
    """Findings hold no personal data; should one, it goes no further."""
    return replace(signal, summary=shortened(redact(signal.summary).text, _MOST_SUMMARY))


def _advance(
    connection: sa.Connection,
    alert: Alert,
    rule: Rule | None,
    sinks: tuple[str, ...],
    *,
    now: datetime,
    quiet: bool,
) -> None:
    if rule is None:
        ended = replace(alert, state=AlertState.RESOLVED, resolved_at=now)
        _put(connection, ended)
        _audit(connection, ended, "alert.resolve", ACTOR, "Its rule is in force no more.", now=now)
        return
    after, notice = course.advance(alert, rule, now, silenced=quiet)
    if notice is not None:
        after = course.addressed(after, notice, rule, sinks, now)
    if after != alert:
        _put(connection, after)
    if after.state is AlertState.RESOLVED:
        _audit(connection, after, "alert.resolve", ACTOR, "Its condition has cleared.", now=now)
    elif after.level > alert.level:
        _audit(connection, after, "alert.escalate", ACTOR, "Nobody has acknowledged it.", now=now)


def _settle(
    connection: sa.Connection,
    alert: Alert,
    places: set[tuple[int, str]],
    change: Callable[[Delivery], Delivery],
    now: datetime,
) -> None:
    changed = tuple(change(one) if (one.sequence, one.sink) in places else one for one in alert.deliveries)
    _put(connection, replace(alert, deliveries=changed))
    for before, after in zip(alert.deliveries, changed, strict=True):
        if after.state is DeliveryState.FAILED and before.state is not DeliveryState.FAILED:
            reason = f"The sink {after.sink!r} did not take it: {after.error}."
            _audit(connection, alert, "alert.undeliverable", ACTOR, reason, now=now)


def _audit(connection: sa.Connection, alert: Alert, act: str, actor: Actor, reason: str, *, now: datetime) -> None:
    """A line of the audit log. A machine's alert goes on without one where the log cannot be written: people must be
    told of that, too."""
    details = {"rule": alert.rule, "key": alert.key, "severity": str(alert.severity), "level": alert.level}
    try:
        subject = f"alert:{alert.alert_id}"
        record(
            connection,
            tenant=alert.tenant,
            actor=actor,
            act=act,
            subject=subject,
            reason=reason,
            details=details,
            at=now,
        )
    except RefusedError as error:
        if actor != ACTOR:
            raise
        _log.error("%s of %s is not in the audit log: %s", act, alert.alert_id, error)


def _put(connection: sa.Connection, alert: Alert) -> None:
    values = row_of(alert)
    updated = connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert.alert_id).values(values))
    if not updated.rowcount:
        connection.execute(sa.insert(alerts).values(values))


def _one(connection: sa.Connection, alert_id: str) -> Alert | None:
    row = connection.execute(sa.select(alerts).where(alerts.c.alert_id == alert_id)).mappings().one_or_none()
    return None if row is None else alert_of(dict(row))


def _at(signal: Signal) -> sa.ColumnElement[bool]:
    return (alerts.c.tenant == signal.tenant) & (alerts.c.rule == signal.rule) & (alerts.c.key == signal.key)


def _open_at(connection: sa.Connection, signal: Signal) -> Alert | None:
    query = sa.select(alerts).where(_at(signal), alerts.c.state != str(AlertState.RESOLVED))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else alert_of(dict(row))


def _seen_at(connection: sa.Connection, signal: Signal) -> datetime | None:
    query = sa.select(alerts).where(_at(signal)).order_by(alerts.c.first_at.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else alert_of(dict(row)).seen_at


def _silences(connection: sa.Connection, now: datetime) -> list[Silence]:
    query = sa.select(silences).where(silences.c.until > to_microseconds(now)).order_by(silences.c.until)
    rows = connection.execute(query).mappings()
    return [Silence(**{**row, "until": from_microseconds(row["until"])}) for row in rows]
