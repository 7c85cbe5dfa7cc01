"""What is to be done with a rollout, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a rollout stands; the first four are live, and a scope has at most one of those."""

    RUNNING = "running"
    HELD = "held"
    """By a person."""
    INCONCLUSIVE = "inconclusive"
    """It could not be decided in the time it had, or lacks traffic; it holds where it is until a person decides."""
    WATCHING = "watching"
    """The candidate answers everybody; the way back is armed until outcomes have matured."""
    COMPLETED = "completed"
    ROLLED_BACK = "rolled-back"


LIVE = (State.RUNNING, State.HELD, State.INCONCLUSIVE, State.WATCHING)


class Action(StrEnum):
    """What a judgement asks for."""

    STEP = "step"
    """Go to the next step; after the last one, watch."""
    HOLD = "hold"
    ROLL_BACK = "roll-back"
    INCONCLUSIVE = "inconclusive"
    COMPLETE = "complete"
    """The watch is over: the candidate is the champion for good."""


class Standing(StrEnum):
    """What one gate says."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    """Not enough is known yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One gate's word: `figure` beside its `bound` (None where there is no number yet), in one sentence."""

    gate: str
    standing: Standing
    figure: float | None
    bound: float | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("gate", "standing", "figure", "bound", "sentence")}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout has come. `step` is a position in the plan's steps; None before the first."""

    state: State
    began_at: datetime
    step: int | None
    step_began_at: datetime
    watch_began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and the findings it rests on; `reason` is one sentence for the record."""

    action: Action
    reason: str
    findings: tuple[Finding, ...] = ()
