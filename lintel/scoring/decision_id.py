"""Identifiers of decisions that sort by time: ULID (github.com/ulid/spec)."""

import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_LENGTH = 26
_RANDOM_BITS = 80


def decision_id(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds since the epoch, then 80 random bits."""
    number = (int(now.timestamp() * 1000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
