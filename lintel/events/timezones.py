"""Local time of many instants at once: the zone's transitions as arrays."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.moments import to_microseconds

MICROSECONDS_PER_DAY = 86_400_000_000
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UtcOffsets:
    """Offsets of one zone: `offset[i]` (µs) holds from `start[i]` (µs since the epoch, UTC) to `start[i + 1]`."""

    start: NDArray[np.int64]
    offset: NDArray[np.int64]

    def local(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Local wall-clock µs since 1970-01-01 00:00 for UTC µs `instants`, of any shape."""
        index = np.searchsorted(self.start, instants, side="right") - 1
        return instants + self.offset[np.maximum(index, 0)]


@cache
def utc_offsets(zone: str) -> UtcOffsets:
    """The offsets of an IANA zone between 1990 and 2060. Raises InputError for an unknown zone."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, a name too long for a file
        raise InputError(f"{zone!r} is not a time zone.", mend="Use an IANA name such as America/Denver.") from None
    start, offset = [to_microseconds(_FIRST)], [_offset(info, _FIRST)]
    day = _FIRST
    while day < _LAST:
        following = day + timedelta(days=1)
        if _offset(info, following) != offset[-1]:
            moment = _transition(info, day, following)
            start.append(to_microseconds(moment))
            offset.append(_offset(info, moment))
        day = following
    return UtcOffsets(np.array(start, np.int64), np.array(offset, np.int64))


def _transition(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """First second of (low, high] with the offset that holds at `high`."""
    before = _offset(info, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(info, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(info: ZoneInfo, moment: datetime) -> int:
    return (moment.astimezone(info).utcoffset() or timedelta()) // timedelta(microseconds=1)
