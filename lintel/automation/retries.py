"""Whether a run that failed is tried again, and when. Pure: times are arguments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=10)
FACTOR = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed. `attempts`: retries that led to it, 0 for a first run; `is_final`: no retry can mend it."""

    attempts: int
    ended_at: datetime
    is_final: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """`at`: when it is to be tried again; None if it is not, and then `reason` says why."""

    at: datetime | None
    reason: str


def retry(failure: Failure, most: int) -> Retry:
    """Up to `most` retries, after 10, 30, 90, ... minutes; none of what a gate or wrong input stopped."""
    if failure.is_final:
        return Retry(None, "A gate or a check stopped it: the same data would stop it again.")
    if failure.attempts >= most:
        tried = "tried again once" if most == 1 else f"tried again {most} times"
        return Retry(None, f"It was {tried}." if most else "Runs are not tried again.")
    wait = FIRST_WAIT * FACTOR**failure.attempts
    told = f"Retry {failure.attempts + 1} of {most}, {wait / timedelta(minutes=1):.0f} minutes after the failure."
    return Retry(failure.ended_at + wait, told)
