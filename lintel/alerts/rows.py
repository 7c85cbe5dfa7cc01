"""Alerts as rows of the table `alerts`: what has no column of its own lies in `details`, as JSON. Times are UTC µs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lintel.alerts.alert import Acknowledgement, Alert, AlertState
from lintel.alerts.delivery import Delivery, DeliveryState
from lintel.alerts.signal import Severity
from lintel.events.moments import from_microseconds, to_microseconds

KEPT_DELIVERIES = 200
"""Newest deliveries that an alert keeps; older ones that are done are forgotten."""


def row_of(alert: Alert) -> dict[str, Any]:
    """The columns of an alert."""
    course = {
        "about": dict(alert.details),
        "runbook": alert.runbook,
        "owner": alert.owner,
        "occurrence": alert.occurrence,
        "seen_at": to_microseconds(alert.seen_at),
        "clear_since": _instant(alert.clear_since),
        "notices": alert.notices,
        "first_notice_at": _instant(alert.first_notice_at),
        "last_notice_at": _instant(alert.last_notice_at),
        "resolved_at": _instant(alert.resolved_at),
        "acknowledged": None if alert.acknowledged is None else _acknowledgement(alert.acknowledged),
    }
    return {
        "alert_id": alert.alert_id,
        "tenant": alert.tenant,
        "rule": alert.rule,
        "key": alert.key,
        "severity": str(alert.severity),
        "state": str(alert.state),
        "summary": alert.summary,
        "details": json.dumps(course, ensure_ascii=False),
        "deliveries": json.dumps([_delivery(one) for one in _kept(alert.deliveries)]),
        "first_at": to_microseconds(alert.first_at),
        "last_at": to_microseconds(alert.last_at),
        "count": alert.count,
        "level": alert.level,
    }


def alert_of(row: Mapping[str, Any]) -> Alert:
    """The alert of a row."""
    course = json.loads(row["details"])
    told = course["acknowledged"]
    return Alert(
        alert_id=row["alert_id"],
        tenant=row["tenant"],
        rule=row["rule"],
        key=row["key"],
        severity=Severity(row["severity"]),
        state=AlertState(row["state"]),
        summary=row["summary"],
        details=course["about"],
        runbook=course["runbook"],
        owner=course["owner"],
        first_at=from_microseconds(row["first_at"]),
        last_at=from_microseconds(row["last_at"]),
        seen_at=from_microseconds(course["seen_at"]),
        occurrence=course["occurrence"],
        count=row["count"],
        level=row["level"],
        clear_since=_moment(course["clear_since"]),
        notices=course["notices"],
        first_notice_at=_moment(course["first_notice_at"]),
        last_notice_at=_moment(course["last_notice_at"]),
        acknowledged=None if told is None else Acknowledgement(told["by"], from_microseconds(told["at"]), told["why"]),
        resolved_at=_moment(course["resolved_at"]),
        deliveries=tuple(_delivery_of(one) for one in json.loads(row["deliveries"])),
    )


def shown(alert: Alert) -> dict[str, Any]:
    """An alert as plain JSON for people and programs, times in ISO 8601."""
    told = alert.acknowledged
    return {
        "alert_id": alert.alert_id,
        "tenant": alert.tenant,
        "rule": alert.rule,
        "key": alert.key,
        "severity": str(alert.severity),
        "state": str(alert.state),
        "summary": alert.summary,
        "owner": alert.owner,
        "runbook": alert.runbook,
        "first_at": alert.first_at.isoformat(),
        "last_at": alert.last_at.isoformat(),
        "resolved_at": None if alert.resolved_at is None else alert.resolved_at.isoformat(),
        "count": alert.count,
        "level": alert.level,
        "acknowledged_by": None if told is None else told.actor,
        "details": dict(alert.details),
        "deliveries": [_told(one) for one in alert.deliveries],
    }


def _told(one: Delivery) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "sink": one.sink,
        "state": str(one.state),
        "attempts": one.attempts,
        "sent_at": None if one.sent_at is None else one.sent_at.isoformat(),
        "error": one.error or None,
    }


def _kept(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    old = deliveries[:-KEPT_DELIVERIES]
    return (*(one for one in old if one.state is DeliveryState.PENDING), *deliveries[-KEPT_DELIVERIES:])


def _acknowledgement(told: Acknowledgement) -> dict[str, Any]:
    return {"by": told.actor, "at": to_microseconds(told.at), "why": told.reason}


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "sequence": one.sequence,
        "kind": one.kind,
        "level": one.level,
        "sink": one.sink,
        "at": to_microseconds(one.at),
        "next_at": to_microseconds(one.next_at),
        "state": str(one.state),
        "message": one.message,
        "attempts": one.attempts,
        "sent_at": _instant(one.sent_at),
        "error": one.error,
    }


def _delivery_of(data: Mapping[str, Any]) -> Delivery:
    moments = {name: from_microseconds(data[name]) for name in ("at", "next_at")}
    sent_at = _moment(data["sent_at"])
    return Delivery(**{**data, **moments, "sent_at": sent_at, "state": DeliveryState(data["state"])})


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else from_microseconds(instant)
