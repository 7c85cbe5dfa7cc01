"""The state of an episode: a deterministic function of its observable events, numbered from 0.

An open state is (slot, heat, pre-approved). A slot is a stage with what belongs to it: whether a touch of today or
yesterday is unanswered, or in how many days the appointment is due. Heat rises with what the lead visibly does and
falls by one at each local midnight. Closed states come after the open ones.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.world import Stage

HEAT_LEVELS = 5
LATER_DAYS = 3
"""Days until an appointment of BOOK_LATER; one of BOOK_SOON is due tomorrow."""
ARRIVAL_HEAT = 3


class Pending(IntEnum):
    """The newest unanswered touch."""

    NONE = 0
    TODAY = 1
    YESTERDAY = 2


_TOUCHABLE = (Stage.CONTACTED, Stage.ENGAGED, Stage.VIEWED, Stage.OFFER, Stage.NEGOTIATION)
SLOTS: tuple[tuple[Stage, int], ...] = (
    (Stage.NEW, Pending.NONE),
    *((stage, pending) for stage in _TOUCHABLE for pending in Pending),
    *((Stage.BOOKED, days) for days in range(LATER_DAYS + 1)),
)
"""(stage, pending) or, for BOOKED, (stage, days until due)."""
_SLOT = {slot: number for number, slot in enumerate(SLOTS)}

OPEN = len(SLOTS) * HEAT_LEVELS * 2
LOST, ABANDONED, WON, GONE = range(OPEN, OPEN + 4)
"""Closed states. Leads that were LOST or ABANDONED can come back; who opted out is GONE."""
COUNT = OPEN + 4

_GAIN = {
    Cause.BROWSE: 1,
    Cause.OPEN: 1,
    Cause.REPLY: 2,
    Cause.PAPERS: 1,
    Cause.PREAPPROVE: 2,
    Cause.BOOK_SOON: 2,
    Cause.BOOK_LATER: 2,
    Cause.SHOW: 2,
    Cause.NO_SHOW: -HEAT_LEVELS,
    Cause.CANCEL: -2,
    Cause.OFFER_REQUEST: 2,
    Cause.OFFER_RETURN: 2,
    Cause.DECLINE: -2,
}


@dataclass(frozen=True, slots=True)
class States:
    """Tables over state numbers."""

    stage: NDArray[np.int64]  # (OPEN,)
    pending: NDArray[np.int64]  # (OPEN,) position in Pending
    days_to_due: NDArray[np.int64]  # (OPEN,) -1 where no appointment is booked
    heat: NDArray[np.int64]  # (OPEN,)
    preapproved: NDArray[np.int64]  # (OPEN,)
    following: NDArray[np.int64]  # (COUNT, causes) the state after a cause
    next_morning: NDArray[np.int64]  # (COUNT,) the state after a local midnight


def number(stage: Stage, detail: int, heat: int, preapproved: int) -> int:
    """The number of an open state; `detail` is the pending touch or the days until due."""
    return (_SLOT[stage, detail] * HEAT_LEVELS + heat) * 2 + preapproved


def arrival() -> int:
    """The state of an episode that has just begun; a pre-approval of an earlier episode has expired."""
    return number(Stage.NEW, Pending.NONE, ARRIVAL_HEAT, 0)


@cache
def states() -> States:
    """The one state space of all worlds."""
    slot, rest = np.divmod(np.arange(OPEN), HEAT_LEVELS * 2)
    heat, preapproved = np.divmod(rest, 2)
    stage = np.array([SLOTS[s][0] for s in slot])
    detail = np.array([SLOTS[s][1] for s in slot])
    booked = stage == Stage.BOOKED
    return States(
        stage=stage,
        pending=np.where(booked, 0, detail),
        days_to_due=np.where(booked, detail, -1),
        heat=heat,
        preapproved=preapproved,
        following=np.array([[_after(state, cause) for cause in Cause] for state in range(COUNT)]),
        next_morning=np.array([_morning(state) for state in range(COUNT)]),
    )


def _parts(state: int) -> tuple[Stage, int, int, int]:
    slot, rest = divmod(state, HEAT_LEVELS * 2)
    return (*SLOTS[slot], *divmod(rest, 2))


def _after(state: int, cause: Cause) -> int:
    if cause is Cause.CREATE:
        return arrival()
    if state >= OPEN:
        back = cause in {Cause.RETURN, Cause.REPLY} and state < WON
        return arrival() if back else state
    closed = {Cause.LOSE: LOST, Cause.ABANDON: ABANDONED, Cause.WIN: WON, Cause.OPT_OUT: GONE}
    if cause in closed:
        return closed[cause]
    stage, detail, heat, preapproved = _parts(state)
    heat = min(max(heat + _GAIN.get(cause, 0), 0), HEAT_LEVELS - 1)
    stage, detail = _slot_after(stage, detail, cause)
    return number(stage, detail, heat, int(preapproved or cause is Cause.PREAPPROVE))


def _slot_after(stage: Stage, detail: int, cause: Cause) -> tuple[Stage, int]:
    moves = {
        Cause.BOOK_SOON: (Stage.BOOKED, 1),
        Cause.BOOK_LATER: (Stage.BOOKED, LATER_DAYS),
        Cause.SHOW: (Stage.VIEWED, Pending.NONE),
        Cause.NO_SHOW: (Stage.ENGAGED, Pending.NONE),
        Cause.CANCEL: (Stage.ENGAGED, Pending.NONE),
        Cause.OFFER_REQUEST: (Stage.OFFER, Pending.NONE),
        Cause.OFFER_SENT: (Stage.NEGOTIATION, Pending.NONE),
        Cause.DECLINE: (Stage.VIEWED, Pending.NONE),
    }
    if cause in moves:
        return moves[cause]
    if cause is Cause.TOUCH and stage is not Stage.BOOKED:
        return max(stage, Stage.CONTACTED), Pending.TODAY
    if cause is Cause.REPLY and stage is not Stage.BOOKED:
        return max(stage, Stage.ENGAGED), Pending.NONE
    return stage, detail


def _morning(state: int) -> int:
    if state >= OPEN:
        return state
    stage, detail, heat, preapproved = _parts(state)
    if stage is Stage.BOOKED:
        detail = max(detail - 1, 0)
    else:
        detail = Pending.YESTERDAY if detail == Pending.TODAY else Pending.NONE
    return number(stage, detail, max(heat - 1, 0), preapproved)
