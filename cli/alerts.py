"""`lintel alerts`: what is wrong now, who has taken it on, what is not told for a while, and whether sinks work."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Group

from cli.account import As, actor
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.alerts.message import Entry, Message
from lintel.alerts.rows import shown
from lintel.alerts.rule import Source
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import INSTALLATION, Severity
from lintel.alerts.silence import EVERY_RULE
from lintel.alerts.sinks.configured import sinks_of, unusable
from lintel.errors import InputError, NotFoundError
from lintel.home import Home
from lintel.settings import settings

app = typer.Typer(help="Alerts: rules on what monitors, rollouts and runs came to, and whom they tell.")

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_OF_JOBS = (Source.RUN, Source.STALE_RUN)
_WHOSE = f"{INSTALLATION!r} stands for what concerns the whole installation."
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]
Whose = Annotated[str, typer.Option("--tenant", help=f"The tenant (CRM location); {_WHOSE}", show_default=True)]


@app.command("list")
def list_command(
    tenant: Whose = DEFAULT_TENANT,
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too, the newest 100.")] = False,
    as_json: Json = False,
) -> None:
    """Alerts that are not resolved, and silences that hold."""
    now = datetime.now(UTC)
    with Home(settings()) as home:
        _check(home, tenant)
        found = home.alerts.newest(tenant) if every else home.alerts.unresolved(tenant)
        quiet = home.alerts.silences(tenant, now)
    listed = [shown(one) for one in found]
    silences = [
        {"silence_id": one.silence_id, "rule": one.rule, "until": one.until.isoformat(), "by": one.actor}
        | {"reason": one.reason}
        for one in quiet
    ]
    value = {"tenant": tenant, "alerts": listed, "silences": silences}
    tables = Group(_alerts_table(tenant, listed), _silences_table(silences))
    emit(value, as_json=as_json, table=tables)


def _alerts_table(tenant: str, listed: Sequence[dict[str, Any]]) -> Any:
    names = ("alert_id", "severity", "rule", "state", "count", "summary", "runbook")
    rows = [[one[name] for name in names] for one in listed]
    return table(f"alerts of {tenant}", ("alert", "severity", "rule", "state", "times", "what", "runbook"), rows)


def _silences_table(silences: Sequence[dict[str, Any]]) -> Any:
    rows = [list(one.values()) for one in silences]
    return table("silences", ("silence", "rule", "until (UTC)", "by", "reason"), rows)


@app.command("acknowledge")
def acknowledge_command(
    alert: Annotated[str, typer.Argument(help="An alert that `lintel alerts list` shows.")],
    reason: Reason,
    tenant: Whose = DEFAULT_TENANT,
    name: As = None,
    as_json: Json = False,
) -> None:
    """Take an alert on: it is neither repeated nor escalated any more."""
    with Home(settings()) as home:
        _check(home, tenant)
        taken = home.alerts.acknowledge(tenant, alert, actor=actor(name), reason=reason, now=datetime.now(UTC))
    value = {"tenant": tenant, "alert_id": alert, "state": str(taken.state)}
    emit(value, as_json=as_json, table=f"alert {alert} is acknowledged")


@app.command("silence")
def silence_command(
    rule: Annotated[str, typer.Argument(help=f"A rule that `lintel alerts rules` shows; {EVERY_RULE!r} means all.")],
    *,
    reason: Reason,
    length: Annotated[str, typer.Option("--for", help="How long, as in 30m, 4h or 2d.")] = "4h",
    tenant: Whose = DEFAULT_TENANT,
    name: As = None,
    as_json: Json = False,
) -> None:
    """Tell nobody of a rule's alerts for a while; they are still kept, and told if they last longer."""
    now = datetime.now(UTC)
    with Home(settings()) as home:
        _check(home, tenant)
        if rule != EVERY_RULE and rule not in RuleBook.load(home.settings.alert_rules).rules(tenant):
            raise NotFoundError(f"There is no alert rule {rule!r}.", mend="`lintel alerts rules` shows them.")
        made = home.alerts.silence(tenant, rule, until=now + _length(length), actor=actor(name), reason=reason, now=now)
    value = {"tenant": tenant, "silence_id": made.silence_id, "rule": rule, "until": made.until.isoformat()}
    emit(value, as_json=as_json, table=f"{rule} is silent until {made.until:%Y-%m-%d %H:%M} UTC ({made.silence_id})")


@app.command("end-silence")
def end_silence_command(
    silence: Annotated[str, typer.Argument(help="A silence that `lintel alerts list` shows.")],
    reason: Reason,
    tenant: Whose = DEFAULT_TENANT,
    name: As = None,
    as_json: Json = False,
) -> None:
    """Tell again what was silenced."""
    with Home(settings()) as home:
        _check(home, tenant)
        home.alerts.end_silence(tenant, silence, actor=actor(name), reason=reason, now=datetime.now(UTC))
    emit({"tenant": tenant, "ended": silence}, as_json=as_json, table=f"silence {silence} has ended")


@app.command("test-sink")
def try_sink_command(
    sink: Annotated[str, typer.Argument(help="log, webhook, slack or email, as far as the settings name them.")],
    as_json: Json = False,
) -> None:
    """Send a message that says it is a test; fails, with the reason, if it is not taken."""
    now = datetime.now(UTC)
    with Home(settings()) as home:
        sinks = sinks_of(home.settings, lambda: datetime.now(UTC))
        runbooks = home.settings.alert_runbooks_url
    if sink not in sinks:
        raise NotFoundError(f"No sink {sink!r} is set up.", mend=f"There are {', '.join(sinks)}; see docs/alerts.md.")
    if sink in (faults := unusable(sinks)):
        raise faults[sink]
    entry = Entry("test", INSTALLATION, "", "This is a test; nothing is wrong.", 1, now.isoformat())
    key = f"test-{int(now.timestamp() * 1e6)}"
    began = time.monotonic()
    sinks[sink].send(Message(key, "test", Severity.INFO, "test", "operations", f"{runbooks}test.md", (entry,)))
    value = {"sink": sink, "taken": True, "seconds": round(time.monotonic() - began, 3)}
    emit(value, as_json=as_json, table=f"{sink} took the message in {value['seconds']} s")


@app.command("rules")
def rules_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """The rules in force for a tenant, with what the operator's file changed."""
    with Home(settings()) as home:
        rules = RuleBook.load(home.settings.alert_rules).rules(tenant)
    listed = [
        {
            "rule": one.name,
            "severity": str(one.severity),
            "source": str(one.source),
            "of": one.area or ", ".join(one.states) or (one.job if one.source in _OF_JOBS else ""),
            "owner": one.owner,
            "runbook": one.runbook,
            "repeat_after_minutes": None if one.repeat_after is None else one.repeat_after / _UNITS["m"],
            "resolve_after_minutes": one.resolve_after / _UNITS["m"],
            "sinks": list(one.sinks),
            "escalation": [
                {"after_minutes": up.after / _UNITS["m"], "severity": str(up.severity), "sinks": list(up.sinks)}
                for up in one.escalation
            ],
        }
        for one in rules.values()
    ]
    columns = ("rule", "severity", "source", "of", "owner", "runbook")
    rows = [[one[name] for name in columns] for one in listed]
    emit({"tenant": tenant, "rules": listed}, as_json=as_json, table=table(f"alert rules of {tenant}", columns, rows))


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,4})([mhd])", text.strip())
    if found is None:
        raise InputError(f"{text!r} is no length of time.", mend="As in 30m, 4h or 2d.")
    return int(found[1]) * _UNITS[found[2]]


def _check(home: Home, tenant: str) -> None:
    """Raises NotFoundError for no such tenant."""
    if tenant != INSTALLATION:
        home.events.tenant(tenant)
