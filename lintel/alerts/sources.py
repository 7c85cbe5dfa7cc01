"""What each source of conditions says: signals of one rule, from plain data. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lintel.alerts.rule import Rule
from lintel.alerts.signal import INSTALLATION, Signal
from lintel.events.moments import to_microseconds
from lintel.registry.audit_chain import Fault
from lintel.store.prediction_losses import RecordedLoss

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Run:
    """How a run of a job for a tenant ended."""

    tenant: str
    job: str
    run_id: str
    succeeded: bool
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class RolloutStanding:
    """Where the newest rollout of a scope stands."""

    scope: str
    rollout_id: str
    state: str
    candidate_version: int
    reason: str
    changed_at: datetime


def finding_signals(rule: Rule, tenant: str, findings: Iterable[Mapping[str, Any]]) -> list[Signal]:
    """A signal for each finding that the rule looks at: one that has what `where` names, and the field of the key."""
    wanted = (rule.where or {}).items()
    chosen = [one for one in findings if all(one.get(name) == value for name, value in wanted)]
    return [_of_finding(rule, tenant, one) for one in chosen if not rule.key_field or rule.key_field in one]


def rollout_signals(rule: Rule, standings: Iterable[RolloutStanding]) -> list[Signal]:
    """A signal for the newest rollout of each scope."""
    return [
        _signal(
            rule,
            one.scope,
            summary=f"The rollout of version {one.candidate_version} is {one.state}. {one.reason}".strip(),
            details={"rollout_id": one.rollout_id, "candidate_version": one.candidate_version},
            at=one.changed_at,
            alarm=one.state in rule.states,
            occurrence=f"{one.rollout_id}/{one.state}",
        )
        for one in standings
    ]


def run_signals(rule: Rule, runs: Iterable[Run]) -> list[Signal]:
    """A signal for each run of the rule's job, in the order in which they ended."""
    mine = sorted((one for one in runs if one.job == rule.job), key=lambda one: one.ended_at)
    return [
        _signal(
            rule,
            one.tenant,
            key=one.job,
            summary=f"The {one.job} run {one.run_id[:8]} {'succeeded' if one.succeeded else 'failed'}.",
            details={"run_id": one.run_id, "job": one.job},
            at=one.ended_at,
            alarm=not one.succeeded,
            occurrence=one.run_id,
        )
        for one in mine
    ]


def stale_signals(rule: Rule, succeeded: Mapping[str, datetime], now: datetime) -> list[Signal]:
    """A signal for each tenant of which we know when a run of the job last succeeded."""
    return [
        _signal(
            rule,
            tenant,
            key=rule.job,
            summary=f"No {rule.job} run has succeeded for {(now - at) / timedelta(hours=1):.0f} hours.",
            details={"job": rule.job, "last_success_at": at.isoformat()},
            at=now,
            alarm=now - at > timedelta(hours=rule.hours),
            occurrence=at.isoformat(),
        )
        for tenant, at in sorted(succeeded.items())
    ]


def audit_signals(rule: Rule, fault: Fault | None, now: datetime) -> list[Signal]:
    """A signal for the one audit log."""
    summary = "The audit log is whole." if fault is None else f"The audit log is broken: {fault.sentence}"
    details = {} if fault is None else {"line": fault.number, "kind": str(fault.kind)}
    occurrence = "" if fault is None else f"{fault.number}/{fault.kind}"
    signal = _signal(
        rule, INSTALLATION, summary=summary, details=details, at=now, alarm=fault is not None, occurrence=occurrence
    )
    return [signal]


def loss_signals(rule: Rule, losses: Sequence[RecordedLoss], now: datetime) -> list[Signal]:
    """A signal for the one ledger of losses; it alarms while one of the last `hours` counts or has no count."""
    since = to_microseconds(now - timedelta(hours=rule.hours))
    recent = [one for one in losses if one.last_at >= since and one.count != 0]
    known, unknown = sum(one.count or 0 for one in recent), sum(one.count is None for one in recent)
    reasons = ", ".join(sorted({one.reason for one in recent})) or "nothing"
    summary = f"{known} answers are missing from the prediction log, and {unknown} losses have no count ({reasons})."
    details = {"answers": known, "without_count": unknown, "hours": rule.hours}
    newest = max((one.last_at for one in recent), default=0)
    signal = _signal(
        rule,
        INSTALLATION,
        summary=summary,
        details=details,
        at=now,
        alarm=bool(recent),
        occurrence=f"{newest}/{len(recent)}",
    )
    return [signal]


def _of_finding(rule: Rule, tenant: str, finding: Mapping[str, Any]) -> Signal:
    about = {name: value for name, value in finding.items() if isinstance(value, _PLAIN) and name != "explanation"}
    return _signal(
        rule,
        tenant,
        key=str(finding.get(rule.key_field, "")) if rule.key_field else "",
        summary=str(finding.get("explanation") or f"The {rule.area} monitor has raised an alarm."),
        details=about,
        at=datetime.fromisoformat(finding["at"]),
        alarm=bool(finding.get("alarm")),
        occurrence=finding["at"],
    )


def _signal(
    rule: Rule,
    tenant: str,
    *,
    summary: str,
    details: Mapping[str, Any],
    at: datetime,
    alarm: bool,
    occurrence: str,
    key: str = "",
) -> Signal:
    return Signal(tenant, rule.name, key, rule.severity, summary, details, rule.runbook, at, alarm, occurrence)
