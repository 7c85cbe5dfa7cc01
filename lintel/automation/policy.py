"""Whether a training that something asks for is granted. Pure: times are arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Cause(StrEnum):
    """What asks for training."""

    SCHEDULE = "schedule"
    NEW_DATA = "new-data"
    DRIFT = "drift"
    PERFORMANCE = "performance"
    FAILED_RUN = "failed-run"
    MANUAL = "manual"
    ALIAS = "alias"


NIGHT = timedelta(hours=3)
"""A training that another cause began so shortly before the night's was the night's: the job is the same."""
DAY = timedelta(days=1)
_GRANTED_ALWAYS = (Cause.FAILED_RUN, Cause.MANUAL)
"""A retry belongs to a training that was granted and has a limit of its own; a person knows why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`a_day`: most trainings of a tenant in any 24 hours; `cool_down`: least time after the last one."""

    a_day: int
    cool_down: timedelta

    def __post_init__(self) -> None:
        if self.a_day < 1 or self.cool_down < timedelta(0):
            raise ValueError("a day has one training at least, and a cool-down is no negative time")


DEFAULT_LIMITS = Limits(a_day=4, cool_down=timedelta(hours=6))


def obstacle(cause: Cause, granted: Sequence[datetime], now: datetime, limits: Limits) -> str | None:
    """Why a training is not granted, given when those before it were; None if it is.

    The night's is held back by none but one of the same night: open leads are to have new scores in the morning. A
    retry and a person's wish are always granted. All of them count for those that follow.
    """
    if cause in _GRANTED_ALWAYS:
        return None
    since = now - max(granted) if granted else None
    rest = NIGHT if cause is Cause.SCHEDULE else limits.cool_down
    if since is not None and since < rest:
        return f"a training was begun {_ago(since)} ago; the next may follow after {_ago(rest)}"
    today = sum(now - DAY < moment for moment in granted)
    if cause is not Cause.SCHEDULE and today >= limits.a_day:
        return f"{today} trainings were begun in the last 24 hours; {limits.a_day} may be"
    return None


def _ago(length: timedelta) -> str:
    minutes = max(0, round(length / timedelta(minutes=1)))
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.3g} hours"
