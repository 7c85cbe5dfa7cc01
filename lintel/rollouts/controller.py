"""Rollouts from their begin to their end: what persons, the sensor and the demo call.

Every change is one transaction of the state database with its traffic, the states of both versions and its lines of
the audit log. Whatever a killed process left undone, the next `advance` does; MLflow's alias, which only mirrors the
table, follows after each change, and any later call mends it.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from lintel.errors import InputError, NotFoundError, RefusedError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import Actor, ActorKind, machine
from lintel.registry.audit import kept_reason
from lintel.registry.champion import champion_entry
from lintel.registry.models import ModelVersion
from lintel.registry.rollout import mirror
from lintel.registry.traffic import TrafficEntry
from lintel.rollouts.decision import Action, Decision, Progress, State
from lintel.rollouts.judge import judge
from lintel.rollouts.observed import observe
from lintel.rollouts.plan import Plan
from lintel.rollouts.rollout import Rollout, Version
from lintel.rollouts.store import Act, MovedOnError
from lintel.scoring.decision_id import decision_id

JUDGE = machine("rollout judge")
NOTED_SECONDS = 600.0
"""A hold for the same reason as before is told again after so long."""
_ENDS = {Action.ROLL_BACK: State.ROLLED_BACK, Action.COMPLETE: State.COMPLETED}
_ALARMING = (Action.ROLL_BACK, Action.INCONCLUSIVE)
_ACTS = {
    Action.STEP: "step",
    Action.ROLL_BACK: "roll-back",
    Action.COMPLETE: "complete",
    Action.INCONCLUSIVE: "inconclusive",
}


def begin(home: Home, scope: str, version: int, plan: Plan, *, actor: Actor, reason: str, now: datetime) -> str:
    """Begin to bring a registered version in front of callers; the rollout's id.

    Beginning again what is live already changes nothing. Raises NotFoundError for no such version, InputError for the
    champion itself or where there is none, RefusedError while another version is being rolled out and for a machine
    that would begin again what was rolled back for cause, IncompatibleError for a version that may not answer.
    """
    chosen, champion = home.registry.version(scope, version), champion_entry(home.traffic, scope)
    live = home.rollouts.live(scope)
    if live is not None and live.candidate.digest == chosen.digest:
        return live.rollout_id
    champion = _opponent(scope, chosen, champion)
    _refuse_repetition(home, scope, chosen, actor)
    home.registry.fetch(scope, version)
    for one in (version, champion.model_version):
        acts.state_of(home, scope, one, now=now)
    rollout = Rollout(
        rollout_id=decision_id(now),
        scope=scope,
        candidate=Version(chosen.digest, chosen.name, version),
        champion=Version(champion.digest, champion.model_name, champion.model_version),
        plan=plan,
        progress=Progress(State.RUNNING, began_at=now, step=None, step_began_at=now),
        changed_at=now,
    )
    begun = home.rollouts.begin(rollout, Act(actor, "begin", reason, now, {"plan": plan.to_json()}))
    _tell(home, begun, f"begun: {kept_reason(actor, reason)}", now, alarm=False)
    _show(home, scope)
    return begun.rollout_id


def advance(home: Home, scope: str, now: datetime) -> Decision | None:
    """Gather evidence, judge, and act; None where nothing is being rolled out.

    A rollout that a person holds, or that is inconclusive, is still rolled back for cause and nothing else. Where
    somebody else assigned the traffic meanwhile, it ends and leaves that traffic alone.
    """
    _mend(home, scope, now)
    rollout = home.rollouts.live(scope)
    if rollout is None:
        return None
    if any(one.version != rollout.traffic_version for one in home.traffic.read(scope)):
        return _superseded(home, rollout, now)
    observed = observe(home, rollout, now)
    judged = judge(rollout.plan, rollout.progress, observed.evidence, now)
    decision = _bounded(observed.rollout, judged)
    try:
        _act(home, rollout, observed.rollout, decision, now)
    except MovedOnError:  # somebody else was faster: what they did holds
        return Decision(Action.HOLD, "it was changed while it was being judged", decision.findings)
    return decision


def hold(home: Home, scope: str, *, actor: Actor, reason: str, now: datetime) -> Rollout:
    """Stay at this step until it is resumed; the way back stays armed."""
    rollout = _live(home, scope)
    if rollout.progress.state is State.HELD:
        return rollout
    return _changed(home, rollout, rollout.paused(State.HELD), Act(actor, "hold", reason, now), assign=False)


def resume(home: Home, scope: str, *, actor: Actor, reason: str, now: datetime) -> Rollout:
    """Go on from where it was held, or was inconclusive."""
    rollout = _live(home, scope)
    return _changed(home, rollout, rollout.resumed(now), Act(actor, "resume", reason, now), assign=False)


def step(home: Home, scope: str, *, actor: Actor, reason: str, now: datetime) -> Rollout:
    """Go to the next step whatever the evidence says: an override."""
    rollout = _live(home, scope)
    if rollout.is_watching:
        raise InputError("All steps are done.", mend="`lintel rollouts complete` ends the watch.")
    return _overridden(home, rollout, rollout.stepped(now), _override(actor, "step", reason, now))


def roll_back(home: Home, scope: str, *, actor: Actor, reason: str, now: datetime) -> Rollout:
    """Give all traffic back to the champion from before it."""
    rollout = _live(home, scope)
    return _overridden(home, rollout, rollout.ended(State.ROLLED_BACK), _override(actor, "roll-back", reason, now))


def complete(home: Home, scope: str, *, actor: Actor, reason: str, now: datetime) -> Rollout:
    """Make the candidate the champion for good (one in shadow: end it), whatever the evidence says: an override."""
    rollout = _live(home, scope)
    return _overridden(home, rollout, rollout.ended(State.COMPLETED), _override(actor, "complete", reason, now))


def _opponent(scope: str, chosen: ModelVersion, champion: TrafficEntry | None) -> TrafficEntry:
    if champion is None:
        raise InputError(f"{scope!r} has no champion to roll out against.", mend="`lintel models promote` makes one.")
    if champion.digest == chosen.digest:
        raise InputError(f"Version {chosen.version} is the champion of {scope!r} already.")
    return champion


def _refuse_repetition(home: Home, scope: str, chosen: ModelVersion, actor: Actor) -> None:
    if actor.kind is not ActorKind.MACHINE:
        return
    for one in home.rollouts.list(scope):
        if one.candidate.digest == chosen.digest and one.progress.state is State.ROLLED_BACK:
            why = one.decision.get("reason", "by hand")
            raise RefusedError(
                f"Version {chosen.version} of {scope!r} was rolled back before ({why}).",
                mend="A person may begin it again: `lintel rollouts start`.",
            )


def _live(home: Home, scope: str) -> Rollout:
    rollout = home.rollouts.live(scope)
    if rollout is None:
        raise NotFoundError(f"Nothing is being rolled out for {scope!r}.", mend="See `lintel rollouts list`.")
    return rollout


def _override(actor: Actor, name: str, reason: str, now: datetime) -> Act:
    return Act(actor, name, reason, now, {"override": True})


def _bounded(rollout: Rollout, judged: Decision) -> Decision:
    """What may be done of what was judged: nothing but a way back while a person holds it, and no step before all
    workers follow the one before."""
    if judged.action in (Action.HOLD, Action.ROLL_BACK):
        return judged
    if rollout.progress.state in (State.HELD, State.INCONCLUSIVE):
        told = f"it is {rollout.progress.state}; else: {judged.reason}"
        return Decision(Action.HOLD, told, judged.findings)
    if judged.action is Action.STEP and rollout.followed_at is None:
        return Decision(Action.HOLD, "not every worker follows yet, or none runs", judged.findings)
    return judged


def _act(home: Home, before: Rollout, seen: Rollout, decision: Decision, now: datetime) -> None:
    told = seen.decided(decision, now)
    if decision.action is Action.HOLD:
        if _is_news(before, decision, now):
            home.rollouts.note(before, told, now)
            _tell(home, told, decision.reason, now, alarm=False, judged=True)
        elif seen.followed_at != before.followed_at:
            home.rollouts.note(before, seen, now)
        return
    after, assign = _after(told, decision.action, now)
    details = {"findings": [_plain(one.to_json()) for one in decision.findings]}
    changed = home.rollouts.change(
        before, after, Act(JUDGE, _ACTS[decision.action], decision.reason, now, details), assign=assign
    )
    _tell(home, changed, decision.reason, now, alarm=decision.action in _ALARMING, judged=True)
    if assign:
        _show(home, changed.scope)


def _after(rollout: Rollout, action: Action, now: datetime) -> tuple[Rollout, bool]:
    """What becomes of it, and whether its traffic changes."""
    if action is Action.INCONCLUSIVE:
        return rollout.paused(State.INCONCLUSIVE), False
    if action is Action.STEP:
        return rollout.stepped(now), True
    return rollout.ended(_ENDS[action]), True


def _is_news(before: Rollout, decision: Decision, now: datetime) -> bool:
    last = before.decision
    if not last or last["action"] != decision.action:
        return True
    return (now - datetime.fromisoformat(last["at"])).total_seconds() >= NOTED_SECONDS


def _overridden(home: Home, before: Rollout, after: Rollout, act: Act) -> Rollout:
    told = after.overridden(act.name, act.actor.name, kept_reason(act.actor, act.reason), act.at)
    return _changed(home, before, told, act, assign=True)


def _changed(home: Home, before: Rollout, after: Rollout, act: Act, *, assign: bool) -> Rollout:
    """An act of a person, told and shown."""
    changed = home.rollouts.change(before, after, act, assign=assign)
    _tell(home, changed, f"{act.name} by {act.actor.name}: {kept_reason(act.actor, act.reason)}", act.at, alarm=False)
    if assign:
        _show(home, changed.scope)
    return changed


def _superseded(home: Home, rollout: Rollout, now: datetime) -> Decision:
    """End it without touching traffic: completed where somebody made its candidate the champion, else rolled back."""
    serving = champion_entry(home.traffic, rollout.scope)
    promoted = serving is not None and serving.digest == rollout.candidate.digest
    if promoted:
        decision = Decision(Action.COMPLETE, "its candidate was promoted meanwhile, so that nothing is left to judge")
    else:
        told = "its traffic was assigned otherwise meanwhile, so that it ended where it stood"
        decision = Decision(Action.ROLL_BACK, told)
    ended = rollout.decided(decision, now).ended(_ENDS[decision.action])
    try:
        ended = home.rollouts.change(rollout, ended, Act(JUDGE, "superseded", decision.reason, now), assign=False)
    except MovedOnError:
        return Decision(Action.HOLD, "it was changed while it was being judged")
    _tell(home, ended, decision.reason, now, alarm=not promoted, judged=True)
    return decision


def _mend(home: Home, scope: str, now: datetime) -> None:
    """Tell and show the last change of a scope's newest rollout, if whoever made it was killed before."""
    newest = home.rollouts.list(scope, limit=1)
    if not newest:
        return
    (rollout,), told = newest, home.monitoring.newest(scope, "rollout") or {}
    present = (rollout.rollout_id, str(rollout.progress.state), rollout.progress.step)
    if (told.get("rollout_id"), told.get("state"), told.get("step")) == present:
        return
    judged = bool(rollout.decision) and "by" not in rollout.decision
    alarm = rollout.progress.state in (State.ROLLED_BACK, State.INCONCLUSIVE) and judged
    _tell(home, rollout, rollout.decision.get("reason", "changed"), now, alarm=alarm, judged=judged)
    _show(home, scope)


def _tell(home: Home, rollout: Rollout, what: str, now: datetime, *, alarm: bool, judged: bool = False) -> None:
    """Leave a finding for the monitors and the alerts; with the newest judgement where that was acted on."""
    state = rollout.progress.state
    where = f"{state}, {rollout.share:.0%} of the traffic" if rollout.is_live else str(state)
    both = f"Version {rollout.candidate.version} beside version {rollout.champion.version}"
    home.monitoring.write(
        rollout.scope,
        "rollout",
        now,
        {
            "alarm": alarm,
            "explanation": f"{both} ({where}): {what.removesuffix('.')}.",
            "rollout_id": rollout.rollout_id,
            "candidate_version": rollout.candidate.version,
            "champion_version": rollout.champion.version,
            "strategy": str(rollout.plan.strategy),
            "state": str(state),
            "step": rollout.progress.step,
            "share": rollout.share,
            "action": rollout.decision["action"] if judged else None,
            "findings": [_plain(one) for one in rollout.decision["findings"]] if judged else [],
        },
    )


def _plain(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Without numbers that JSON cannot hold."""
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value for name, value in finding.items()
    }


def _show(home: Home, scope: str) -> None:
    """Let MLflow show what holds now."""
    mirror(home.registry, home.traffic, scope=scope)
    acts.show(home, scope)
