"""Whether training is asked for again and again in vain: what asks for it is not mended by training. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from lintel.automation.policy import Cause
from lintel.automation.triggers import State, Trigger

MOST = 2
"""Refused wishes of a day that nobody is told of: an alarm that comes during the rest after a training is one."""
_DAY = timedelta(days=1)


def refusals(triggers: Sequence[Trigger], now: datetime) -> str | None:
    """What to tell of a tenant whose wishes for training were refused more than MOST times in 24 hours; None of others.

    A night that another training of the same night stands for is no refusal.
    """
    refused = [
        one
        for one in triggers
        if one.state is State.SUPPRESSED and one.cause is not Cause.SCHEDULE and now - one.raised_at <= _DAY
    ]
    if len(refused) <= MOST:
        return None
    newest = max(refused, key=lambda one: one.raised_at)
    causes = ", ".join(sorted({str(one.cause) for one in refused}))
    return f"{len(refused)} trainings were asked for in 24 hours and refused ({causes}). The newest: {newest.why}."
