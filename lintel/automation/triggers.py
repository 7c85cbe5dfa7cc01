"""What asked for training, and what came of it: one row a tenant, cause and key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa

from lintel.automation.policy import DEFAULT_LIMITS, Cause, Limits, obstacle
from lintel.errors import InputError, NotFoundError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.registry.actor import Actor, machine
from lintel.registry.audit import kept_reason, record
from lintel.store.engine import Database
from lintel.store.handle import Handle
from lintel.store.migrations import open_database
from lintel.store.tables import triggers

AUTOMATION = machine("automation")
_LONGEST_KEY, _LONGEST_EXPLANATION = 200, 1_000


class State(StrEnum):
    """What came of a trigger."""

    RAISED = "raised"
    """Granted; no run of it is known yet."""
    LAUNCHED = "launched"
    SUPPRESSED = "suppressed"


_GRANTED = (State.RAISED, State.LAUNCHED)


@dataclass(frozen=True, slots=True)
class Trigger:
    """`why` tells of a suppressed one what stood in the way; `repeats` counts how often it was raised again."""

    trigger_id: str
    tenant: str
    cause: Cause
    key: str
    state: State
    explanation: str
    details: Mapping[str, Any]
    raised_at: datetime
    run_id: str | None
    why: str | None
    repeats: int

    def to_json(self) -> dict[str, Any]:
        return {
            "trigger_id": self.trigger_id,
            "tenant": self.tenant,
            "cause": str(self.cause),
            "key": self.key,
            "state": str(self.state),
            "explanation": self.explanation,
            "details": dict(self.details),
            "raised_at": self.raised_at.isoformat(),
            "run_id": self.run_id,
            "why": self.why,
            "repeats": self.repeats,
        }


class Triggers(Handle):
    """Triggers of all tenants in the state database."""

    scripts = "state"

    def __init__(self, database: Database, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(database)
        self._limits = limits

    @classmethod
    def open(cls, url: str, limits: Limits = DEFAULT_LIMITS) -> Self:
        """As `Handle.open`, with the limits that trainings are granted by."""
        return cls(open_database(url, cls.scripts), limits)

    def raise_(
        self,
        tenant: str,
        cause: Cause,
        key: str,
        explanation: str,
        details: Mapping[str, Any],
        *,
        now: datetime,
        actor: Actor = AUTOMATION,
    ) -> bool:
        """Ask for a training; whether it is granted now. `explanation` is a sentence with the figures.

        Not granted is what was granted before under the same key, and what the limits forbid; the row says which. What
        was suppressed is judged anew when it is raised again. Two that are raised at once are judged one after the
        other, as the state database has one writer. Raises InputError for a blank or too long key or explanation.
        """
        _check(key, explanation)
        told = kept_reason(actor, explanation)
        raised = Trigger(_id(tenant, cause, key), tenant, cause, key, State.RAISED, told, details, now, None, None, 0)
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE triggers IN EXCLUSIVE MODE"))
            present = _read(connection, raised.trigger_id)
            if present is not None and present.state in _GRANTED:
                _save(connection, replace(present, why="it was granted before", repeats=present.repeats + 1))
                return False
            why = obstacle(cause, _granted_at(connection, tenant), now, self._limits)
            repeats = 0 if present is None else present.repeats + 1
            state = State.RAISED if why is None else State.SUPPRESSED
            judged = replace(raised, state=state, why=why, repeats=repeats)
            _save(connection, judged, is_new=present is None)
            if present is None or why is None:
                _record(connection, judged, actor)
        return why is None

    def launched(self, trigger_id: str, run_id: str) -> None:
        """Keep which run a trigger led to; the first one stays. Raises NotFoundError for no such trigger."""
        with self._database.write() as connection:
            if _read(connection, trigger_id) is None:
                raise NotFoundError(f"There is no trigger {trigger_id!r}.", mend="See `lintel triggers list`.")
            first = (triggers.c.trigger_id == trigger_id) & (triggers.c.state == State.RAISED)
            values = {"state": str(State.LAUNCHED), "run_id": run_id}
            connection.execute(sa.update(triggers).where(first).values(values))

    def find(self, tenant: str, cause: Cause, key: str) -> Trigger | None:
        """The trigger of a tenant, cause and key; None if it was never raised."""
        with self._database.read() as connection:
            return _read(connection, _id(tenant, cause, key))

    def raised(self, causes: Sequence[Cause]) -> list[Trigger]:
        """Those that are granted and of which no run is known, of all tenants, the oldest first."""
        waiting = (triggers.c.state == State.RAISED) & triggers.c.cause.in_([str(one) for one in causes])
        query = sa.select(triggers).where(waiting).order_by(triggers.c.raised_at, triggers.c.trigger_id)
        with self._database.read() as connection:
            return [_trigger(row) for row in connection.execute(query).mappings()]

    def newest(self, tenant: str, limit: int = 100) -> list[Trigger]:
        """A tenant's triggers, the newest first."""
        query = sa.select(triggers).where(triggers.c.tenant == tenant)
        query = query.order_by(triggers.c.raised_at.desc(), triggers.c.trigger_id).limit(limit)
        with self._database.read() as connection:
            return [_trigger(row) for row in connection.execute(query).mappings()]


def _check(key: str, explanation: str) -> None:
    if not key.strip() or len(key) > _LONGEST_KEY:
        raise InputError(f"The key of a trigger has 1 to {_LONGEST_KEY} characters.")
    if not explanation.strip() or len(explanation) > _LONGEST_EXPLANATION:
        raise InputError(f"The explanation of a trigger has 1 to {_LONGEST_EXPLANATION} characters.")


def _id(tenant: str, cause: Cause, key: str) -> str:
    """The same in every process, so that a run that was asked for twice is told apart by nobody."""
    return str(uuid5(NAMESPACE_URL, json.dumps(["lintel trigger", tenant, str(cause), key])))


def _granted_at(connection: sa.Connection, tenant: str) -> list[datetime]:
    granted = (triggers.c.tenant == tenant) & triggers.c.state.in_([str(one) for one in _GRANTED])
    query = sa.select(triggers.c.raised_at).where(granted).order_by(triggers.c.raised_at.desc()).limit(1_000)
    return [from_microseconds(one) for one in connection.execute(query).scalars()]


def _read(connection: sa.Connection, trigger_id: str) -> Trigger | None:
    query = sa.select(triggers).where(triggers.c.trigger_id == trigger_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _trigger(row)


def _save(connection: sa.Connection, one: Trigger, *, is_new: bool = False) -> None:
    kept = {"told": dict(one.details), "why": one.why, "repeats": one.repeats}
    values = {
        "trigger_id": one.trigger_id,
        "tenant": one.tenant,
        "cause": str(one.cause),
        "key": one.key,
        "state": str(one.state),
        "explanation": one.explanation,
        "details": json.dumps(kept, ensure_ascii=False, allow_nan=False),
        "raised_at": to_microseconds(one.raised_at),
        "run_id": one.run_id,
    }
    change = (
        sa.insert(triggers) if is_new else sa.update(triggers).where(triggers.c.trigger_id == one.trigger_id)
    ).values(values)
    connection.execute(change)


def _trigger(row: sa.RowMapping) -> Trigger:
    kept = json.loads(row["details"])
    return Trigger(
        trigger_id=row["trigger_id"],
        tenant=row["tenant"],
        cause=Cause(row["cause"]),
        key=row["key"],
        state=State(row["state"]),
        explanation=row["explanation"],
        details=kept["told"],
        raised_at=from_microseconds(row["raised_at"]),
        run_id=row["run_id"],
        why=kept["why"],
        repeats=kept["repeats"],
    )


def _record(connection: sa.Connection, one: Trigger, actor: Actor) -> None:
    told = {"cause": str(one.cause), "key": one.key, "why": one.why, **one.details}
    act = "trigger.raise" if one.state is State.RAISED else "trigger.suppress"
    subject, reason = f"trigger:{one.trigger_id}", one.explanation
    record(
        connection,
        tenant=one.tenant,
        actor=actor,
        act=act,
        subject=subject,
        reason=reason,
        details=told,
        at=one.raised_at,
    )
