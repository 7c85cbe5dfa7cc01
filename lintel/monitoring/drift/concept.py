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

    `error` is outcome minus probability (level), and the same times how far the forecast lay from the mean one, -1 to 1
    (sureness): the one sees the level move, the other the forecasts lose their skill, or gain some. `slack` is how far
    each may be off, upward and downward, while the forecasts count as right.
    """

    at: NDArray[np.int64]  # (m,) UTC µs, never falling
    error: Float64  # (2, m) level and sureness, each within -1 to 1
    slack: Float64  # (2, 2, m) of level and sureness; upward and downward

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
    *,
    interval: tuple[Float64, Float64],
) -> Matured:
    """One entry a lead from n rows, (n,) each: rows of a lead share much of their outcome, so that they are averaged,
    and count when the last of them is known.

    `interval`: low and high end of the calibrated rate of leads scored like each row's, as told with its score. A
    calibration is an estimate, the coarser the fewer leads it was made of, and no drift if it is off by its own doubt.
    """
    _, code = np.unique(lead, return_inverse=True)
    mass = np.bincount(code, weight)
    sureness, error = _sureness(probability, weight), outcome - probability
    up, down = _reach(probability, interval)
    sure_up, sure_down = (
        np.where(sureness > 0, one, other) * np.abs(sureness) for one, other in ((up, down), (down, up))
    )
    rows = (error, sureness * error, up, down, sure_up, sure_down)
    means = np.array([np.bincount(code, weight * one) / mass for one in rows]).reshape(len(rows), -1)
    at = np.full(len(mass), np.iinfo(np.int64).min)
    np.maximum.at(at, code, known_from)
    order = np.argsort(at, kind="stable")
    return Matured(at[order], means[:2, order], means[2:, order].reshape(2, 2, -1))


def watch(matured: Matured, *, run_length: float = RUN_LENGTH) -> Concept:
    """The first alarm of a Shiryaev-Roberts e-detector, and from which lead on the forecasts were off.

    Each bet multiplies its stake by 1 + λ (error - slack) a lead, for errors upward, and likewise downward: as long as
    forecasts are right within the slack, no bet gains in the mean, wherever within it the truth lies. Begun anew at
    every lead and summed, and averaged over bets, it exceeds `run_length` after at least `run_length` leads in the
    mean, whatever the forecasts are.
    Shin, Ramdas, Rinaldo (2023), "E-detectors: a nonparametric framework for sequential change detection", New England
    J. Stat. Data Sci. 2, 229-260.
    """
    if not len(matured):
        return Concept(None, None, float("-inf"), None)
    error = matured.error
    gains = np.stack((error, -error), axis=1).reshape(4, -1) - matured.slack.reshape(4, -1)
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


def _sureness(probability: Float64, weight: Float64) -> Float64:
    """How far each forecast lies from the mean one, in log-odds over _REACH, -1 to 1."""
    log_odds = np.log(probability) - np.log1p(-probability)
    middle = np.average(log_odds, weights=weight) if len(log_odds) else 0.0
    found: Float64 = np.clip((log_odds - middle) / _REACH, -1.0, 1.0)
    return found


def _reach(probability: Float64, interval: tuple[Float64, Float64]) -> tuple[Float64, Float64]:
    """How far the rate may lie above and below the forecast: to the interval's end, or TOLERANCE if that is more."""
    least = TOLERANCE * np.sqrt(probability * (1.0 - probability))
    low, high = interval
    return np.maximum(high - probability, least), np.maximum(probability - low, least)
