"""What a rule says of a tenant at a moment: that its condition holds, or that it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

INSTALLATION = "*"
"""Stands for all tenants where a condition is nobody's own, such as the audit log's. No tenant can have this id."""


class Severity(StrEnum):
    """How much it matters. Critical: callers or the record are affected now; warning: they will be."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Signal:
    """One word of a rule about one thing of one tenant.

    Parameters
    ----------
    key: tells things apart for which a rule can fire at once, such as the name of a job; else "".
    summary: one or two sentences with the figures; never personal data. details: plain JSON.
    runbook: name of a page under docs/runbooks.
    alarm: whether the condition holds; False lets an open alert resolve.
    at: orders the signals of one source; one no newer than the last that was seen changes nothing.
    occurrence: what was counted, so that a condition that is looked at each minute counts once.
    """

    tenant: str
    rule: str
    key: str
    severity: Severity
    summary: str
    details: Mapping[str, Any]
    runbook: str
    at: datetime
    alarm: bool = True
    occurrence: str = field(default="")
