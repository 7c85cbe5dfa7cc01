"""Why a lead has its score: shares of the features in the calibrated log-odds, said in words.

A member splits its margin into shares (TreeSHAP). Calibration is linear in the margin, so that slope times the shares,
with intercept plus slope times the bias, add up exactly to the log-odds behind the probability that is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.features.feature import Aggregation, Feature, Unit

Float64 = NDArray[np.float64]

MAX_REASONS = 5
MIN_LOG_ODDS = 0.01  # less moves a probability by less than a quarter of a percentage point

_MINUTES = {Unit.MINUTES: 1.0, Unit.DAYS: 1440.0}
_COUNTING = frozenset({Aggregation.COUNT, Aggregation.DISTINCT, Aggregation.DISTINCT_DAYS, Aggregation.COUNT_SINCE})


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: what is so, the features that say it, and how far they move the log-odds of the dimension."""

    dimension: str
    text: str
    features: tuple[str, ...]
    log_odds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "dimension": self.dimension,
            "text": self.text,
            "features": list(self.features),
            "log_odds": round(self.log_odds, 4),
        }


def reasons(
    dimension: str, shares: Float64, values: NDArray[np.float32], typical: Float64, features: Sequence[Feature]
) -> list[Reason]:
    """The reasons that move the score most: at most five up and five down, strongest first.

    Parameters
    ----------
    shares: (F,) shares of the features in the calibrated log-odds of one lead.
    values, typical: (F,) the lead's own values, NaN if missing, and the training medians.

    Features that count the same over other windows are one reason, told by the strongest of them.
    """
    found = []
    for rows in _groups(features).values():
        ordered = sorted(rows, key=lambda row: -abs(shares[row]))
        text = describe(features[ordered[0]], float(values[ordered[0]]), float(typical[ordered[0]]))
        names = tuple(features[row].name for row in ordered if shares[row])
        found.append(Reason(dimension, text, names, float(shares[rows].sum())))
    strong = sorted((one for one in found if abs(one.log_odds) >= MIN_LOG_ODDS), key=lambda one: -abs(one.log_odds))
    up = [one for one in strong if one.log_odds > 0][:MAX_REASONS]
    down = [one for one in strong if one.log_odds < 0][:MAX_REASONS]
    return sorted((*up, *down), key=lambda one: -abs(one.log_odds))


def _groups(features: Sequence[Feature]) -> Mapping[tuple[object, ...], list[int]]:
    groups: dict[tuple[object, ...], list[int]] = {}
    for position, one in enumerate(features):
        key = (one.aggregation, one.kinds, one.measure, one.against, one.against_measure, one.level)
        groups.setdefault(key, []).append(position)
    return groups


def describe(feature: Feature, value: float, typical: float) -> str:
    """The value in words and real units, with what is typical: "4 calls in the last 7 days (typical: 1)"."""
    usual = "" if np.isnan(typical) else f" (typical: {quantity(feature.unit, typical)})"
    if np.isnan(value):
        return f"{feature.label}: none so far{usual}"
    if feature.unit is Unit.FLAG:
        return f"{feature.label}: {quantity(feature.unit, value)}"
    if feature.unit is Unit.COUNT and feature.aggregation in _COUNTING:
        return f"{quantity(feature.unit, value)} {feature.label}{usual}"
    return f"{feature.label}: {quantity(feature.unit, value)}{usual}"


def quantity(unit: Unit, value: float) -> str:
    """A number with its unit, as short as it stays true."""
    if unit in _MINUTES:
        return _duration(value * _MINUTES[unit])
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    if unit is Unit.FLAG:
        return "yes" if value else "no"
    if unit is Unit.HOUR:
        return f"{int(value):02d}:{round(value % 1 * 60):02d}"
    if unit is Unit.CURRENCY:
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") + (" a day" if unit is Unit.RATE else "")


def _duration(minutes: float) -> str:
    if abs(minutes) < 1:
        return f"{minutes * 60:.0f} seconds"
    if abs(minutes) < 90:
        return f"{minutes:.0f} minutes"
    if abs(minutes) < 48 * 60:
        return f"{minutes / 60:.0f} hours"
    return f"{minutes / 1440:.1f} days"
