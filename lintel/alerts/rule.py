"""A rule: which condition is an alert, how bad, whose, and what happens until somebody has dealt with it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any

from lintel.alerts.signal import Severity
from lintel.errors import InputError
from lintel.monitoring.record import AREAS


class Source(StrEnum):
    """Where a condition is looked for."""

    FINDING = "finding"
    """Of `home.monitoring`, in `area`; its `alarm` decides."""
    ROLLOUT = "rollout"
    """The newest rollout of a scope; it alarms in `states`."""
    RUN = "run"
    """The newest run of a job for a tenant; it alarms if it failed."""
    STALE_RUN = "stale-run"
    """No run of the job for a tenant has succeeded for `hours`."""
    AUDIT = "audit"
    """The audit log's chain is broken."""
    PREDICTION_LOSS = "prediction-loss"
    """Answers of the last `hours` are missing from the prediction log."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """What happens to an alert that nobody acknowledged for `after` since it was first told."""

    after: timedelta
    severity: Severity
    sinks: tuple[str, ...] = ()
    """Names of sinks; none means all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. See docs/alerts.md for the same in a file.

    Parameters
    ----------
    where: fields of a finding that must be equal for the rule to look at it. key_field: its field that becomes the key.
    every: least time between two looks at the condition.
    resolve_after: how long the condition must have been clear, so that a flapping one is one alert.
    repeat_after: how long until an unacknowledged alert is told again; None: never.
    """

    name: str
    source: Source
    severity: Severity
    owner: str
    runbook: str
    area: str = ""
    states: tuple[str, ...] = ()
    job: str = "nightly"
    hours: float = 24.0
    where: Mapping[str, Any] | None = None
    key_field: str = ""
    every: timedelta = timedelta(0)
    resolve_after: timedelta = timedelta(0)
    repeat_after: timedelta | None = None
    sinks: tuple[str, ...] = ()
    escalation: tuple[Escalation, ...] = ()

    def sinks_at(self, level: int, configured: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the configured sinks are told at a level of escalation; 0 is the first notice."""
        named = self.sinks if level == 0 else self.escalation[level - 1].sinks
        return tuple(name for name in configured if not named or name in named)


_MINUTES = {"every_minutes": "every", "resolve_after_minutes": "resolve_after", "repeat_after_minutes": "repeat_after"}
_NAMES = {one.name for one in fields(Rule)} - set(_MINUTES.values()) | set(_MINUTES)


def parse_rule(entry: Mapping[str, Any]) -> Rule:
    """A rule from its entry in a file. Raises InputError that names the rule and the field."""
    name = str(entry.get("name", ""))
    unknown = sorted(entry.keys() - _NAMES)
    missing = [one for one in ("name", "source", "severity", "owner", "runbook") if not entry.get(one)]
    if unknown or missing:
        what = f"has unknown fields {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
        raise InputError(f"The alert rule {name!r} {what}.", mend="docs/alerts.md lists the fields.")
    try:
        values = {field: value for field, value in entry.items() if field not in _MINUTES}
        values |= {_MINUTES[field]: _minutes(value) for field, value in entry.items() if field in _MINUTES}
        values |= {"source": Source(entry["source"]), "severity": Severity(entry["severity"])}
        values |= {field: _texts(entry[field]) for field in ("states", "sinks") if field in entry}
        values["escalation"] = tuple(_escalation(one, values["severity"]) for one in entry.get("escalation", ()))
        rule = Rule(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"The alert rule {name!r} cannot be read ({error}).", mend="See docs/alerts.md.") from None
    _check(rule)
    return rule


def _minutes(value: Any) -> timedelta:
    found = timedelta(minutes=float(value))
    if found < timedelta(0):
        raise ValueError("minutes are not negative")
    return found


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("states and sinks are lists of texts")
    return tuple(value)


def _escalation(entry: Mapping[str, Any], severity: Severity) -> Escalation:
    wrong = entry.keys() - {"after_minutes", "severity", "sinks"}
    if wrong:
        raise ValueError(f"escalation has unknown fields {sorted(wrong)}")
    raised = Severity(entry.get("severity", severity))
    return Escalation(_minutes(entry["after_minutes"]), raised, _texts(entry.get("sinks", [])))


def _check(rule: Rule) -> None:
    if rule.source is Source.FINDING and rule.area not in AREAS:
        raise InputError(f"The alert rule {rule.name!r} has no area.", mend=f"Use one of {', '.join(AREAS)}.")
    if rule.source is Source.ROLLOUT and not rule.states:
        raise InputError(f"The alert rule {rule.name!r} names no states of rollouts.", mend='states = ["rolled-back"]')
    after = [one.after for one in rule.escalation]
    if after != sorted(after):
        raise InputError(f"The escalation of the alert rule {rule.name!r} is not in the order of its minutes.")
