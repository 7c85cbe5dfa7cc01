"""The states of a model version, which may follow which, and where each version stands."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from lintel.errors import IncompatibleError, NotFoundError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.registry.actor import Actor, ActorKind, machine
from lintel.registry.audit import record
from lintel.registry.gates import GateResult
from lintel.registry.policy import Decided, Ruling, rule
from lintel.registry.risk import Risk
from lintel.registry.traffic import Mode, Traffic
from lintel.store.handle import Handle
from lintel.store.tables import audit, model_states

BEFORE_STATES = machine("not recorded")
"""Who trained a version that was registered before anybody wrote that down."""


class State(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    """Registered; its gates were not judged."""
    VALIDATED = "validated"
    """Its hard gates passed."""
    PENDING = "pending"
    """A person has to decide."""
    APPROVED = "approved"
    """It may answer."""
    REJECTED = "rejected"
    ROLLING = "rolling"
    """It answers a share of the leads, or nobody yet; the champion is still there."""
    CHAMPION = "champion"
    RETIRED = "retired"


NEXT: Mapping[State, tuple[State, ...]] = {
    State.DRAFT: (State.VALIDATED, State.REJECTED, State.RETIRED),
    State.VALIDATED: (State.PENDING, State.APPROVED, State.REJECTED, State.RETIRED),
    State.PENDING: (State.APPROVED, State.REJECTED, State.RETIRED),
    State.APPROVED: (State.ROLLING, State.CHAMPION, State.REJECTED, State.RETIRED),
    State.REJECTED: (State.DRAFT, State.RETIRED),
    State.ROLLING: (State.CHAMPION, State.APPROVED, State.REJECTED, State.RETIRED),
    State.CHAMPION: (State.RETIRED, State.REJECTED),
    State.RETIRED: (State.ROLLING, State.CHAMPION),
}
"""What may follow each state. A rejected version is judged anew before anything else; a retired one may come back if it
was approved once: that is the way back from a bad successor. A champion is rejected where its rollout is undone."""
_LET = {State.APPROVED, State.ROLLING, State.CHAMPION}
"""States that a version had before it was retired, from which it may come back."""


def check_transition(name: str, present: State, to: State) -> None:
    """Raises IncompatibleError, saying what would be possible, if `to` cannot follow."""
    if to in NEXT[present]:
        return
    possible = " or ".join(NEXT[present])
    raise IncompatibleError(f"{name} is {present} and cannot become {to}.", mend=f"It can become {possible}.")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One version. `risk` is the class of its scope when its gates were judged."""

    scope: str
    version: int
    digest: str
    state: State
    trained_by: Actor
    risk: Risk
    gates: tuple[GateResult, ...]
    changed_at: datetime

    @property
    def subject(self) -> str:
        """How the audit log names it."""
        return subject_of(self.scope, self.version)

    @property
    def name(self) -> str:
        return f"Version {self.version} of {self.scope!r}"


def subject_of(scope: str, version: int) -> str:
    return f"model:{scope}/{version}"


class ModelStates(Handle):
    """States of all versions in the state database."""

    scripts = "state"

    def all(self, scope: str) -> list[ModelState]:
        """Every version of a scope that has a state, newest first."""
        query = sa.select(model_states).where(model_states.c.scope == scope)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(model_states.c.model_version.desc())).mappings()
            return [_state(row) for row in found]

    def read(self, scope: str, version: int) -> ModelState:
        """Raises NotFoundError for a version without a state."""
        with self._database.read() as connection:
            return read_state(connection, scope, version)

    def find(self, scope: str, version: int) -> ModelState | None:
        """As `read`; None for a version without a state."""
        with self._database.read() as connection:
            row = _row(connection, scope, version)
        return None if row is None else _state(row)

    def register(
        self, scope: str, version: int, digest: str, *, trained_by: Actor, risk: Risk, actor: Actor, now: datetime
    ) -> bool:
        """Make a version a draft; False, and nothing changes, if it has a state already."""
        with self._database.write() as connection:
            if _row(connection, scope, version) is not None:
                return False
            made = ModelState(scope, version, digest, State.DRAFT, trained_by, risk, (), now)
            connection.execute(sa.insert(model_states).values(_values(made)))
            details = {"digest": digest, "trained_by": trained_by.name, "trained_by_kind": str(trained_by.kind)}
            _record(
                connection, made, "register", actor=actor, reason="a bundle was registered", details=details, now=now
            )
        return True

    def adopt(self, scope: str, version: int, digest: str, state: State, *, risk: Risk, now: datetime) -> bool:
        """Give a version that was registered before there were states the one it is in; False if it has one."""
        with self._database.write() as connection:
            if _row(connection, scope, version) is not None:
                return False
            made = ModelState(scope, version, digest, state, BEFORE_STATES, risk, (), now)
            connection.execute(sa.insert(model_states).values(_values(made)))
            told: dict[str, Any] = {"reason": "it was registered before states were kept", "details": {"state": state}}
            _record(connection, made, "adopt", actor=machine("lintel"), now=now, **told)
        return True

    def judge(
        self, scope: str, version: int, gates: Sequence[GateResult], *, risk: Risk, actor: Actor, now: datetime
    ) -> Decided:
        """Keep what the gates said of a draft (of a rejected version: anew), and move it where the policy says.

        Raises IncompatibleError for a version in any other state.
        """
        decided = rule(gates, risk)
        told: dict[str, Any] = {"actor": actor, "reason": decided.reason, "now": now}
        with self._database.write() as connection:
            present = read_state(connection, scope, version)
            if present.state not in {State.DRAFT, State.REJECTED}:
                raise IncompatibleError(f"{present.name} is {present.state}: it was judged already.")
            if present.state is State.REJECTED:
                present = move_state(connection, scope, version, State.DRAFT, **told | {"reason": "judged anew"})
            values = {"gates": _gates_json(gates), "risk": str(risk)}
            connection.execute(sa.update(model_states).where(_is(scope, version)).values(values))
            details = {"risk": str(risk), "gates": {one.name: one.verdict for one in gates}}
            _record(connection, present, "judge", details=details, **told)
            if decided.ruling is not Ruling.REJECTED:
                move_state(connection, scope, version, State.VALIDATED, **told)
            move_state(connection, scope, version, State(decided.ruling), **told)
        return decided

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction on the state database, for changes of states that hold together with others."""
        with self._database.write() as connection:
            yield connection

    def move(
        self,
        scope: str,
        version: int,
        to: State,
        *,
        actor: Actor,
        reason: str,
        now: datetime,
        details: Mapping[str, Any] | None = None,
        expected: State | None = None,
    ) -> ModelState:
        """Change the state in a transaction of its own; see `move_state`. Raises IncompatibleError, too, if it is not
        in the state `expected` any more: somebody else was faster."""
        with self._database.write() as connection:
            present = read_state(connection, scope, version)
            if expected not in {None, present.state}:
                raise IncompatibleError(
                    f"{present.name} became {present.state} a moment ago.", mend="Look again: `lintel models gates`."
                )
            return move_state(connection, scope, version, to, actor=actor, reason=reason, now=now, details=details)


def move_state(
    connection: sa.Connection,
    scope: str,
    version: int,
    to: State,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> ModelState:
    """Change a version's state inside the caller's write transaction, with its line in the audit log.

    Raises NotFoundError for a version without a state, IncompatibleError for a transition that there is not and for one
    that would answer without ever having been approved, InputError for a blank reason.
    """
    present = read_state(connection, scope, version)
    check_transition(present.name, present.state, to)
    if not may_follow(connection, present, to):
        raise IncompatibleError(
            f"{present.name} was retired without having been approved and may not answer.",
            mend="Promote a version that was approved, or train anew: `lintel models list`.",
        )
    values = {"state": str(to), "changed_at": to_microseconds(now)}
    connection.execute(sa.update(model_states).where(_is(scope, version)).values(values))
    told = {"from": str(present.state), "to": str(to), "digest": present.digest, **(details or {})}
    _record(connection, present, str(to), actor=actor, reason=reason, details=told, now=now)
    return read_state(connection, scope, version)


def may_follow(connection: sa.Connection, present: ModelState, to: State) -> bool:
    """Whether a version may become `to` now; one that was put aside before anybody let it answer does not come back."""
    if to not in NEXT[present.state]:
        return False
    return present.state is not State.RETIRED or _retired_from(connection, present) in _LET


def _retired_from(connection: sa.Connection, present: ModelState) -> State | None:
    """What a retired version was before, from its newest retirement in the audit log. One that was adopted as retired
    was a champion before states were kept."""
    about = (audit.c.tenant == present.scope) & (audit.c.subject == present.subject)
    query = sa.select(audit.c.act, audit.c.details).where(about, audit.c.act.in_(["model.retired", "model.adopt"]))
    found = connection.execute(query.order_by(audit.c.number.desc()).limit(1)).one_or_none()
    if found is None:
        return None
    return State.CHAMPION if found.act == "model.adopt" else State(json.loads(found.details)["from"])


def crown(
    connection: sa.Connection, scope: str, version: int, *, actor: Actor, reason: str, now: datetime
) -> ModelState:
    """Make a version the champion inside the caller's write transaction, and retire whoever was, or was rolling."""
    present = read_state(connection, scope, version)
    if present.state is not State.CHAMPION:
        present = move_state(connection, scope, version, State.CHAMPION, actor=actor, reason=reason, now=now)
    others = (model_states.c.scope == scope) & (model_states.c.model_version != version)
    replaced = others & model_states.c.state.in_([State.CHAMPION, State.ROLLING])
    for other in connection.execute(sa.select(model_states.c.model_version).where(replaced)).scalars().all():
        told = f"version {version} took over"
        move_state(connection, scope, other, State.RETIRED, actor=actor, reason=told, now=now)
    return present


def read_state(connection: sa.Connection, scope: str, version: int) -> ModelState:
    """Raises NotFoundError for a version without a state."""
    row = _row(connection, scope, version)
    if row is None:
        raise NotFoundError(f"Version {version} of {scope!r} has no state.", mend="See `lintel models list`.")
    return _state(row)


def state_before_states(traffic: Traffic, scope: str, version: int) -> State:
    """What a version is that was registered before states were kept: what the traffic table says of it."""
    present = {one.model_version: one.mode for one in traffic.read(scope)}
    if version in present:
        return State.CHAMPION if present[version] == Mode.CHAMPION else State.ROLLING
    answered = {
        entry["model_version"]
        for change in traffic.history(scope, limit=10_000)
        for entry in change["entries"]
        if entry["mode"] == Mode.CHAMPION
    }
    return State.RETIRED if version in answered else State.DRAFT


def _row(connection: sa.Connection, scope: str, version: int) -> sa.RowMapping | None:
    return connection.execute(sa.select(model_states).where(_is(scope, version))).mappings().one_or_none()


def _is(scope: str, version: int) -> sa.ColumnElement[bool]:
    return (model_states.c.scope == scope) & (model_states.c.model_version == version)


def _values(one: ModelState) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "model_version": one.version,
        "bundle": one.digest,
        "state": str(one.state),
        "trained_by": one.trained_by.name,
        "trained_by_kind": str(one.trained_by.kind),
        "risk": str(one.risk),
        "gates": _gates_json(one.gates),
        "changed_at": to_microseconds(one.changed_at),
    }


def _state(row: sa.RowMapping) -> ModelState:
    return ModelState(
        scope=row["scope"],
        version=row["model_version"],
        digest=row["bundle"],
        state=State(row["state"]),
        trained_by=Actor(row["trained_by"], ActorKind(row["trained_by_kind"])),
        risk=Risk(row["risk"]),
        gates=tuple(GateResult.from_json(one) for one in json.loads(row["gates"])),
        changed_at=from_microseconds(row["changed_at"]),
    )


def _gates_json(gates: Sequence[GateResult]) -> str:
    return json.dumps([one.to_json() for one in gates], ensure_ascii=False, allow_nan=False)


def _record(
    connection: sa.Connection,
    one: ModelState,
    act: str,
    *,
    actor: Actor,
    reason: str,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    record(
        connection,
        tenant=one.scope,
        actor=actor,
        act=f"model.{act}",
        subject=one.subject,
        reason=reason,
        details=details,
        at=now,
    )
