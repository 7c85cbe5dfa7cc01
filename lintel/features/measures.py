"""Measures: the integers that aggregations sum, compare and pick, one row a measure and one column an event.

Integers, because a float sum that crosses leads gives other bytes alone than in a batch.
"""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NULL, NULL_SIGNAL, EventColumns
from lintel.events.kinds import Measure, kinds
from lintel.events.schema import SIGNALS
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.feature import Unit
from lintel.features.selectors import Selector

Int64 = NDArray[np.int64]

MINUTE = 60_000_000
MINUTES_PER_WEEK = 7 * 1440
_THURSDAY = 3  # weekday of 1970-01-01, Monday = 0
_TURN = 1_000_000  # sine and cosine of the hour are kept in millionths

CARRIED = ("value", "attribute_1", "attribute_2", "attribute_3")
IDENTIFIERS = ("object", "episode")
RHYTHMS = (
    "hour",
    "hour_sine",
    "hour_cosine",
    "weekday",
    "weekend",
    "morning",
    "afternoon",
    "evening",
    "night",
    "office_hours",
)
SEASONS = ("season_sine", "season_cosine")
"""Of a date, its day of the year as an angle."""
DAYS_PER_YEAR = 365.25
DURATIONS = ("waited", "gap")
"""µs since what ended a wait (`selectors.WAITS`), and since the previous event of the same selector."""
MEASURES: frozenset[str] = frozenset((*CARRIED, *IDENTIFIERS, "due_at", "channel", *SIGNALS, *RHYTHMS, *DURATIONS))

_PER_UNIT: Mapping[Unit, float] = {Unit.MINUTES: 60e6, Unit.HOUR: 3.6e9, Unit.DAYS: 86.4e9}
_FIXED: Mapping[str, float] = {"hour": 60, "hour_sine": _TURN, "hour_cosine": _TURN, **dict.fromkeys(SIGNALS, 100)}


def divisor(measure: str, selected: Selector, unit: Unit) -> float | None:
    """What an integer of `measure` is divided by to be in `unit`; None if kinds disagree or have none."""
    if measure in DURATIONS:
        return _PER_UNIT.get(unit)
    if measure not in CARRIED:
        return _FIXED.get(measure, 1.0)
    carried = [_carried(kind, measure) for kind in selected]
    scales = {(found.unit, found.scale) for found in carried if found}
    return float(scales.pop()[1]) if len(scales) == 1 else None


def _carried(kind: str, measure: str) -> Measure | None:
    entry = kinds()[kind]
    if measure == "value":
        return entry.value
    position = int(measure[-1]) - 1
    return entry.attributes[position] if position < len(entry.attributes) else None


def minute_of_week(local: Int64) -> Int64:
    """Minutes since Monday 00:00 of local wall-clock µs."""
    return (local // MINUTE + _THURSDAY * 1440) % MINUTES_PER_WEEK


@cache
def rhythm_table() -> Int64:
    """Each of RHYTHMS at each minute of the week, (len(RHYTHMS), 10,080)."""
    minute = np.arange(MINUTES_PER_WEEK)
    weekday, minute_of_day = minute // 1440, minute % 1440
    hour, angle = minute_of_day // 60, minute_of_day * (2 * np.pi / 1440)
    office = (weekday < 5) & (hour >= 9) & (hour < 17)
    turns = [np.rint(np.sin(angle) * _TURN), np.rint(np.cos(angle) * _TURN)]
    quarters = [hour // 6 == quarter for quarter in (1, 2, 3, 0)]
    return np.array([minute_of_day, *turns, weekday, weekday >= 5, *quarters, office]).astype(np.int64)


def day_of_year(local: Int64) -> Int64:
    """Days since 1 January of local wall-clock µs, 0..365."""
    day = (local // MICROSECONDS_PER_DAY).astype("datetime64[D]")
    return (day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)


@cache
def season_table() -> NDArray[np.float64]:
    """Each of SEASONS at each day of the year, (len(SEASONS), 366)."""
    angle = np.arange(366) * (2 * np.pi / DAYS_PER_YEAR)
    return np.array([np.sin(angle), np.cos(angle)])


def fill_measures(out: Int64, columns: EventColumns, local: Int64, rows: Mapping[str, int]) -> None:
    """Write the measures named in `rows`, each to its row of `out` (m, n); derived durations are not among them."""
    for name, read in _READERS.items():
        if name in rows:
            out[rows[name]] = read(columns)
    signals = [i for i, name in enumerate(SIGNALS) if name in rows]
    if signals:
        raw = columns.signals[signals]
        out[[rows[SIGNALS[i]] for i in signals]] = np.where(raw == NULL_SIGNAL, NULL, raw.astype(np.int64))
    rhythms = [i for i, name in enumerate(RHYTHMS) if name in rows]
    if rhythms:
        out[[rows[RHYTHMS[i]] for i in rhythms]] = rhythm_table()[np.array(rhythms)[:, None], minute_of_week(local)]


def _null_if(values: NDArray[np.generic], absent: int) -> Int64:
    return np.where(values == absent, NULL, values.astype(np.int64))


_READERS: Mapping[str, Callable[[EventColumns], Int64]] = {
    "value": lambda columns: columns.value,
    "attribute_1": lambda columns: columns.attributes[0],
    "attribute_2": lambda columns: columns.attributes[1],
    "attribute_3": lambda columns: columns.attributes[2],
    "due_at": lambda columns: columns.due_at,
    "channel": lambda columns: _null_if(columns.channel, -1),
    "object": lambda columns: _null_if(columns.object_id, 0),
    "episode": lambda columns: _null_if(columns.episode_id, 0),
}
