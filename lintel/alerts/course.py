"""The course of an alert: opened, counted, told, escalated, acknowledged, resolved. Pure; time is an argument."""

from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from lintel.alerts.alert import Acknowledgement, Alert, AlertState, Notice, NoticeKind
from lintel.alerts.delivery import Delivery
from lintel.alerts.rule import Rule
from lintel.alerts.signal import Severity, Signal
from lintel.events.moments import to_microseconds


def observe(alert: Alert | None, signal: Signal, owner: str, now: datetime, seen_at: datetime | None) -> Alert | None:
    """The alert after a signal; None if there is none.

    Parameters
    ----------
    alert: the open one of the same tenant, rule and key.
    seen_at: the newest signal of the last one that was resolved, so that what was read before opens nothing.
    """
    if alert is None:
        stale = seen_at is not None and signal.at <= seen_at
        return None if stale or not signal.alarm else _opened(signal, owner, now)
    if signal.at <= alert.seen_at:
        return alert
    if not signal.alarm:
        return replace(alert, seen_at=signal.at, clear_since=alert.clear_since or now)
    again = signal.occurrence != alert.occurrence
    return replace(
        alert,
        severity=_worse(alert.severity, signal.severity),
        summary=signal.summary,
        details=signal.details,
        last_at=now,
        seen_at=signal.at,
        occurrence=signal.occurrence,
        count=alert.count + again,
        clear_since=None,
    )


def advance(alert: Alert, rule: Rule, now: datetime, *, silenced: bool) -> tuple[Alert, Notice | None]:
    """What time does to an open alert. Nothing is told while it is silenced; its escalation waits for that too."""
    if alert.clear_since is not None:
        cleared = now - alert.clear_since >= rule.resolve_after
        return _resolved(alert, now, silenced=silenced) if cleared else (alert, None)
    if silenced or alert.state is AlertState.ACKNOWLEDGED:
        return alert, None
    if alert.first_notice_at is None or alert.last_notice_at is None:
        return _told(alert, NoticeKind.FIRING, now)
    level = sum(now - alert.first_notice_at >= one.after for one in rule.escalation)
    if level > alert.level:
        severity = _worse(alert.severity, rule.escalation[level - 1].severity)
        return _told(replace(alert, level=level, severity=severity), NoticeKind.ESCALATED, now)
    repeated = rule.repeat_after is not None and now - alert.last_notice_at >= rule.repeat_after
    return _told(alert, NoticeKind.REPEATED, now) if repeated else (alert, None)


def acknowledged(alert: Alert, actor: str, reason: str, now: datetime) -> Alert:
    """Taken on: it is neither repeated nor escalated any more; that it is resolved is told."""
    return replace(alert, state=AlertState.ACKNOWLEDGED, acknowledged=Acknowledgement(actor, now, reason))


def addressed(alert: Alert, notice: Notice, rule: Rule, configured: tuple[str, ...], now: datetime) -> Alert:
    """With a pending delivery for each sink that is to hear of the notice: those of its level, and for the later
    notices of an alert everybody who heard of it before."""
    fresh = notice.kind in (NoticeKind.FIRING, NoticeKind.ESCALATED)
    level = min(notice.level, len(rule.escalation))
    names = set(rule.sinks_at(level, configured)) if fresh else set()
    names |= set(alert.told) & set(configured)
    new = [
        Delivery(notice.sequence, str(notice.kind), notice.level, name, now, now)
        for name in configured
        if name in names
    ]
    return replace(alert, deliveries=(*alert.deliveries, *new))


def _opened(signal: Signal, owner: str, now: datetime) -> Alert:
    named = f"{signal.tenant}\0{signal.rule}\0{signal.key}\0{to_microseconds(now)}"
    return Alert(
        alert_id=blake2b(named.encode(), digest_size=8).hexdigest(),
        tenant=signal.tenant,
        rule=signal.rule,
        key=signal.key,
        severity=signal.severity,
        state=AlertState.FIRING,
        summary=signal.summary,
        details=signal.details,
        runbook=signal.runbook,
        owner=owner,
        first_at=now,
        last_at=now,
        seen_at=signal.at,
        occurrence=signal.occurrence,
    )


def _resolved(alert: Alert, now: datetime, *, silenced: bool) -> tuple[Alert, Notice | None]:
    """Told only to those who heard that it was firing."""
    ended = replace(alert, state=AlertState.RESOLVED, resolved_at=now)
    return _told(ended, NoticeKind.RESOLVED, now) if alert.notices and not silenced else (ended, None)


def _told(alert: Alert, kind: NoticeKind, now: datetime) -> tuple[Alert, Notice]:
    count = alert.notices + 1
    told = replace(alert, notices=count, first_notice_at=alert.first_notice_at or now, last_notice_at=now)
    return told, Notice(count, kind, alert.level)


def _worse(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=lambda severity: severity.rank)
