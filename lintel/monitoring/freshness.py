"""Whether the newest event of a tenant is older than it should be, by the tenant's own hours of the week.

Age in hours says little: a Sunday night is always quiet. So quiet is measured in events that should have come
meanwhile, by the hour of the week; and how much of it is usual is asked of the same moment on each of the days before,
as the store would have answered then.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

DAYS = 84
"""Earlier days at whose same moment the age is looked at."""
FEWEST_DAYS = 28
FALSE_ALARM_RATE = 0.001
"""Chance that an ordinary moment is called stale, where the quiet before a moment is spread as waiting times are."""
_HOUR = 3_600_000_000  # µs
_DAY, _WEEK = 24 * _HOUR, 168 * _HOUR
_LATE = 14 * _DAY  # what came in later than this was loaded as history, not as it happened
_WINSOR = 3.0  # medians
_LONGEST = 2.0
"""Times the longest quiet before: the bound where quiet is regular, as between weekly imports."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """`quiet`: events that were to be expected since the newest one; `at_most`: how many may be; hours since."""

    quiet: float
    at_most: float
    hours: float

    @property
    def stale(self) -> bool:
        return self.quiet > self.at_most


def freshness(known: Int64, ingested: Int64, now: int, false_alarm_rate: float = FALSE_ALARM_RATE) -> Freshness | None:
    """Judge the newest of n events that were known at `known` and came in at `ingested` (UTC µs) as of `now`.

    None if the log does not go back FEWEST_DAYS, or was quiet for most of them.
    """
    arrived = np.where(ingested - known <= _LATE, np.maximum(known, ingested), known)
    order = np.argsort(arrived, kind="stable")
    arrived, newest = arrived[order], np.maximum.accumulate(known[order])
    days = min(DAYS, (now - int(arrived[0])) // _DAY if len(arrived) else 0)
    if days < FEWEST_DAYS:
        return None
    moments = now - _DAY * np.arange(days + 1, dtype=np.int64)
    seen = np.searchsorted(arrived, moments, side="right") - 1
    last = np.minimum(newest[np.maximum(seen, 0)], moments)
    pace = _Pace(known, int(moments[-1]), now)
    quiet = pace.expected(last, moments)
    past = quiet[last < last[0]]  # not those of this same stretch of quiet, which grew with it
    if len(past) < FEWEST_DAYS // 2:
        return None
    limit = min(_usual(past) * float(fisher.isf(false_alarm_rate, 2, 2 * len(past))), _LONGEST * float(past.max()))
    return Freshness(float(quiet[0]), max(limit, 1.0), float((now - last[0]) / _HOUR))


def _usual(quiet: Float64) -> float:
    """Mean quiet before a moment, which single outages do not move."""
    middle = float(np.median(quiet))
    winsorised = float(np.minimum(quiet, _WINSOR * middle / np.log(2)).mean())
    return max(middle / np.log(2), winsorised)


class _Pace:
    """Events to be expected by the hour of the week: their mean over the weeks from `since` to `until`."""

    def __init__(self, known: Int64, since: int, until: int) -> None:
        recent = known[(known >= since) & (known < until)]
        counts = np.bincount((recent % _WEEK) // _HOUR, minlength=168).astype(float)
        weeks = (until - since) / _WEEK
        self._hourly = (counts + 0.01 * counts.mean()) / weeks  # no hour is without hope
        self._before = np.concatenate(([0.0], np.cumsum(self._hourly)))

    def expected(self, start: Int64, end: Int64) -> Float64:
        """Events expected between each `start` and `end`."""
        found: Float64 = self._until(end) - self._until(start)
        return found

    def _until(self, moment: Int64) -> Float64:
        """Events expected from the epoch on."""
        whole, rest = np.divmod(moment, _WEEK)
        hour, inside = np.divmod(rest, _HOUR)
        found: Float64 = whole * self._before[-1] + self._before[hour] + inside / _HOUR * self._hourly[hour]
        return found
