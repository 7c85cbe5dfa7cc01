"""Moments as UTC µs since the epoch, as the databases keep them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """UTC µs since the epoch of a moment with a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(moment: int) -> datetime:
    """The moment in UTC."""
    return _EPOCH + timedelta(microseconds=moment)
