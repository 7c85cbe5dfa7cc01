"""`lintel rollouts`: bringing a version in front of callers step by step, and what judges it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.account import As, actor
from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
from lintel.errors import InputError, NotFoundError
from lintel.home import Home
from lintel.registry.acts import roll_out
from lintel.rollouts import controller
from lintel.rollouts.plan import Strategy
from lintel.rollouts.rollout import Rollout
from lintel.rollouts.standard import standard_plan
from lintel.settings import settings

app = typer.Typer(help="Bringing a version in front of callers step by step, judged by what it does there.")

Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]


@app.command("start")
def start_command(
    version: Annotated[int, typer.Argument(help="An approved version that `lintel models list` shows.")],
    *,
    reason: Reason,
    strategy: Annotated[Strategy, typer.Option(help="How it comes in front of callers.")] = Strategy.CANARY,
    steps: Annotated[
        str | None, typer.Option(help="Rising shares up to 1, of leads or (rolling) of workers: 0.01,0.05,0.25,0.5,1.")
    ] = None,
    step_seconds: Annotated[float | None, typer.Option(min=0, help="Least time of a step.")] = None,
    step_answers: Annotated[int | None, typer.Option(min=0, help="Least answers of a step.")] = None,
    longest_seconds: Annotated[float | None, typer.Option(min=1, help="After so long it asks a person.")] = None,
    watch_seconds: Annotated[
        float | None, typer.Option(min=0, help="How long the way back stays armed afterwards.")
    ] = None,
    tenant: TenantId = DEFAULT_TENANT,
    by: As = None,
    as_json: Json = False,
) -> None:
    """Begin a rollout; the sensor `rollout_steps`, or `lintel rollouts advance`, carries it on."""
    given = {
        "step_seconds": step_seconds,
        "step_answers": step_answers,
        "longest_seconds": longest_seconds,
        "watch_seconds": watch_seconds,
    }
    plan = standard_plan(settings(), strategy)
    chosen = {name: value for name, value in given.items() if value is not None}
    plan = replace(plan, **chosen | ({} if steps is None else {"steps": _shares(steps)}))
    with Home(settings()) as home:
        home.events.tenant(tenant)
        told = {"actor": actor(by), "reason": reason, "now": datetime.now(UTC)}
        rollout_id = roll_out(home, tenant, version, plan=plan, **told)
        found = None if rollout_id is None else home.rollouts.get(rollout_id)
    value = {"tenant": tenant, "rollout": None if found is None else found.to_json()}
    shown = f"version {version} answers for {tenant} now" if found is None else _table(tenant, found.to_json())
    emit(value, as_json=as_json, table=shown)


@app.command("status")
def status_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """The rollout that is under way, else the last one: how far it is, and what every gate said last."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        listed = home.rollouts.list(tenant, limit=1)
        found = home.rollouts.live(tenant) or (listed[0] if listed else None)
    value = {"tenant": tenant, "rollout": None if found is None else found.to_json()}
    shown = f"nothing was rolled out for {tenant} yet" if found is None else _table(tenant, found.to_json())
    emit(value, as_json=as_json, table=shown)


@app.command("advance")
def advance_command(
    reason: Annotated[
        str | None, typer.Option(help="Go to the next step whatever the gates say, and why: an override.")
    ] = None,
    *,
    tenant: TenantId = DEFAULT_TENANT,
    by: As = None,
    as_json: Json = False,
) -> None:
    """Judge now, and do what the judgement asks for: a step, a hold, a rollback. With a reason: step in any case."""
    now = datetime.now(UTC)
    with Home(settings()) as home:
        home.events.tenant(tenant)
        if reason is not None:
            controller.step(home, tenant, actor=actor(by), reason=reason, now=now)
            told: Mapping[str, Any] = {"action": "step", "reason": reason, "findings": []}
        else:
            decision = controller.advance(home, tenant, now)
            if decision is None:
                raise NotFoundError(f"Nothing is being rolled out for {tenant!r}.", mend="`lintel rollouts start`.")
            findings = [one.to_json() for one in decision.findings]
            told = {"action": str(decision.action), "reason": decision.reason, "findings": findings}
        found = home.rollouts.list(tenant, limit=1)[0].to_json()
    value = {"tenant": tenant, "decision": told, "rollout": found}
    words = f"{told['action']}: {told['reason']}"
    emit(value, as_json=as_json, table=Group(Text(words), _table(tenant, found)))


@app.command("hold")
def hold_command(reason: Reason, *, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False) -> None:
    """Stay at this step until it is resumed. What is bad is rolled back all the same."""
    _act(controller.hold, tenant, by, reason, as_json=as_json)


@app.command("resume")
def resume_command(reason: Reason, *, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False) -> None:
    """Go on from where it was held; one that was inconclusive has as long again."""
    _act(controller.resume, tenant, by, reason, as_json=as_json)


@app.command("rollback")
def rollback_command(
    reason: Reason, *, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Give all leads back to the champion of before, at once."""
    _act(controller.roll_back, tenant, by, reason, as_json=as_json)


@app.command("complete")
def complete_command(
    reason: Reason, *, tenant: TenantId = DEFAULT_TENANT, by: As = None, as_json: Json = False
) -> None:
    """Make the candidate the champion for good, whatever the gates say, and end the rollout."""
    _act(controller.complete, tenant, by, reason, as_json=as_json)


@app.command("list")
def list_command(
    tenant: TenantId = DEFAULT_TENANT,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Rollouts, newest first."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        found = [one.to_json() for one in home.rollouts.list(tenant, limit)]
    columns = ("began (UTC)", "version", "beside", "strategy", "state", "why")
    emit(
        {"tenant": tenant, "rollouts": found},
        as_json=as_json,
        table=table(f"rollouts of {tenant}", columns, _rows(found)),
    )


def _act(act: Callable[..., Rollout], tenant: str, by: str | None, reason: str, *, as_json: bool) -> None:
    with Home(settings()) as home:
        home.events.tenant(tenant)
        found = act(home, tenant, actor=actor(by), reason=reason, now=datetime.now(UTC)).to_json()
    emit({"tenant": tenant, "rollout": found}, as_json=as_json, table=_table(tenant, found))


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError:
        raise InputError(f"{text!r} are no shares.", mend="For example 0.01,0.05,0.25,0.5,1.") from None


def _rows(found: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            one["began_at"][:16].replace("T", " "),
            one["candidate"]["version"],
            one["champion"]["version"],
            one["strategy"],
            one["state"],
            (one["decision"] or {}).get("reason", ""),
        )
        for one in found
    ]


def _table(tenant: str, found: Mapping[str, Any]) -> Table | Group:
    """Where it stands, and under it what every gate said."""
    decision = found["decision"] or {"action": "", "reason": "", "findings": []}
    share = "" if found["share"] is None else f"{found['share']:.0%}"
    step = "" if found["step"] is None else f"{found['step'] + 1} of {len(found['steps'])}"
    rows = [
        ("version", f"{found['candidate']['version']} beside {found['champion']['version']}"),
        ("strategy", found["strategy"]),
        ("state", found["state"]),
        ("step", step),
        ("share", share),
        ("began", found["began_at"]),
        ("all workers follow since", found["followed_at"]),
        ("judged last", f"{decision['action']}: {decision['reason']}" if decision["action"] else ""),
    ]
    gates = [(one["gate"], one["standing"], one["sentence"]) for one in decision["findings"]]
    shown = table(f"rollout of {tenant}", ("", ""), rows)
    return Group(shown, table("gates", ("gate", "standing", "in words"), gates)) if gates else shown
