"""How long an answer as of now may be given again: until the next moment at which its features take a step.

Features move with the clock in three ways. Hours and weekdays of the as-of time, and the hours and days between which
an agent may call, change on a full UTC minute in every time zone. Events, corrections and market figures that are
known already but lie ahead of the as-of time come into view at their own times. Recencies and the edges of windows move
all the time: an answer may be off by as much as these do within the rest of the minute (`benchmarks/hot_state.py` says
by how much that moves a probability).
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, NULL, EventColumns
from lintel.events.moments import to_microseconds
from lintel.market.context import ContextColumns

MINUTE = 60_000_000  # µs


def feature_boundaries(
    columns: EventColumns, leads: int, context: ContextColumns, moment: datetime
) -> NDArray[np.int64]:
    """(leads,) UTC µs from which on an answer as of `moment` may differ by more than a minute's age, by lead code."""
    as_of = to_microseconds(moment)
    shared = min(_minute_end(as_of), _next(context.published_at, as_of), _next(context.observed_at, as_of))
    boundaries = np.full(leads, shared)
    for times in (columns.occurred_at, columns.known_at, columns.superseded_at, columns.due_at):
        ahead = (times > as_of) & (times < shared) & (times != NULL)
        if ahead.any():
            np.minimum.at(boundaries, columns.lead[ahead], times[ahead])
    return boundaries


def _minute_end(moment: int) -> int:
    return (moment // MINUTE + 1) * MINUTE


def _next(times: NDArray[np.int64], moment: int) -> int:
    ahead = times[times > moment]
    return int(ahead.min()) if len(ahead) else NEVER
