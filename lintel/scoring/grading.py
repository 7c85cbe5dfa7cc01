"""Grades A to D: whom the team calls today, this week, later or never, by rank among the tenant's open leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

WORKING_DAYS = 5
MAX_KEPT = 1000
"""Priorities that a ranking keeps: of more leads evenly spaced ones, which tell a percentile to a tenth."""


class Grade(StrEnum):
    """How soon a lead is worth a call."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    @property
    def band(self) -> str:
        """What the team does with leads of this grade."""
        return _BANDS[self]


_BANDS = {
    Grade.A: "call today",
    Grade.B: "call this week",
    Grade.C: "nurture",
    Grade.D: "leave to automation",
}


@dataclass(frozen=True, slots=True)
class Ranking:
    """The open leads of one nightly run by priority, and where the grades begin.

    priorities: (k,) ascending, k <= MAX_KEPT; of all `leads`, or evenly spaced ones of them.
    today, week: least priority of grades A and B; None where no lead has the grade.
    likely: the base rate of winning, below which no lead is an A.
    """

    priorities: Float64
    leads: int
    today: float | None
    week: float | None
    likely: float

    def grade(self, priority: float, chance: float) -> Grade:
        """The grade of a lead with this priority and this P(win); see `ranking` for what it means."""
        if self.today is not None and priority >= self.today and chance >= self.likely:
            return Grade.A
        if self.week is not None and priority >= self.week:
            return Grade.B
        return Grade.C if priority >= float(np.median(self.priorities)) else Grade.D

    def percentile(self, priority: float) -> float:
        """Share of the other open leads with a lower priority, 0 <= share < 100."""
        below = int(np.searchsorted(self.priorities, priority, side="left"))
        kept = len(self.priorities)
        return round(100.0 * min(below, kept - 1) / kept, 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "priorities": self.priorities.tolist(),
            "leads": self.leads,
            "today": self.today,
            "week": self.week,
            "likely": self.likely,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Ranking":
        return cls(**{**content, "priorities": np.array(content["priorities"], np.float64)})


def ranking(priorities: Float64, chances: Float64, *, likely: float, capacity_per_day: int) -> Ranking:
    """Rank n >= 1 open leads of one tenant and size the grades to its team.

    A, call today: the `capacity_per_day` leads with the highest priority among those at least as likely to be won as
    the average lead (`likely`, the base rate): an idle team is no reason to call a lead that is hardly ever won.
    B, call this week: the next by priority, so that A and B together are what the team calls in five working days.
    C, nurture: the rest in the upper half of the list. D, leave to automation: the rest.

    Leads of equal priority have equal chances of a grade: where a border falls among them, all of them are above it.
    The grade never falls as priority or chance of winning rises.

    Parameters
    ----------
    priorities, chances: (n,) priority and P(win), without NaN.
    """
    likeliest = chances >= likely
    today = _least(priorities[likeliest], capacity_per_day)
    graded_a = likeliest & (priorities >= (np.inf if today is None else today))
    week = _least(priorities[~graded_a], WORKING_DAYS * capacity_per_day - int(graded_a.sum()))
    ordered = np.sort(priorities)
    return Ranking(_thinned(ordered), len(ordered), today, week, likely)


def _least(priorities: Float64, places: int) -> float | None:
    """The lowest priority that gets one of the places, highest first; None if nothing does."""
    if places <= 0 or not len(priorities):
        return None
    return float(np.sort(priorities)[-min(places, len(priorities))])


def _thinned(ordered: Float64) -> Float64:
    """At most MAX_KEPT of the values, evenly spaced from the least to the greatest."""
    if len(ordered) <= MAX_KEPT:
        return ordered
    return ordered[np.rint(np.linspace(0, len(ordered) - 1, MAX_KEPT)).astype(np.intp)]
