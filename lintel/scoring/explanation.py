"""Why a lead has its score: shares of the features in the calibrated log-odds, grouped by theme and said in words.

The members split their margins into shares, which stack and calibration turn into shares of the log-odds behind the
probability that is shown: they add up exactly. Features of one theme (the same events over other windows, all hours
and weekdays, which event came last) share what they know among them at random, so that only their sum means much: a
reason is a theme, told by the feature that pulls hardest in the direction of the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.events.schema import SIGNALS
from lintel.features.feature import OF_CONTEXT, Aggregation, Feature
from lintel.features.measures import RHYTHMS, SEASONS
from lintel.scoring.wording import describe, describe_clock, describe_season

Float64 = NDArray[np.float64]

MAX_REASONS = 5
MIN_LOG_ODDS = 0.01  # less moves a probability by less than a quarter of a percentage point
SEQUENCE_TEXT = "the order and pace of what happened last"

_VOLUME = frozenset({Aggregation.COUNT, Aggregation.DISTINCT, Aggregation.DISTINCT_DAYS, Aggregation.TREND})
_TIME = frozenset({Aggregation.RECENCY, Aggregation.TENURE, Aggregation.UNTIL})
_ONE_OF = frozenset({Aggregation.IS_LAST, Aggregation.EQUALS})
_Theme = tuple[object, ...]
_CLOCK: _Theme = ("clock",)
_SEASON: _Theme = ("season",)
_TELLERS = {_CLOCK: describe_clock, _SEASON: describe_season}


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
    dimension: str,
    shares: Float64,
    values: NDArray[np.float32],
    typical: Float64,
    features: Sequence[Feature],
    *,
    sequence: float = 0.0,
    sequence_text: str = SEQUENCE_TEXT,
) -> list[Reason]:
    """The reasons that move the score most: at most five up and five down, strongest first.

    Parameters
    ----------
    shares: (F,) shares of the features in the calibrated log-odds of one lead.
    values, typical: (F,) the lead's own values, NaN if missing, and the training medians.
    sequence, sequence_text: the share of the order and pace of events beyond the features, and what to say of it.
    """
    lead = _Lead(shares, values, typical, features)
    themes = _themes(tuple(features))
    moves: list[tuple[float, NDArray[np.intp] | None]] = [(sequence, None)]
    moves += zip(np.add.reduceat(shares[themes.order], themes.start).tolist(), themes.rows, strict=True)
    strong = sorted((one for one in moves if abs(one[0]) >= MIN_LOG_ODDS), key=lambda one: -abs(one[0]))
    up = [one for one in strong if one[0] > 0][:MAX_REASONS]
    down = [one for one in strong if one[0] < 0][:MAX_REASONS]
    return [
        Reason(dimension, sequence_text, (), move) if rows is None else lead.reason(dimension, rows)
        for move, rows in sorted((*up, *down), key=lambda one: -abs(one[0]))
    ]


def theme(feature: Feature) -> _Theme:
    """What a feature is about; features of one theme are one reason."""
    aggregation, measure = feature.aggregation, feature.measure
    themes: tuple[tuple[bool, _Theme], ...] = (
        (measure in SEASONS, _SEASON),
        (measure in RHYTHMS, _CLOCK),
        (measure in SIGNALS or aggregation in OF_CONTEXT, ("text or market", measure)),
        (aggregation in _ONE_OF, (aggregation, feature.against or feature.kinds)),
        (aggregation in _VOLUME, ("volume", feature.kinds, measure == "episode")),
        (aggregation in _TIME, ("time", feature.kinds)),
        (measure is not None and not feature.against, ("measure", measure, feature.kinds)),
    )
    return next((found for fits, found in themes if fits), (aggregation, feature.kinds, feature.against))


@dataclass(frozen=True, slots=True)
class _Themes:
    """Positions of the features of each theme, one after the other and apart."""

    order: NDArray[np.intp]  # (F,)
    start: NDArray[np.intp]  # of each theme in `order`
    rows: tuple[NDArray[np.intp], ...]


@cache
def _themes(features: tuple[Feature, ...]) -> _Themes:
    found: dict[_Theme, list[int]] = {}
    for position, one in enumerate(features):
        found.setdefault(theme(one), []).append(position)
    rows = tuple(np.array(own, np.intp) for own in found.values())
    return _Themes(np.concatenate(rows), np.cumsum([0, *map(len, rows[:-1])]), rows)


@dataclass(frozen=True, slots=True)
class _Lead:
    """One lead in one dimension, all (F,)."""

    shares: Float64
    values: NDArray[np.float32]
    typical: Float64
    features: Sequence[Feature]

    def reason(self, dimension: str, rows: NDArray[np.intp]) -> Reason:
        """The reason that the theme of these features is."""
        own = self.shares[rows]
        log_odds = float(own.sum())
        ordered = [int(row) for row in rows[np.argsort(-own * np.sign(log_odds), kind="stable")] if self.shares[row]]
        return Reason(dimension, self._text(self._teller(ordered, rows), rows), self._names(ordered), log_odds)

    def _names(self, rows: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.features[row].name for row in rows)

    def _teller(self, ordered: Sequence[int], rows: NDArray[np.intp]) -> int:
        """The feature that tells the reason: the one that pulls hardest, but of several flags the one that is set."""
        if self.features[ordered[0]].aggregation in _ONE_OF:
            return next((int(row) for row in rows if self.values[row] == 1), ordered[0])
        return ordered[0]

    def _text(self, teller: int, rows: NDArray[np.intp]) -> str:
        tell = _TELLERS.get(theme(self.features[teller]))
        if tell:
            return tell([self.features[row] for row in rows], self.values[rows].tolist())
        return describe(self.features[teller], float(self.values[teller]), float(self.typical[teller]))
