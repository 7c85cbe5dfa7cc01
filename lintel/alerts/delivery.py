"""One notice to one sink: pending until it was sent or given up. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

MOST_ATTEMPTS = 12
"""With waits of 1, 2, 4, ... 30 minutes: some four hours, after which a delivery is given up."""
_LONGEST_WAIT = timedelta(minutes=30)


class DeliveryState(StrEnum):
    """Whether it is still to be sent."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice of one alert to one sink.

    Parameters
    ----------
    message: key of the message it goes out in, set before the first attempt, so that a repetition has the same key.
    next_at: not before this. error: why the last attempt failed, by kind only.
    """

    sequence: int
    kind: str
    level: int
    sink: str
    at: datetime
    next_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    message: str = ""
    attempts: int = 0
    sent_at: datetime | None = None
    error: str = ""

    def due(self, now: datetime) -> bool:
        return self.state is DeliveryState.PENDING and self.next_at <= now

    def sent(self, now: datetime) -> "Delivery":
        return replace(self, state=DeliveryState.SENT, attempts=self.attempts + 1, sent_at=now, error="")

    def failed(self, error: str, now: datetime, *, permanent: bool) -> "Delivery":
        """Later again, unless the receiver refused for good or was asked often enough."""
        attempts = self.attempts + 1
        if permanent or attempts >= MOST_ATTEMPTS:
            return replace(self, state=DeliveryState.FAILED, attempts=attempts, error=error)
        wait = min(timedelta(minutes=2 ** (attempts - 1)), _LONGEST_WAIT)
        return replace(self, attempts=attempts, next_at=now + wait, error=error)


def message_key(deliveries: Iterable[str]) -> str:
    """The key of a message, from what names its deliveries: equal for equal content, in whatever order."""
    return blake2b("\n".join(sorted(deliveries)).encode(), digest_size=16).hexdigest()
