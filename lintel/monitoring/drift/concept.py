"""Concept drift: whether matured outcomes still keep what the forecasts promised, watched one lead after another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

RUN_LENGTH = 50_000
"""Leads between two false alarms, in the mean and at the least."""
TOLERANCE = 0.05
"""Standard deviations of an outcome by which a forecast may be off and still counts as right."""
_BETS = (0.1, 0.2, 0.4, 0.8)
_REACH = 2.0
"""Log-odds from the mean at which a forecast counts as fully sure."""


@dataclass(frozen=True, slots=True)
class Matured:
    """Forecasts of m leads and what became of them, in the order in which that was known. A lead is one entry.

    `error` is outcome minus probability, `sureness` the same times how far the forecast lay from the mean one (-1 to
    1): the one sees the level move, the other the forecasts lose their skill, or gain some. `slack` is what each may be
    off by.
    """

    at: NDArray[np.int64]  # (m,) UTC µs, never falling
    error: Float64  # (2, m) level and sureness, each within -1 to 1
    slack: Float64  # (2, m)

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Concept:
    """What the test says after its last lead. Positions are among the m leads; None without an alarm."""

    alarm: int | None
    since: int | None
    evidence: float  # log of the e-detector's largest value over its threshold: above 0 is an alarm
    direction: str | None  # "level up", "level down", "surer than it should be", "less sure than it could be"


_DIRECTIONS = ("level up", "level down", "less sure than it could be", "surer than it should be")


def matured_leads(
    outcome: NDArray[np.bool_],
    probability: Float64,
    weight: Float64,
    lead: NDArray[np.integer],
    known_from: NDArray[np.int64],
) -> Matured:
    """One entry a lead from n rows, (n,) each: rows of a lead share much of their outcome, so that they are averaged,
    and count when the last of them is known."""
    _, code = np.unique(lead, return_inverse=True)
    mass = np.bincount(code, weight)
    log_odds = np.log(probability) - np.log1p(-probability)
    sureness = np.clip((log_odds - np.average(log_odds, weights=weight)) / _REACH if len(lead) else log_odds, -1, 1)
    deviation = np.sqrt(probability * (1.0 - probability))
    rows = (outcome - probability, sureness * (outcome - probability), deviation, np.abs(sureness) * deviation)
    level, slope, slack, slope_slack = (np.bincount(code, weight * one) / mass for one in rows)
    at = np.full(len(mass), np.iinfo(np.int64).min)
    np.maximum.at(at, code, known_from)
    order = np.argsort(at, kind="stable")
    error, allowed = np.stack((level, slope)), TOLERANCE * np.stack((slack, slope_slack))
    return Matured(at[order], error[:, order], allowed[:, order])


def watch(matured: Matured, *, run_length: float = RUN_LENGTH) -> Concept:
    """The first alarm of a Shiryaev-Roberts e-detector, and from which lead on the forecasts were off.

    Each bet multiplies its stake by 1 + λ (error - slack) a lead, for errors upward, and likewise downward: as long as
    forecasts are right within the slack, no bet gains in the mean. Begun anew at every lead and summed, and averaged
    over bets, it exceeds `run_length` after at least `run_length` leads in the mean, whatever the forecasts are.
    Shin, Ramdas, Rinaldo (2023), "E-detectors: a nonparametric framework for sequential change detection", New England
    J. Stat. Data Sci. 2, 229-260.
    """
    if not len(matured):
        return Concept(None, None, float("-inf"), None)
    gains = np.stack([sign * matured.error[kind] - matured.slack[kind] for kind in (0, 1) for sign in (1.0, -1.0)])
    growth = np.cumsum(np.log1p(np.array(_BETS)[:, None, None] * gains), axis=2).reshape(-1, len(matured))
    before = np.concatenate((np.zeros((len(growth), 1)), growth[:, :-1]), axis=1)
    wealth = growth + np.logaddexp.accumulate(-before, axis=1)
    total = np.logaddexp.reduce(wealth, axis=0) - np.log(len(wealth))
    evidence = total - np.log(run_length)
    raised = evidence >= 0
    if not raised.any():
        return Concept(None, None, float(evidence.max()), None)
    alarm = int(np.argmax(raised))
    strongest = int(np.argmax(wealth[:, alarm]))
    since = int(np.argmin(before[strongest, : alarm + 1]))
    return Concept(alarm, since, float(evidence.max()), _DIRECTIONS[strongest % len(_DIRECTIONS)])
