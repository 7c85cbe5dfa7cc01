"""The numbers of an answer: probabilities with their doubt, days, amounts; rounded, as JSON shows them."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.labels.definition import CAUSES
from lintel.scoring.amount import LEVELS
from lintel.scoring.dimension import DimensionScores
from lintel.scoring.timing_curve import MEDIAN, TimingCurve

Float64 = NDArray[np.float64]
Json = dict[str, Any]

AMOUNT_LEVEL = round(LEVELS[-1] - LEVELS[0], 6)
_DIGITS = 6


def score_table(scores: DimensionScores, horizons_days: tuple[float, ...]) -> list[Json]:
    """The numbers of each lead; timing is told for the horizons."""
    numbers = np.array((scores.probability, scores.low, scores.high, scores.p0, scores.p1))
    rows: list[Json] = [
        {"probability": probability, "interval": [low, high], "p0": p0, "p1": p1}
        for probability, low, high, p0, p1 in numbers.round(_DIGITS).T.tolist()
    ]
    if scores.curve is not None and scores.days is not None:
        for row, timing in zip(rows, _timing(scores.curve, scores.days, horizons_days), strict=True):
            row.update(timing)
    if scores.amount is not None:
        for row, (low, median, high) in zip(rows, np.round(scores.amount, 2).tolist(), strict=True):
            row["amount"] = {"median": median, "band": [low, high], "level": AMOUNT_LEVEL}
    return rows


def _timing(curve: TimingCurve, band: tuple[Float64, Float64], horizons_days: tuple[float, ...]) -> list[Json]:
    """Of each row, the days until it is decided, and the chance that it is within each horizon, by cause too."""
    named = [f"{days:g}" for days in horizons_days]
    within = _chances(np.stack([curve.within(days) for days in horizons_days], axis=1))
    low, median, high = (_days(one) for one in (band[0], curve.quantile(MEDIAN), band[1]))
    rows: list[Json] = [
        {"median_days": middle, "band_days": [first, last], "p_within": dict(zip(named, chances, strict=True))}
        for first, middle, last, chances in zip(low, median, high, within, strict=True)
    ]
    if curve.incidence is not None:
        by_cause = _chances(np.stack([curve.within_by_cause(days) for days in horizons_days], axis=2))
        for row, causes in zip(rows, by_cause, strict=True):
            told = (dict(zip(named, chances, strict=True)) for chances in causes)
            row["p_within_by_cause"] = dict(zip(CAUSES, told, strict=True))
    return rows


def _chances(chances: Float64) -> list[Any]:
    """Rounded, in lists of their shape; None where the horizon lies beyond what the curve covers."""
    rounded: NDArray[np.object_] = np.round(chances, _DIGITS).astype(object)
    rounded[np.isnan(chances)] = None
    return list(rounded.tolist())


def _days(days: Any) -> list[float | None]:
    """One decimal; None where it lies beyond what the curve covers."""
    return [None if isnan(value) else round(value, 1) for value in days.tolist()]
