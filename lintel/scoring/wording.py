"""Feature values in words and real units: "4 calls in the last 7 days (typical: 1)"."""

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from lintel.features.feature import OF_CONTEXT, Aggregation, Feature, Unit
from lintel.features.measures import DAYS_PER_YEAR

_COUNTING = frozenset({Aggregation.COUNT, Aggregation.DISTINCT, Aggregation.DISTINCT_DAYS, Aggregation.COUNT_SINCE})
_MINUTES = {Unit.MINUTES: 1.0, Unit.DAYS: 1440.0}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNIT_WORDS = {Unit.RATE: " a day", Unit.PERCENT: " %", Unit.POINTS: " percentage points"}
_ANGLE = "of the local hour as an angle, "

HOUR_MEASURES = frozenset({"hour", "hour_sine", "hour_cosine"})
"""One fact in three numbers."""


def describe(feature: Feature, value: float, typical: float) -> str:
    """One value in words, with what is typical; NaN means that there is none."""
    usual = "" if np.isnan(typical) else f" (typical: {quantity(feature, typical)})"
    label = feature.label.replace(" (Monday 0)", "")
    if np.isnan(value):
        return f"{label}: {'not known' if feature.aggregation in OF_CONTEXT else 'none so far'}{usual}"
    if feature.unit is Unit.FLAG:
        return f"{label}: {quantity(feature, value)}"
    if feature.unit is Unit.COUNT and feature.aggregation in _COUNTING:
        return f"{quantity(feature, value)} {label}{usual}"
    return f"{label}: {quantity(feature, value)}{usual}"


def describe_hour(features: Sequence[Feature], values: Sequence[float], typical: Sequence[float]) -> str:
    """Sine and cosine of the same hour, in any order, as a time of day."""
    subject = next(one.label.partition(_ANGLE)[2] for one in features if _ANGLE in one.label)
    own, usual = (_hour_of(features, numbers) for numbers in (values, typical))
    if own is None:
        return f"hour of day {subject}: none so far"
    return f"hour of day {subject}: {own}" + (f" (typical: {usual})" if usual else "")


def describe_season(features: Sequence[Feature], values: Sequence[float], typical: Sequence[float]) -> str:
    """Sine and cosine of the same date, in any order, as its month."""
    own, usual = (_month_of(features, numbers) for numbers in (values, typical))
    return f"time of the year: {own}" + (f" (typical: {usual})" if usual else "")


def quantity(feature: Feature, value: float) -> str:
    """A number with its unit, as short as it stays true."""
    unit = feature.unit
    if unit in _MINUTES:
        return _duration(value * _MINUTES[unit])
    if feature.measure == "weekday" and unit is Unit.NUMBER:
        return _WEEKDAYS[int(value) % 7]
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    if unit is Unit.FLAG:
        return "yes" if value else "no"
    if unit is Unit.HOUR:
        return _clock(value)
    return _number(unit, value)


def _number(unit: Unit, value: float) -> str:
    if unit is Unit.CURRENCY:
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") + _UNIT_WORDS.get(unit, "")


def _duration(minutes: float) -> str:
    size = abs(minutes)
    if size < 1:
        return _plural(minutes * 60, "second")
    if size < 90:
        return _plural(minutes, "minute")
    if size < 48 * 60:
        return _plural(minutes / 60, "hour")
    return f"{minutes / 1440:.1f} days"


def _plural(value: float, word: str) -> str:
    rounded = round(value)
    return f"{rounded} {word}{'' if abs(rounded) == 1 else 's'}"


def _clock(hours: float) -> str:
    minutes = round(hours * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _hour_of(features: Sequence[Feature], numbers: Sequence[float]) -> str | None:
    turn = _turn(features, numbers, "hour")
    return None if turn is None else _clock(turn * 24)


def _month_of(features: Sequence[Feature], numbers: Sequence[float]) -> str | None:
    turn = _turn(features, numbers, "season")
    return None if turn is None else f"{date(2024, 1, 1) + timedelta(days=round(turn * DAYS_PER_YEAR)):%B}"


def _turn(features: Sequence[Feature], numbers: Sequence[float], circle: str) -> float | None:
    """Share of a full turn, 0..1, of the angle whose sine and cosine these features are; None if one is absent."""
    found = {feature.measure: number for feature, number in zip(features, numbers, strict=True)}
    sine, cosine = found.get(f"{circle}_sine", math.nan), found.get(f"{circle}_cosine", math.nan)
    if math.isnan(sine) or math.isnan(cosine):
        return None
    return math.atan2(sine, cosine) / math.tau % 1
