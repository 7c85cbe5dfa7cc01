"""Where each lead stands at an as-of time: nothing known yet, open, or closed with an outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, NULL, EventColumns
from lintel.events.kinds import kind_codes
from lintel.labels.definition import CAUSES, LabelSet, Timing
from lintel.labels.episodes import find_episodes


class Standing(StrEnum):
    UNKNOWN = "unknown"
    """No event was known at the as-of time."""
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OutcomeKinds:
    """Kinds of which the first ends an episode, and the word for each: won, lost or silent, else the kind itself.

    Several may end it in the same instant; the word of the first of them in this order is the outcome.
    """

    words: Mapping[str, str]

    @property
    def ends(self) -> tuple[str, ...]:
        return tuple(self.words)

    @classmethod
    def of(cls, labels: LabelSet) -> "OutcomeKinds":
        words: dict[str, str] = {}
        timing = labels.dimensions.get("timing")
        if isinstance(timing, Timing):
            for cause, deciding in zip(CAUSES, timing.causes, strict=True):
                words |= {kind: cause for kind in deciding if kind in labels.ends}
        return cls(words | {kind: kind for kind in labels.ends if kind not in words})


DELETED = "deleted"
"""The outcome of a lead whose contact is gone from the CRM."""


@dataclass(frozen=True, slots=True)
class Standings:
    """By lead code: the standing and, where closed, the outcome and when (UTC µs, NULL if not closed)."""

    standing: tuple[Standing, ...]
    outcome: tuple[str | None, ...]
    closed_at: NDArray[np.int64]


def standings(columns: EventColumns, leads: int, as_of: int, kinds: OutcomeKinds) -> Standings:
    """Where the `leads` leads of `columns` stand at `as_of` (UTC µs), as far as was known then.

    A lead with several episodes is open while one of them is; else the last outcome is its own. A contact that was
    deleted in the CRM is closed for good: nobody can call it.
    """
    episodes = find_episodes(columns, kinds.ends, log_end=as_of)
    standing = [Standing.UNKNOWN] * leads
    outcome: list[str | None] = [None] * leads
    closed_at = np.full(leads, NULL)
    for lead, closed in zip(episodes.lead.tolist(), episodes.closed_at.tolist(), strict=True):
        if closed == NEVER:
            standing[lead] = Standing.OPEN
        elif standing[lead] is not Standing.OPEN:
            standing[lead] = Standing.CLOSED
            closed_at[lead] = max(closed_at[lead], closed)
    closed_at[[one is Standing.OPEN for one in standing]] = NULL
    for lead in np.flatnonzero(closed_at != NULL).tolist():
        outcome[lead] = _word(columns, lead, int(closed_at[lead]), as_of, kinds)
    for lead, deleted in _deletions(columns, as_of).items():
        standing[lead], outcome[lead], closed_at[lead] = Standing.CLOSED, DELETED, deleted
    return Standings(tuple(standing), tuple(outcome), closed_at)


def _deletions(columns: EventColumns, as_of: int) -> dict[int, int]:
    """Lead code -> when its contact was deleted, as far as was known at `as_of`."""
    seen = (columns.occurred_at <= as_of) & (columns.known_at <= as_of)
    rows = np.flatnonzero(seen & (columns.kind == kind_codes()["lead.deleted"]))
    return dict(zip(columns.lead[rows].tolist(), columns.occurred_at[rows].tolist(), strict=True))


def _word(columns: EventColumns, lead: int, closed_at: int, as_of: int, kinds: OutcomeKinds) -> str | None:
    """The outcome among the lead's events of that instant, as far as they were known."""
    own = slice(*np.searchsorted(columns.lead, [lead, lead + 1]))
    told = (columns.occurred_at[own] == closed_at) & (columns.known_at[own] <= as_of)
    codes = set(columns.kind[own][told].tolist())
    return next((word for kind, word in kinds.words.items() if kind_codes()[kind] in codes), None)
