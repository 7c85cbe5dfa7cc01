"""Times at the border of scoring: datetimes and texts outside, UTC µs inside."""

from datetime import UTC, datetime, timedelta

from lintel.errors import InputError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """UTC µs since the epoch. Raises InputError for a time without a zone."""
    if moment.tzinfo is None:
        raise InputError(f"as_of {moment.isoformat()} has no time zone.", mend="End it with Z or an offset.")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_text(instant: int) -> str:
    """ISO 8601 in UTC, ending in Z, of UTC µs."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat().replace("+00:00", "Z")
