"""Whether a day brought as many events as such days do, by the tenant's own weeks.

Counts of a weekday are taken to a scale on which their spread does not depend on their size (the inverse hyperbolic
sine of the root: Anscombe 1948, for counts whose variance is mean + dispersion x mean^2). There a day is held against
the same weekday of the weeks before: their winsorised mean, and a spread pooled over all weekdays. What is left of a
new day is Student's t, so that an alarm has a stated chance however long the history, and single outages or holidays
in it do not move what is expected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from lintel.events.timezones import MICROSECONDS_PER_DAY, UtcOffsets

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

WEEKS = 12
"""Of history that a day is held against: enough for the spread, short enough to follow a business that grows."""
FEWEST_WEEKS = 4
FALSE_ALARM_RATE = 0.001
"""Chance that an ordinary day is told, both sides together: once in some three years."""
_WEEK = 7
_WINSOR = 2.5  # standard deviations
_WINSORISED_VARIANCE = 0.9776  # of a standard normal variable that is cut there
_DISPERSIONS = np.concatenate(([0.0], np.geomspace(1e-4, 4.0, 48)))
_NORMAL_MAD = 0.6745  # median absolute deviation of a standard normal variable


@dataclass(frozen=True, slots=True)
class DayVolume:
    """The events of one day, and between which counts they were to lie."""

    date: date
    events: int
    expected: float
    at_least: int
    at_most: int

    @property
    def ordinary(self) -> bool:
        return self.at_least <= self.events <= self.at_most


def judge_days(
    first: date, counts: Sequence[int], days: int, false_alarm_rate: float = FALSE_ALARM_RATE
) -> list[DayVolume]:
    """Judge the last `days` of daily counts that begin at `first`, each by the weeks before it.

    `false_alarm_rate` is the chance of one alarm or more among them. Days with fewer than FEWEST_WEEKS before them are
    left out.
    """
    values = np.asarray(counts, np.int64)
    places = range(max(len(values) - days, FEWEST_WEEKS * _WEEK), len(values))
    judged = []
    for place in places:
        low, expected, high = interval(values[max(place - WEEKS * _WEEK, 0) : place], false_alarm_rate / days)
        judged.append(DayVolume(first + timedelta(days=place), int(values[place]), expected, low, high))
    return judged


def interval(history: Int64, false_alarm_rate: float) -> tuple[int, float, int]:
    """(fewest, expected, most) events of the day after `history`, (n,) counts of the days before it, n >= 28."""
    whole = history[len(history) % _WEEK :].reshape(-1, _WEEK)  # (weeks, 7): the new day's weekday is the first
    weeks = len(whole)
    dispersion = _dispersion(whole)
    scaled = _stabilised(whole, dispersion)
    centre, spread = _fitted(scaled)
    freedom = _WEEK * (weeks - 1)
    reach = float(student.isf(false_alarm_rate / 2, freedom)) * spread * np.sqrt(1 + 1 / weeks)
    middle = float(centre[0])
    low, expected, high = (_counts(middle + shift, dispersion) for shift in (-reach, 0.0, reach))
    return max(int(np.ceil(low)), 0), max(expected, 0.0), max(int(np.floor(high)), 0)


def _fitted(scaled: Float64) -> tuple[Float64, float]:
    """(7,) winsorised mean of each weekday, and the pooled spread about them, at least that of chance alone."""
    middle = np.median(scaled, axis=0)
    rough = max(float(np.median(np.abs(scaled - middle))) / _NORMAL_MAD, 1.0)
    cut = np.clip(scaled - middle, -_WINSOR * rough, _WINSOR * rough)
    centre = middle + cut.mean(axis=0)
    left = np.clip(scaled - centre, -_WINSOR * rough, _WINSOR * rough)
    freedom = scaled.size - _WEEK
    spread = float(np.sqrt((left**2).sum() / freedom / _WINSORISED_VARIANCE))
    return centre, max(spread, 1.0)


def _dispersion(whole: Int64) -> float:
    """The least dispersion with which the spread on the stabilised scale is that of chance alone."""
    for dispersion in _DISPERSIONS:
        scaled = _stabilised(whole, float(dispersion))
        off = np.abs(scaled - np.median(scaled, axis=0))
        freedom = np.sqrt(whole.size / (whole.size - _WEEK))
        if float(np.median(off)) * freedom / _NORMAL_MAD <= 1.0:
            return float(dispersion)
    return float(_DISPERSIONS[-1])


def _stabilised(counts: Int64 | Float64, dispersion: float) -> Float64:
    """Counts on a scale on which they spread by about 1."""
    root: Float64 = np.sqrt(np.asarray(counts, float) + 3 / 8)
    if dispersion == 0:
        return 2 * root
    slope = np.sqrt(dispersion)
    found: Float64 = 2 / slope * np.arcsinh(slope * root)
    return found


def _counts(scaled: float, dispersion: float) -> float:
    """The count at a place of the stabilised scale; what lies before the scale's beginning is less than none."""
    if dispersion == 0:
        root = scaled / 2
    else:
        slope = np.sqrt(dispersion)
        root = float(np.sinh(slope * scaled / 2) / slope)
    return float(np.sign(root) * root**2 - 3 / 8)


def daily_counts(moments: Int64, zone: UtcOffsets, clock: int) -> tuple[date, list[int]] | None:
    """The first local day of (n,) moments and the events of each day from there; the days that the clock (UTC µs) has
    ended. None if there is none."""
    days = zone.local(moments) // MICROSECONDS_PER_DAY
    today = int(zone.local(np.array([clock]))[0]) // MICROSECONDS_PER_DAY
    past = days[days < today]
    if not len(past):
        return None
    first = int(past.min())
    return date(1970, 1, 1) + timedelta(days=first), np.bincount(past - first, minlength=today - first).tolist()
