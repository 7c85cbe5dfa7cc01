"""Moments: datetimes with a zone outside, UTC µs since 1970-01-01 inside, ISO 8601 in answers."""

from datetime import UTC, datetime, timedelta

from lintel.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """UTC µs since the epoch. Raises InputError for a time without a zone."""
    if moment.tzinfo is None:
        raise InputError(f"the time {moment.isoformat()} has no time zone.", mend="End it with Z or an offset.")
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(instant: int) -> datetime:
    """The moment in UTC."""
    return EPOCH + timedelta(microseconds=instant)


def time_text(instant: int) -> str:
    """ISO 8601 in UTC, ending in Z, of UTC µs."""
    return from_microseconds(instant).isoformat().replace("+00:00", "Z")
