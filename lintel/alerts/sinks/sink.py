"""What every sink is: it takes a message in bounded time, or says why not."""

from typing import Protocol

from lintel.alerts.message import Message
from lintel.errors import UnavailableError


class DeliveryError(UnavailableError):
    """A message was not taken.

    `reason` is a kind, such as `HTTP 503`: it goes into the database and the log, and never holds an address, a secret
    or what the receiver said. `permanent` where sending it again cannot help.
    """

    slug = "not-delivered"

    def __init__(self, sink: str, reason: str, *, permanent: bool = False) -> None:
        super().__init__(f"The sink {sink!r} did not take the message: {reason}.", mend="See docs/alerts.md.")
        self.reason = reason
        self.permanent = permanent


class Sink(Protocol):
    """One place where alerts are told."""

    @property
    def name(self) -> str:
        """As rules call it."""
        ...

    def send(self, message: Message) -> None:
        """Hand a message over. Raises DeliveryError; takes no longer than the sink's patience."""
        ...
