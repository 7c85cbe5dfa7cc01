"""A sink whose settings are wrong: the others are not to wait for it."""

from dataclasses import dataclass

from lintel.alerts.message import Message
from lintel.alerts.sinks.sink import DeliveryError
from lintel.errors import InputError


@dataclass(frozen=True, slots=True)
class UnusableSink:
    """Stands where the sink would. What is for it is tried again later, so that it arrives once its settings are
    mended. `fault` says what is wrong, without the address."""

    name: str
    fault: InputError

    def send(self, message: Message) -> None:  # noqa: ARG002 - what a sink takes
        """Raises DeliveryError, always."""
        raise DeliveryError(self.name, "its settings are wrong")
