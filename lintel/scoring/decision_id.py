"""Identifiers of decisions that sort by time: ULID (github.com/ulid/spec)."""

import os
import random
import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))  # of the 13 pairs, the first of which has the two spare bits
_RANDOM_BITS = 80

# unique, not secret: the system's own randomness lets go of the interpreter's lock for every number, and an event loop
# then waits for whichever thread computes
_random = random.Random(secrets.randbits(256))
os.register_at_fork(after_in_child=lambda: _random.seed(secrets.randbits(256)))


def decision_id(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds since the epoch, then 80 random bits."""
    number = (int(now.timestamp() * 1000) << _RANDOM_BITS) | _random.getrandbits(_RANDOM_BITS)
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
