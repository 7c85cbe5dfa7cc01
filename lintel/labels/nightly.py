"""The instants of the nightly run: 02:00 local time of every day, the two days of clock change included."""

import numpy as np
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets

NIGHTLY_HOUR = 2


def nightly_ticks(first: int, last: int, zone: str) -> NDArray[np.int64]:
    """All nightly instants in [first, last], ascending; times in UTC µs.

    The instant of a date is the first one at which the local clock shows 02:00 or later: 03:00 where the spring
    change skips 02:00, the first of two where the autumn change repeats it. Raises InputError for an unknown zone.
    """
    offsets = utc_offsets(zone)
    dates = np.arange(first // MICROSECONDS_PER_DAY - 1, last // MICROSECONDS_PER_DAY + 2)
    wall = (dates * 24 + NIGHTLY_HOUR) * (MICROSECONDS_PER_DAY // 24)
    # at most one change of clocks within the two days around
    before = np.maximum(np.searchsorted(offsets.start, wall - MICROSECONDS_PER_DAY, side="right") - 1, 0)
    after = np.maximum(np.searchsorted(offsets.start, wall + MICROSECONDS_PER_DAY, side="right") - 1, 0)
    early, late = wall - offsets.offset[before], wall - offsets.offset[after]
    unchanged = (before == after) | (early < offsets.start[after])
    ticks = np.where(unchanged, early, np.maximum(late, offsets.start[after]))
    return ticks[(ticks >= first) & (ticks <= last)]
