"""How far the alert rules have looked, as JSON. Losing it repeats work and tells nothing twice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from lintel.alerts.rule import Rule


@dataclass
class Cursor:
    """Times that are remembered from one look to the next.

    Parameters
    ----------
    findings: "TENANT/AREA" -> the newest finding that was read. Each has its own clock.
    looked: name of a rule -> when its condition was looked at, for rules that are not looked at each time.
    runs: until when ended runs were read. sent: sink -> when it was sent a message, of the last hour.
    """

    findings: dict[str, datetime] = field(default_factory=dict)
    looked: dict[str, datetime] = field(default_factory=dict)
    runs: datetime | None = None
    sent: dict[str, list[datetime]] = field(default_factory=dict)

    def take(self, rule: Rule, now: datetime) -> bool:
        """Whether it is time to look at a rule's condition again; if so, that is remembered."""
        before = self.looked.get(rule.name)
        if before is not None and timedelta(0) <= now - before < rule.every:
            return False
        if rule.every:
            self.looked[rule.name] = now
        return True

    def to_text(self) -> str:
        return json.dumps(
            {
                "findings": {name: at.isoformat() for name, at in self.findings.items()},
                "looked": {name: at.isoformat() for name, at in self.looked.items()},
                "runs": None if self.runs is None else self.runs.isoformat(),
                "sent": {sink: [at.isoformat() for at in times] for sink, times in self.sent.items()},
            }
        )

    @classmethod
    def from_text(cls, text: str | None) -> Self:
        """From what `to_text` gave; an empty one from anything else."""
        try:
            data = json.loads(text or "{}")
            return cls(
                _moments(data.get("findings", {})),
                _moments(data.get("looked", {})),
                None if data.get("runs") is None else datetime.fromisoformat(data["runs"]),
                {sink: _all(times) for sink, times in data.get("sent", {}).items()},
            )
        except (ValueError, AttributeError, TypeError):
            return cls()


def _moments(data: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in data.items()}


def _all(times: Sequence[str]) -> list[datetime]:
    return [datetime.fromisoformat(at) for at in times]
