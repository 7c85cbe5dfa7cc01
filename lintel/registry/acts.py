"""What persons and machines do with model versions. The command line, HTTP and Dagster call these and nothing else, so
that each asks the same policy and leaves the same line in the audit log.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lintel.errors import IncompatibleError
from lintel.home import Home
from lintel.registry.actor import Actor, ActorKind
from lintel.registry.champion import champion_entry
from lintel.registry.gates import DEFAULT_BOUNDS, Examined, GateBounds, judge_gates
from lintel.registry.lifecycle import ModelState, State, crown, state_before_states
from lintel.registry.models import LONGEST_TAG, ModelVersion
from lintel.registry.policy import Decided, check_approver
from lintel.registry.risk import Risk
from lintel.registry.rollout import mirror
from lintel.registry.traffic import TrafficEntry, assign_traffic
from lintel.rollouts.decision import State as RolloutState
from lintel.rollouts.plan import Plan
from lintel.rollouts.standard import standard_plan

STATE_TAG = "lintel.state"
_GATE_TAG = "lintel.gate."
_LINES = 10_000
_DECIDABLE = (State.VALIDATED, State.PENDING)
_READY = (State.APPROVED, State.ROLLING, State.RETIRED)


def risk_of(home: Home, scope: str) -> Risk:
    """The risk class of a scope, from the settings."""
    return home.settings.risk_overrides.get(scope, home.settings.risk)


def state_of(home: Home, scope: str, version: int, *, now: datetime) -> ModelState:
    """Where a version stands; one that was registered before states were kept gets its state here.

    Raises NotFoundError for no such version.
    """
    found = home.states.find(scope, version)
    if found is not None:
        return found
    known = home.registry.version(scope, version)
    state = state_before_states(home.traffic, scope, version)
    home.states.adopt(scope, version, known.digest, state, risk=risk_of(home, scope), now=now)
    return home.states.read(scope, version)


def register(
    home: Home, scope: str, version: ModelVersion, *, trained_by: Actor, actor: Actor, now: datetime
) -> ModelState:
    """Make a registered bundle a draft; one that has a state keeps it."""
    known = state_before_states(home.traffic, scope, version.version)
    if known is State.DRAFT:
        risk = risk_of(home, scope)
        told: dict[str, Any] = {"trained_by": trained_by, "risk": risk, "actor": actor, "now": now}
        home.states.register(scope, version.version, version.digest, **told)
    return state_of(home, scope, version.version, now=now)


def awaits_judgement(home: Home, scope: str, version: int, *, now: datetime) -> bool:
    """Whether a machine may judge a version: a draft, or one that only its gates rejected. What a person rejected, or
    what a rollout showed to be bad, no machine takes up again."""
    state = state_of(home, scope, version, now=now)
    return state.state is State.DRAFT or (state.state is State.REJECTED and _rejected_by_gates(home, state))


def judge(
    home: Home,
    scope: str,
    version: int,
    examined: Examined,
    *,
    actor: Actor,
    now: datetime,
    bounds: GateBounds = DEFAULT_BOUNDS,
) -> Decided:
    """Hold a version against its gates, and move it where the policy of its scope says.

    What the gates said is kept with the version and shown in MLflow. Raises IncompatibleError for a version that is
    neither a draft nor rejected.
    """
    state_of(home, scope, version, now=now)
    gates = judge_gates(examined, bounds)
    decided = home.states.judge(scope, version, gates, risk=risk_of(home, scope), actor=actor, now=now)
    show(home, scope)
    return decided


def approve(home: Home, scope: str, version: int, *, actor: Actor, reason: str, now: datetime) -> ModelState:
    """A person lets a version answer; it does so when it is promoted or rolled out.

    Raises RefusedError for a machine, and for who trained or registered it; IncompatibleError unless it waits for a
    decision; InputError for a blank reason; NotFoundError for no such version.
    """
    state = state_of(home, scope, version, now=now)
    if state.state not in _DECIDABLE:
        raise IncompatibleError(
            f"{state.name} is {state.state}: there is nothing to approve.",
            mend="Only a version that is pending can be approved; the next nightly run judges a draft.",
        )
    check_approver(actor, involved(home, state), what=state.name)
    details = {"trained_by": state.trained_by.name, "risk": str(state.risk)}
    return _moved(home, state, State.APPROVED, actor=actor, reason=reason, now=now, details=details)


def reject(home: Home, scope: str, version: int, *, actor: Actor, reason: str, now: datetime) -> ModelState:
    """Keep a version from answering. Anybody may, with a reason. Raises IncompatibleError for one that answers
    already, or was retired."""
    state = state_of(home, scope, version, now=now)
    _refuse_serving(home, state)
    return _moved(home, state, State.REJECTED, actor=actor, reason=reason, now=now)


def retire(home: Home, scope: str, version: int, *, actor: Actor, reason: str, now: datetime) -> ModelState:
    """Take a version out of consideration. Raises IncompatibleError for one that answers."""
    state = state_of(home, scope, version, now=now)
    _refuse_serving(home, state)
    return _moved(home, state, State.RETIRED, actor=actor, reason=reason, now=now)


def promote(home: Home, scope: str, version: int, *, actor: Actor, reason: str, now: datetime) -> ModelState:
    """Make an approved version, or a former champion, the only model of a scope, at once.

    Traffic, the states of old and new champion, and the lines about them change together; MLflow's alias follows, and
    is mended by the next call after a crash between the two. Promoting the champion changes nothing but the mirror.
    Raises IncompatibleError for a version that may not answer, and what `ModelRegistry.fetch` raises if it cannot.
    """
    state = state_of(home, scope, version, now=now)
    for one in home.traffic.read(scope):
        state_of(home, scope, one.model_version, now=now)
    entry = TrafficEntry(state.digest, home.registry.version(scope, version).name, version, 1.0, "champion")
    present = [(one.digest, one.weight, one.mode) for one in home.traffic.read(scope)]
    if present != [(entry.digest, entry.weight, entry.mode)]:
        _check_ready(state)
        home.registry.fetch(scope, version)
        with home.states.writing() as connection:
            assign_traffic(connection, scope, [entry], actor=actor, reason=reason, now=now)
            crown(connection, scope, version, actor=actor, reason=reason, now=now)
    mirror(home.registry, home.traffic, scope=scope)
    show(home, scope)
    return state_of(home, scope, version, now=now)


def roll_out(
    home: Home, scope: str, version: int, *, actor: Actor, reason: str, now: datetime, plan: Plan | None = None
) -> str | None:
    """Bring an approved version in front of callers by `plan`, or as the setting `rollout_strategy` says; at once where
    neither names a way or there is no champion to compare with. The rollout's id, None for a promotion at once.
    """
    strategy = home.settings.rollout_strategy
    chosen = plan or (None if strategy is None else standard_plan(home.settings, strategy))
    champion = champion_entry(home.traffic, scope)
    if chosen is None or champion is None or champion.model_version == version:
        promote(home, scope, version, actor=actor, reason=reason, now=now)
        return None
    _check_ready(state_of(home, scope, version, now=now))
    from lintel.rollouts.controller import begin  # noqa: PLC0415  # it ends in acts of this module

    return begin(home, scope, version, chosen, actor=actor, reason=reason, now=now)


def involved(home: Home, state: ModelState) -> list[Actor]:
    """Who trained a version, and everybody who registered it."""
    lines = home.audit.read(state.scope, state.subject, limit=_LINES)
    registrars = [Actor(one["actor"], ActorKind(one["actor_kind"])) for one in lines if one["act"] == "model.register"]
    return [state.trained_by, *registrars]


def obstacle(home: Home, scope: str, version: int) -> str | None:
    """Why a machine leaves an approved version where it is; None where nothing stands in the way."""
    live = home.rollouts.live(scope)
    if live is not None and (not live.is_watching or home.settings.rollout_strategy is None):
        return f"version {live.candidate.version} is being rolled out"
    ended = [one for one in home.rollouts.list(scope) if one.candidate.version == version]
    if any(one.progress.state is RolloutState.ROLLED_BACK for one in ended):
        return "it was rolled back before: a person may begin it again"
    return None


def _rejected_by_gates(home: Home, state: ModelState) -> bool:
    lines = home.audit.read(state.scope, state.subject, limit=_LINES)
    rejected = next((one for one in lines if one["act"] == "model.rejected"), None)
    if rejected is None:
        return False
    return rejected["actor_kind"] == ActorKind.MACHINE and rejected["details"]["from"] == State.DRAFT


def _moved(
    home: Home,
    state: ModelState,
    to: State,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> ModelState:
    """Change the state, if it still is what was looked at, and show it in MLflow."""
    told: dict[str, Any] = {"actor": actor, "reason": reason, "now": now, "details": details, "expected": state.state}
    moved = home.states.move(state.scope, state.version, to, **told)
    show(home, state.scope)
    return moved


def show(home: Home, scope: str) -> None:
    """Mirror the states of a scope's versions and what their gates said in MLflow's tags, where they differ."""
    shown = {one.version: one.tags or {} for one in home.registry.versions(scope)}
    for one in home.states.all(scope):
        if one.version in shown:
            present, wanted = shown[one.version], _tags(one)
            stale = {name: value for name, value in wanted.items() if present.get(name) != value}
            home.registry.note(scope, one.version, stale)


def _tags(state: ModelState) -> dict[str, str]:
    told = {f"{_GATE_TAG}{one.name}": f"{one.verdict}: {one.sentence}"[:LONGEST_TAG] for one in state.gates}
    return {**told, STATE_TAG: str(state.state)}


def _check_ready(state: ModelState) -> None:
    if state.state not in _READY:
        raise IncompatibleError(
            f"{state.name} is {state.state} and may not answer.",
            mend="Only an approved version, or a former champion, may: see `lintel models gates` and `approve`.",
        )


def _refuse_serving(home: Home, state: ModelState) -> None:
    serving = {one.model_version for one in home.traffic.read(state.scope)}
    if state.version in serving or state.state in {State.CHAMPION, State.ROLLING}:
        raise IncompatibleError(
            f"{state.name} has traffic now.", mend="Promote another version first, or roll its rollout back."
        )
