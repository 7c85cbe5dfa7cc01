"""Observations of market series, checked at the door: a bad one is set aside with its reason, the others go on."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lintel.events.validation import FUTURE_TOLERANCE, Rejection
from lintel.market.metrics import METRICS

LONGEST_AREA = 100  # characters
LONGEST_DELAY = timedelta(days=366)
"""How far ahead of our clock a publication may lie: a usual delay is added to a date, not looked up."""

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Observation:
    """One published number of a market series.

    `observed_at` is the date that the publisher gives it, `published_at` when it could be known. Where the source does
    not say the latter, it is `assumed`: the date plus the usual delay.
    """

    area: str
    metric: str
    observed_at: datetime
    published_at: datetime
    value: float
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class MarketBatch:
    """Observations of one file, the file's own name of each one's place, and the rows that could not be read."""

    observations: tuple[Observation, ...]
    places: tuple[str, ...]
    rejected: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedObservations:
    """Observations that passed, with their places, and those that did not."""

    good: tuple[tuple[str, Observation], ...]
    rejected: tuple[Rejection, ...]


def check_observations(
    observations: Sequence[Observation], *, now: datetime, places: Sequence[str] | None = None
) -> CheckedObservations:
    """Check each one. `places` are the source's own names of them, "row N" from 1 by default; `now` the wall clock."""
    named = places if places is not None else [f"row {number}" for number in range(1, len(observations) + 1)]
    good, rejected = [], []
    for place, one in zip(named, observations, strict=True):
        fault = _fault(one, now)
        if fault:
            rejected.append(Rejection(place, *fault))
        else:
            good.append((place, one))
    return CheckedObservations(tuple(good), tuple(rejected))


def _fault(one: Observation, now: datetime) -> tuple[str, str] | None:
    """The column at fault and the reason, or None."""
    metric = METRICS.get(one.metric)
    if metric is None:
        return "metric", f"is not one of {', '.join(METRICS)}"
    if area_fault := fault_of_area(one.area):
        return "area", area_fault
    if isinstance(one.value, bool) or not isinstance(one.value, int | float) or not math.isfinite(one.value):
        return "value", "is not a finite number"
    if not 0 <= one.value <= metric.highest:
        return "value", f"is outside of 0 to {metric.highest:g} {metric.unit}"
    return _fault_of_times(one, now)


def _fault_of_times(one: Observation, now: datetime) -> tuple[str, str] | None:
    for name, moment in (("observed_at", one.observed_at), ("published_at", one.published_at)):
        if moment.tzinfo is None:
            return name, "has no time zone"
        if moment < _EARLIEST:
            return name, f"lies before {_EARLIEST.year}"
    if one.observed_at > now + FUTURE_TOLERANCE:
        return "observed_at", "lies in the future: a forecast is not an observation"
    if one.published_at < one.observed_at:
        return "published_at", "lies before observed_at"
    if one.published_at > now + LONGEST_DELAY:
        return "published_at", f"lies more than {LONGEST_DELAY.days} days in the future"
    return None


def fault_of_area(area: str) -> str | None:
    """What is wrong with an area's name, or None."""
    if not isinstance(area, str) or not area.strip() or area != area.strip():
        return "is empty, or has blanks around it"
    if len(area) > LONGEST_AREA:
        return f"is longer than {LONGEST_AREA} characters"
    return "holds a control character" if _CONTROL.search(area) else None
