"""Which bundle answers for whom: the table that workers follow. MLflow's aliases only mirror it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from math import isclose
from typing import Any

import sqlalchemy as sa

from lintel.errors import InputError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.registry.actor import Actor
from lintel.registry.audit import kept_reason, record
from lintel.store.handle import Handle
from lintel.store.tables import traffic, traffic_history


class Mode(StrEnum):
    """What a bundle does with the requests it gets."""

    CHAMPION = "champion"
    CANARY = "canary"
    """Answers its share of the leads."""
    ROLLING = "rolling"
    """Answers everything that its share of the workers gets."""
    STANDBY = "standby"
    """Loaded and warm, answers nobody: what comes next, or the way back."""
    SHADOW = "shadow"
    """Scores its share of the leads beside the one that answers; nobody sees it."""


_SILENT = (Mode.STANDBY, Mode.SHADOW)


@dataclass(frozen=True, slots=True)
class TrafficEntry:
    """One bundle's part in a scope's traffic; `weight` is its share of the leads, 0..1, or of the workers (`rolling`).

    `version` is the version of the table in which it was assigned; 0 in an entry that is to be assigned.
    """

    digest: str
    model_name: str
    model_version: int
    weight: float
    mode: str
    version: int = 0


class Traffic(Handle):
    """The traffic table in the state database."""

    scripts = "state"

    def assign(self, scope: str, entries: Sequence[TrafficEntry], *, actor: Actor, reason: str, now: datetime) -> int:
        """Replace a scope's entries at once; the new version of the table. The audit log gets its line with it.

        Raises InputError unless there is exactly one champion, each bundle stands there once in a mode, the weights of
        those that answer sum to 1, standbys have none, and a rolling bundle answers beside the champion alone.
        """
        with self._database.write() as connection:
            return assign_traffic(connection, scope, entries, actor=actor, reason=reason, now=now)

    def read(self, scope: str) -> list[TrafficEntry]:
        """A scope's entries, the champion first; none if it has no traffic of its own."""
        names = ("model_name", "model_version", "weight", "mode", "version")
        query = sa.select(traffic.c.bundle, *(traffic.c[name] for name in names)).where(traffic.c.scope == scope)
        with self._database.read() as connection:
            found = [TrafficEntry(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda entry: (list(Mode).index(Mode(entry.mode)), entry.digest))

    def scopes(self) -> list[str]:
        """All scopes that have traffic of their own."""
        with self._database.read() as connection:
            return list(connection.execute(sa.select(traffic.c.scope).distinct().order_by(traffic.c.scope)).scalars())

    def version(self) -> int:
        """The version of the whole table, which grows with every assignment; 0 before the first."""
        with self._database.read() as connection:
            return _newest(connection)

    def history(self, scope: str, limit: int = 100) -> list[dict[str, Any]]:
        """Assignments of a scope, the newest first: version, assigned_at (ISO 8601), actor, reason, entries."""
        query = sa.select(traffic_history).where(traffic_history.c.scope == scope)
        query = query.order_by(traffic_history.c.version.desc()).limit(limit)
        with self._database.read() as connection:
            return [_change(row) for row in connection.execute(query).mappings()]


def hold_traffic(connection: sa.Connection) -> None:
    """Keep others from assigning traffic until the transaction ends. SQLite has one writer anyway.

    To be asked for before the audit log is written: whoever takes both takes this one first.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE traffic_history IN EXCLUSIVE MODE"))


def assign_traffic(
    connection: sa.Connection,
    scope: str,
    entries: Sequence[TrafficEntry],
    *,
    actor: Actor,
    reason: str,
    now: datetime,
) -> int:
    """As `Traffic.assign`, inside the caller's write transaction: what else is to hold with it, holds with it."""
    _check(scope, entries, reason)
    listed = [{name: value for name, value in asdict(entry).items() if name != "version"} for entry in entries]
    hold_traffic(connection)
    version = _newest(connection) + 1
    connection.execute(sa.delete(traffic).where(traffic.c.scope == scope))
    connection.execute(sa.insert(traffic), [_values(scope, entry, version) for entry in entries])
    change = {"version": version, "scope": scope, "assigned_at": to_microseconds(now), "actor": actor.name}
    change |= {"reason": kept_reason(actor, reason), "entries": json.dumps(listed)}
    connection.execute(sa.insert(traffic_history), change)
    record(
        connection,
        tenant=scope,
        actor=actor,
        act="traffic.assign",
        subject=f"traffic:{scope}",
        reason=reason,
        details={"version": version, "entries": listed},
        at=now,
    )
    return version


def _check(scope: str, entries: Sequence[TrafficEntry], reason: str) -> None:
    if not scope or not reason.strip():
        raise InputError("An assignment of traffic names its scope and why it is made.")
    unknown = [entry.mode for entry in entries if entry.mode not in set(Mode)]
    if unknown:
        raise InputError(f"{unknown[0]!r} is not a mode of traffic.", mend=f"Use one of {', '.join(Mode)}.")
    if len({(entry.digest, entry.mode) for entry in entries}) < len(entries):
        raise InputError(f"The traffic of {scope!r} names a bundle twice in one mode.", mend="Add up its weights.")
    if sum(entry.mode == Mode.CHAMPION for entry in entries) != 1:
        raise InputError(f"The traffic of {scope!r} needs exactly one champion.", mend="Canaries come beside it.")
    if not all(0.0 <= entry.weight <= 1.0 for entry in entries):
        raise InputError(f"A weight in the traffic of {scope!r} lies outside 0..1.")
    if any(entry.weight for entry in entries if entry.mode == Mode.STANDBY):
        raise InputError(f"A standby of {scope!r} answers nobody.", mend="Give it the weight 0.")
    answering = [entry for entry in entries if entry.mode not in _SILENT]
    if any(entry.mode == Mode.ROLLING for entry in answering) and len(answering) > 2:
        raise InputError(f"A rolling bundle of {scope!r} answers beside the champion alone.", mend="Use canaries.")
    total = sum(entry.weight for entry in answering)
    if not isclose(total, 1.0, abs_tol=1e-9):
        raise InputError(
            f"The weights of the bundles that answer for {scope!r} sum to {total:g}.", mend="Make them sum to 1."
        )


def _values(scope: str, entry: TrafficEntry, version: int) -> dict[str, Any]:
    return {
        "scope": scope,
        "bundle": entry.digest,
        "mode": str(entry.mode),
        "model_name": entry.model_name,
        "model_version": entry.model_version,
        "weight": entry.weight,
        "version": version,
    }


def _newest(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(traffic_history.c.version))).scalar() or 0


def _change(row: Any) -> dict[str, Any]:
    moment = from_microseconds(row["assigned_at"]).isoformat()
    return {**row, "assigned_at": moment, "entries": json.loads(row["entries"])}
