"""What was known of the market when: the tenant's market series as arrays, and the as-of rule over them.

As of T a series shows its newest observation with observed_at <= T and published_at <= T, in the newest vintage with
published_at <= T. A revision is a later vintage of the same observation, so that it never changes an earlier answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.market.metrics import METRICS

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

_REACH: Sequence[int] = tuple(metric.reach_days * MICROSECONDS_PER_DAY for metric in METRICS.values())


@dataclass(frozen=True, eq=False)
class ContextColumns:
    """n vintages of market series, sorted by (metric, national, observed_at, published_at), each four once.

    All leads of a tenant share them: they are the series of the tenant's own area and the national ones. Times are UTC
    µs since the epoch.
    """

    metric: NDArray[np.int8]  # (n,) position in METRICS
    national: NDArray[np.bool_]  # (n,) whether of the country instead of the tenant's own area
    observed_at: Int64  # (n,)
    published_at: Int64  # (n,) >= observed_at
    value: Float64  # (n,)

    def __len__(self) -> int:
        return len(self.metric)

    @classmethod
    def empty(cls) -> "ContextColumns":
        """No series at all: every feature of the market is absent."""
        times = np.zeros(0, np.int64)
        return cls(np.zeros(0, np.int8), np.zeros(0, np.bool_), times, times, np.zeros(0))

    @classmethod
    def of(cls, rows: Sequence[tuple[int, bool, int, int, float]]) -> "ContextColumns":
        """From rows (metric, national, observed_at, published_at, value) in any order."""
        if not rows:
            return cls.empty()
        metric, national, observed_at, published_at, value = zip(*sorted(rows), strict=True)
        return cls(
            np.array(metric, np.int8),
            np.array(national, np.bool_),
            np.array(observed_at, np.int64),
            np.array(published_at, np.int64),
            np.array(value, np.float64),
        )

    @cached_property
    def series(self) -> Mapping[tuple[int, bool], "Series"]:
        """By metric and whether it is national."""
        edges = np.flatnonzero((self.metric[1:] != self.metric[:-1]) | (self.national[1:] != self.national[:-1])) + 1
        parts = [part for part in np.split(np.arange(len(self)), edges) if len(part)]
        return {
            (int(self.metric[part[0]]), bool(self.national[part[0]])): Series.of(
                self.observed_at[part], self.published_at[part], self.value[part]
            )
            for part in parts
        }

    def reading(self, metric: int, as_of: Int64) -> "Reading | None":
        """What was known of a metric as of each time of `as_of`, (q,); None if there is no series of it."""
        known: list[_Known] = []
        for national in (False, True):
            if (metric, national) in self.series and not (known and known[0].everywhere):
                known.append(_Known.of(self.series[metric, national], as_of, _REACH[metric]))
        return Reading.of(known) if known else None


NO_CONTEXT = ContextColumns.empty()


@dataclass(frozen=True, slots=True)
class Series:
    """v vintages of d observations of one metric in one area, indexed for look-ups by date and as-of time."""

    observed_at: Int64  # (d,) ascending
    first_published: Int64  # (d,) when an observation was published first
    publications: Int64  # (m,) all times of publication, ascending
    key: Int64  # (v,) ascending: position of the date times (m + 1), plus 1 + position of the publication
    value: Float64  # (v,)

    @classmethod
    def of(cls, observed_at: Int64, published_at: Int64, value: Float64) -> "Series":
        """From vintages sorted by (observed_at, published_at)."""
        dates, first, date = np.unique(observed_at, return_index=True, return_inverse=True)
        publications, publication = np.unique(published_at, return_inverse=True)
        return cls(dates, published_at[first], publications, date * (len(publications) + 1) + publication + 1, value)

    def newest(self, limit: Int64, as_of: Int64) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of the observations up to `limit` that had been published by `as_of`, (q,) both, the newest: position of its
        date, -1 if there is none, and of its newest vintage by then."""
        date = self.observed_at.searchsorted(limit, side="right") - 1
        published = self.publications.searchsorted(as_of, side="right")
        date[published == 0] = -1
        while (unpublished := (date >= 0) & (self.first_published[date] > as_of)).any():
            date -= unpublished
        vintage = self.key.searchsorted(date * (len(self.publications) + 1) + published, side="right") - 1
        return date, vintage


@dataclass(frozen=True, slots=True)
class _Known:
    """What one series showed as of q times: its newest value, NaN if there was none that still spoke, and its date."""

    series: Series
    as_of: Int64
    reach: int  # µs
    value: Float64
    observed_at: Int64

    @classmethod
    def of(cls, series: Series, as_of: Int64, reach: int) -> "_Known":
        date, vintage = series.newest(as_of, as_of)
        observed_at = series.observed_at[date]
        speaks = (date >= 0) & (as_of - observed_at < reach)
        return cls(series, as_of, reach, np.where(speaks, series.value[vintage], np.nan), observed_at)

    @property
    def everywhere(self) -> bool:
        return not np.isnan(self.value).any()

    def before(self, window: int) -> Float64:
        """The value that the series had `window` µs before its newest observation, as it is known now: both come from
        what was published by the as-of time, so that an index that is rebased does not jump."""
        limit = self.observed_at - window
        date, vintage = self.series.newest(limit, self.as_of)
        speaks = (date >= 0) & (limit - self.series.observed_at[date] < self.reach) & ~np.isnan(self.value)
        return np.where(speaks, self.series.value[vintage], np.nan)


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric as of q times: of the tenant's own area where that was known, else of the country."""

    known: Sequence[_Known]  # one or two, the own area first
    level: Float64  # (q,) the newest value, NaN if nothing was known

    @classmethod
    def of(cls, known: Sequence[_Known]) -> "Reading":
        return cls(known, _first(known, [one.value for one in known]))

    def before(self, window: int) -> Float64:
        """(q,) the value `window` µs earlier in the series that `level` is of, NaN if it was not known."""
        return _first(self.known, [one.before(window) for one in self.known])


def _first(known: Sequence[_Known], values: Sequence[Float64]) -> Float64:
    """Values of the first series where that was known, else of the second."""
    return values[0] if len(values) == 1 else np.where(np.isnan(known[0].value), values[1], values[0])
