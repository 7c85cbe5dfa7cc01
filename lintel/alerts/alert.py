"""An alert and what is told of it. Plain data; `course` says how it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from lintel.alerts.delivery import Delivery
from lintel.alerts.signal import Severity


class AlertState(StrEnum):
    """Firing until somebody takes it on; resolved when its condition has been clear for long enough."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class NoticeKind(StrEnum):
    """Why somebody is told."""

    FIRING = "firing"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notice:
    """That an alert is to be told now. `sequence` counts an alert's notices from 1."""

    sequence: int
    kind: NoticeKind
    level: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who took an alert on, when, and what they said."""

    actor: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition of one tenant from its first alarm until it is resolved.

    Parameters
    ----------
    first_at, last_at: when we saw its first and its newest alarm. seen_at: the newest signal's place in its source.
    count: of different occurrences. level: of escalation, 0 at first.
    clear_since: since when its condition does not hold; None while it does.
    notices: how often it was told; first_notice_at, last_notice_at: when.
    """

    alert_id: str
    tenant: str
    rule: str
    key: str
    severity: Severity
    state: AlertState
    summary: str
    details: Mapping[str, Any]
    runbook: str
    owner: str
    first_at: datetime
    last_at: datetime
    seen_at: datetime
    occurrence: str
    count: int = 1
    level: int = 0
    clear_since: datetime | None = None
    notices: int = 0
    first_notice_at: datetime | None = None
    last_notice_at: datetime | None = None
    acknowledged: Acknowledgement | None = None
    resolved_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = field(default=())

    @property
    def place(self) -> tuple[str, str, str]:
        """What at most one open alert is about."""
        return (self.tenant, self.rule, self.key)

    @property
    def told(self) -> tuple[str, ...]:
        """Sinks that were given at least one notice."""
        return tuple(sorted({one.sink for one in self.deliveries}))
