"""What a rollout does to the states of the two versions that take part in it."""

from datetime import datetime

import sqlalchemy as sa

from lintel.registry.actor import Actor, ActorKind
from lintel.registry.lifecycle import State as ModelState
from lintel.registry.lifecycle import crown, may_follow, move_state, read_state
from lintel.rollouts.decision import State
from lintel.rollouts.rollout import Rollout


def move_models(
    connection: sa.Connection, before: Rollout | None, after: Rollout, *, actor: Actor, reason: str, now: datetime
) -> None:
    """Move both inside the caller's write transaction, as the change of the rollout asks; `before` is None at first.

    At the start a candidate that may not answer is refused (IncompatibleError). Later on what cannot be moved stays
    where it is: nothing stands in the way of a rollback.
    """
    scope, candidate, champion = after.scope, after.candidate.version, after.champion.version
    if before is None:
        move_state(connection, scope, candidate, ModelState.ROLLING, actor=actor, reason=reason, now=now)
    elif after.progress.state is State.ROLLED_BACK:
        undone = _undone(actor, was_champion=before.is_watching and before.is_to_answer)
        _move_if_possible(connection, scope, candidate, undone, actor=actor, reason=reason, now=now)
        _crown_if_possible(connection, scope, champion, actor=actor, reason=reason, now=now)
    elif not after.is_to_answer:
        if after.progress.state is State.COMPLETED:
            _move_if_possible(connection, scope, candidate, ModelState.APPROVED, actor=actor, reason=reason, now=now)
    elif after.is_watching or after.progress.state is State.COMPLETED:
        _crown_if_possible(connection, scope, candidate, actor=actor, reason=reason, now=now)


def _undone(actor: Actor, *, was_champion: bool) -> ModelState:
    """A machine goes back because the candidate is bad; a person may have any reason, and it may come again."""
    if actor.kind is ActorKind.MACHINE:
        return ModelState.REJECTED
    return ModelState.RETIRED if was_champion else ModelState.APPROVED


def _move_if_possible(
    connection: sa.Connection, scope: str, version: int, to: ModelState, *, actor: Actor, reason: str, now: datetime
) -> None:
    if may_follow(connection, read_state(connection, scope, version), to):
        move_state(connection, scope, version, to, actor=actor, reason=reason, now=now)


def _crown_if_possible(
    connection: sa.Connection, scope: str, version: int, *, actor: Actor, reason: str, now: datetime
) -> None:
    present = read_state(connection, scope, version)
    if present.state is ModelState.CHAMPION or may_follow(connection, present, ModelState.CHAMPION):
        crown(connection, scope, version, actor=actor, reason=reason, now=now)
