"""How far intervals and bands can be trusted on the newest fold, as `lintel evaluate --json` shows it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.labels.outcomes import Outcome, Status
from lintel.scoring.amount import LEVELS
from lintel.scoring.conformal import seen_to_horizon
from lintel.scoring.coverage import Forecast, HitShare, hit_share, interval_coverage
from lintel.scoring.dimension import LEVEL, Dimension, DimensionScores
from lintel.scoring.timing_curve import BAND

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Json = dict[str, Any]


def coverage_figures(
    dimension: Dimension,
    scores: DimensionScores,
    outcome: Outcome,
    weight: Float64,
    lead: NDArray[np.int32],
    *,
    segments: Mapping[str, Mask],
    base_interval: tuple[float, float],
) -> Json:
    """Coverage of the interval in all rows and by segment, of the days' band and of the amount's.

    Parameters
    ----------
    scores, outcome, weight, lead: of the n rows of the fold; all of them are mature.
    segments: name -> (n,) rows in it.
    base_interval: what whoever has no model would say of every lead.
    """
    told = scores.probability, scores.low, scores.high, weight.astype(np.float64), lead
    forecast = Forecast(outcome.status == Status.YES, *told, level=LEVEL)
    parts = {name: _interval(forecast.take(rows), base_interval) for name, rows in segments.items() if rows.any()}
    found: Json = {"interval": _interval(forecast, base_interval), "segments": parts}
    for name, share in (("days", _days(dimension, scores, outcome, told)), ("amount", _amount(scores, outcome, told))):
        if share is not None:
            found[name] = share.to_json()
    return found


def _interval(forecast: Forecast, base_interval: tuple[float, float]) -> Json | None:
    """None where there are too few leads to make a cell of."""
    found = interval_coverage(forecast, base_interval)
    return None if found is None else found.to_json()


def _days(dimension: Dimension, scores: DimensionScores, outcome: Outcome, told: tuple[Any, ...]) -> HitShare | None:
    """The band of days, up to the horizon of the label: no row was watched for longer for certain."""
    if scores.days is None or outcome.days is None or outcome.censored_after is None:
        return None
    horizon = dimension.horizon_days
    seen, actual = seen_to_horizon(outcome.days, outcome.censored_after, horizon_days=horizon)
    low, high = (np.fmin(end, horizon) for end in scores.days)
    *_, weight, lead = told
    return hit_share(low[seen], high[seen], actual[seen], weight[seen], lead[seen], level=BAND[1] - BAND[0])


def _amount(scores: DimensionScores, outcome: Outcome, told: tuple[Any, ...]) -> HitShare | None:
    if scores.amount is None or outcome.amount is None:
        return None
    rows = np.flatnonzero(outcome.amount > 0)
    low, _, high = scores.amount[rows].T
    *_, weight, lead = told
    return hit_share(low, high, outcome.amount[rows], weight[rows], lead[rows], level=LEVELS[-1] - LEVELS[0])
