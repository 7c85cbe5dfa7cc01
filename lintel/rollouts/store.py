"""Rollouts in the state database: each change is one transaction with its traffic and its line of the audit log.

A process that is killed leaves either nothing of a change or all of it, so that whoever comes next goes on from there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lintel.errors import NotFoundError, RefusedError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.registry.actor import Actor
from lintel.registry.audit import record
from lintel.registry.traffic import Mode, assign_traffic, hold_traffic
from lintel.rollouts.decision import LIVE, Progress, State
from lintel.rollouts.model_moves import move_models
from lintel.rollouts.plan import Plan
from lintel.rollouts.rollout import Rollout, Version, moment_of
from lintel.store.handle import Handle
from lintel.store.tables import rollouts, traffic


class MovedOnError(RefusedError):
    """Somebody else changed the rollout, or the traffic under it, since it was read."""

    slug = "rollout-moved-on"
    status = 409


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what to a rollout, why and when."""

    actor: Actor
    name: str
    reason: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


class RolloutStore(Handle):
    """The rollouts of all scopes."""

    scripts = "state"

    def begin(self, rollout: Rollout, act: Act) -> Rollout:
        """Keep a new rollout and assign its first traffic. One that is only being watched ends by that: its candidate
        is the champion that the new one is held against.

        Raises RefusedError if the scope has a live one, MovedOnError if its champion is another one by now, and
        IncompatibleError for a candidate that may not answer.
        """
        with self._database.write() as connection:
            hold_traffic(connection)
            live = connection.execute(_live(rollout.scope)).mappings().one_or_none()
            if live is not None:
                _give_way(connection, _rollout(live), rollout, act)
            if _champion(connection, rollout.scope) != rollout.champion.digest:
                raise _moved_on(rollout)
            begun = self._assigned(connection, rollout, act)
            connection.execute(sa.insert(rollouts), _values(begun))
            _record(connection, begun, act)
            move_models(connection, None, begun, actor=act.actor, reason=act.reason, now=act.at)
        return begun

    def change(self, before: Rollout, after: Rollout, act: Act, *, assign: bool) -> Rollout:
        """Replace a rollout by what became of it; with `assign` its traffic, too.

        Raises MovedOnError if it is no longer `before`, or if others assigned the traffic that is to be replaced.
        """
        with self._database.write() as connection:
            _check_unchanged(connection, before)
            if assign:
                if _assigned_version(connection, before.scope) != before.traffic_version:
                    raise _moved_on(before)
                after = self._assigned(connection, after, act)
                move_models(connection, before, after, actor=act.actor, reason=act.reason, now=act.at)
            after = _write(connection, before, after, act.at)
            _record(connection, after, act)
        return after

    def note(self, before: Rollout, after: Rollout, at: datetime) -> Rollout:
        """Keep what was seen, which is no act. Raises MovedOnError if it is no longer `before`."""
        with self._database.write() as connection:
            _check_unchanged(connection, before)
            return _write(connection, before, after, at)

    def live(self, scope: str) -> Rollout | None:
        """The rollout of a scope that is not over; None if there is none."""
        with self._database.read() as connection:
            found = connection.execute(_live(scope)).mappings().one_or_none()
        return None if found is None else _rollout(found)

    def scopes(self) -> list[str]:
        """The scopes that have, or had, one."""
        query = sa.select(rollouts.c.scope).distinct().order_by(rollouts.c.scope)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def get(self, rollout_id: str) -> Rollout:
        """Raises NotFoundError for no such rollout."""
        query = sa.select(rollouts).where(rollouts.c.rollout_id == rollout_id)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().one_or_none()
        if found is None:
            raise NotFoundError(f"There is no rollout {rollout_id!r}.", mend="See `lintel rollouts list`.")
        return _rollout(found)

    def list(self, scope: str, limit: int | None = None) -> list[Rollout]:
        """The rollouts of a scope, newest first; all of them, or so many."""
        newest = (rollouts.c.began_at.desc(), rollouts.c.rollout_id.desc())
        query = sa.select(rollouts).where(rollouts.c.scope == scope).order_by(*newest).limit(limit)
        with self._database.read() as connection:
            return [_rollout(row) for row in connection.execute(query).mappings()]

    def _assigned(self, connection: sa.Connection, rollout: Rollout, act: Act) -> Rollout:
        version = assign_traffic(
            connection, rollout.scope, rollout.entries(), actor=act.actor, reason=act.reason, now=act.at
        )
        return replace(rollout, traffic_version=version, followed_at=None)


def _live(scope: str) -> sa.Select[Any]:
    return sa.select(rollouts).where(rollouts.c.scope == scope, rollouts.c.state.in_(LIVE))


def _give_way(connection: sa.Connection, live: Rollout, to: Rollout, act: Act) -> None:
    if live.progress.state is not State.WATCHING or not live.is_to_answer:
        raise RefusedError(
            f"Version {live.candidate.version} of {live.scope!r} is being rolled out already.",
            mend="End that first: `lintel rollouts rollback` or `lintel rollouts complete`.",
        )
    told = f"version {to.candidate.version} followed before the watch was over: {act.reason}"
    ended = _write(connection, live, live.ended(State.COMPLETED), act.at)
    _record(connection, ended, replace(act, name="complete", reason=told))


def _champion(connection: sa.Connection, scope: str) -> str | None:
    query = sa.select(traffic.c.bundle).where(traffic.c.scope == scope, traffic.c.mode == Mode.CHAMPION)
    return connection.execute(query).scalar()


def _assigned_version(connection: sa.Connection, scope: str) -> int | None:
    query = sa.select(traffic.c.version).where(traffic.c.scope == scope, traffic.c.mode == Mode.CHAMPION)
    return connection.execute(query).scalar()


def _check_unchanged(connection: sa.Connection, rollout: Rollout) -> None:
    query = sa.select(rollouts.c.changed_at).where(rollouts.c.rollout_id == rollout.rollout_id)
    if not connection.dialect.name.startswith("sqlite"):
        query = query.with_for_update()
    if connection.execute(query).scalar() != to_microseconds(rollout.changed_at):
        raise _moved_on(rollout)


def _moved_on(rollout: Rollout) -> MovedOnError:
    return MovedOnError(
        f"The rollout of version {rollout.candidate.version} of {rollout.scope!r}, or the traffic under it, was "
        "changed a moment ago.",
        mend="Look again (`lintel rollouts status`), then repeat it if it is still what you want.",
    )


def _write(connection: sa.Connection, before: Rollout, after: Rollout, at: datetime) -> Rollout:
    """Each change has a time of its own, which tells it from the one before."""
    changed = replace(after, changed_at=max(at, before.changed_at + timedelta(microseconds=1)))
    where = rollouts.c.rollout_id == before.rollout_id
    connection.execute(sa.update(rollouts).where(where).values(_values(changed)))
    return changed


def _record(connection: sa.Connection, rollout: Rollout, act: Act) -> None:
    record(
        connection,
        tenant=rollout.scope,
        actor=act.actor,
        act=f"rollout.{act.name}",
        subject=f"rollout:{rollout.rollout_id}",
        reason=act.reason,
        details={
            "candidate_version": rollout.candidate.version,
            "champion_version": rollout.champion.version,
            "state": str(rollout.progress.state),
            "share": rollout.share,
            **act.details,
        },
        at=act.at,
    )


def _values(rollout: Rollout) -> dict[str, Any]:
    return {
        "rollout_id": rollout.rollout_id,
        "scope": rollout.scope,
        "state": str(rollout.progress.state),
        "candidate": rollout.candidate.digest,
        "champion": rollout.champion.digest,
        "plan": json.dumps(rollout.plan.to_json(), sort_keys=True),
        "progress": rollout.progress_json(),
        "candidate_version": rollout.candidate.version,
        "champion_version": rollout.champion.version,
        "began_at": to_microseconds(rollout.progress.began_at),
        "changed_at": to_microseconds(rollout.changed_at),
    }


def _rollout(row: Any) -> Rollout:
    kept = json.loads(row["progress"])
    names = kept["names"]
    began = datetime.fromisoformat(kept["step_began_at"])
    progress = Progress(
        State(row["state"]),
        from_microseconds(row["began_at"]),
        kept["step"],
        began,
        moment_of(kept["watch_began_at"]),
    )
    return Rollout(
        rollout_id=row["rollout_id"],
        scope=row["scope"],
        candidate=Version(row["candidate"], names["candidate"], row["candidate_version"]),
        champion=Version(row["champion"], names["champion"], row["champion_version"]),
        plan=Plan.from_json(json.loads(row["plan"])),
        progress=progress,
        changed_at=from_microseconds(row["changed_at"]),
        traffic_version=kept["traffic_version"],
        followed_at=moment_of(kept["followed_at"]),
        decision=kept["decision"],
    )
