"""Why a lead has its score: shares of the features in the calibrated log-odds, said in words.

A member splits its margin into shares (TreeSHAP). Calibration is linear in the margin, so that slope times the shares,
with intercept plus slope times the bias, add up exactly to the log-odds behind the probability that is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.features.feature import Feature
from lintel.features.measures import SEASONS
from lintel.scoring.wording import HOUR_MEASURES, describe, describe_hour, describe_season

Float64 = NDArray[np.float64]

MAX_REASONS = 5
MIN_LOG_ODDS = 0.01  # less moves a probability by less than a quarter of a percentage point


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

    Features that say the same over other windows are one reason, told by the strongest of them.
    """
    found = []
    for rows in _groups(features).values():
        log_odds = float(shares[rows].sum())
        if abs(log_odds) >= MIN_LOG_ODDS:
            ordered = sorted((row for row in rows if shares[row]), key=lambda row: -abs(shares[row]))
            text = _text(ordered, rows, values, typical, features)
            found.append(Reason(dimension, text, tuple(features[row].name for row in ordered), log_odds))
    found.sort(key=lambda one: -abs(one.log_odds))
    up = [one for one in found if one.log_odds > 0][:MAX_REASONS]
    down = [one for one in found if one.log_odds < 0][:MAX_REASONS]
    return sorted((*up, *down), key=lambda one: -abs(one.log_odds))


def _groups(features: Sequence[Feature]) -> Mapping[tuple[object, ...], list[int]]:
    """Positions of the features that differ in their window only."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for position, one in enumerate(features):
        measure = "hour" if one.measure in HOUR_MEASURES else "season" if one.measure in SEASONS else one.measure
        key = (one.aggregation, one.kinds, measure, one.against, one.against_measure, one.level)
        groups.setdefault(key, []).append(position)
    return groups


def _text(
    ordered: list[int],
    rows: list[int],
    values: NDArray[np.float32],
    typical: Float64,
    features: Sequence[Feature],
) -> str:
    strongest = ordered[0]
    for measures, told in (({"hour_sine", "hour_cosine"}, describe_hour), (set(SEASONS), describe_season)):
        if features[strongest].measure in measures:
            return told([features[row] for row in rows], values[rows].tolist(), typical[rows].tolist())
    return describe(features[strongest], float(values[strongest]), float(typical[strongest]))
