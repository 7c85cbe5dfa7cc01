"""What a sink is given: one message for all tenants with the same alert. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lintel.alerts.alert import Alert
from lintel.alerts.signal import INSTALLATION, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert in a message. `first_at` is ISO 8601."""

    alert_id: str
    tenant: str
    key: str
    summary: str
    count: int
    first_at: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `key` is the same whenever it is sent again: who has seen it may drop it.

    `kind` is that of a notice, or `test`. `runbook` is an address or a path in the repository.
    """

    key: str
    kind: str
    severity: Severity
    rule: str
    owner: str
    runbook: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """One line: what, how bad and whose."""
        told = self.kind if self.kind in ("resolved", "test") else str(self.severity)
        again = f" ({self.kind})" if self.kind in ("repeated", "escalated") else ""
        return f"[{told.upper()}] {self.rule}{again}: {self.whom}"

    @property
    def whom(self) -> str:
        tenants = sorted({entry.tenant for entry in self.entries})
        if len(tenants) > 1:
            return f"{len(tenants)} tenants"
        return "the whole installation" if tenants == [INSTALLATION] else tenants[0]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"title": self.title, "severity": str(self.severity)}


def message_of(
    key: str, kind: str, severity: Severity, alerts: Sequence[Alert], runbooks: str = "docs/runbooks/"
) -> Message:
    """A message about alerts of one rule. `runbooks` is what the pages' addresses begin with."""
    first = alerts[0]
    entries = tuple(_entry(alert) for alert in sorted(alerts, key=lambda alert: alert.place))
    return Message(key, kind, severity, first.rule, first.owner, f"{runbooks}{first.runbook}.md", entries)


def plain_text(message: Message) -> str:
    """For people, in lines."""
    lines = [message.title, ""]
    for entry in message.entries:
        key = f" ({entry.key})" if entry.key else ""
        lines.append(f"{entry.tenant}{key}: {entry.summary}")
        lines.append(f"  since {entry.first_at}, {entry.count} times, alert {entry.alert_id}")
    return "\n".join([*lines, "", f"Owner: {message.owner}", f"Runbook: {message.runbook}"])


def shortened(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _entry(alert: Alert) -> Entry:
    return Entry(alert.alert_id, alert.tenant, alert.key, alert.summary, alert.count, alert.first_at.isoformat())
