"""Who acts on models: a person or a machine, by name. The audit log, approvals and rollouts all name one."""

from dataclasses import dataclass
from enum import StrEnum

from lintel.errors import InputError

_MAX_NAME_LENGTH = 200


class ActorKind(StrEnum):
    """What four eyes count: machines have none."""

    PERSON = "person"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something. `name` is an account, the name of a key, or that of a job; never a secret."""

    name: str
    kind: ActorKind

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _MAX_NAME_LENGTH:
            raise InputError(f"The name of who acts has 1 to {_MAX_NAME_LENGTH} characters.", mend="Say who it is.")


def person(name: str) -> Actor:
    """A human being, as the operating system or their key names them. Raises InputError for a name with characters that
    cannot be seen, which people could not tell from another's."""
    if not name.isprintable():
        raise InputError("The name of who acts holds characters that cannot be seen.", mend="Say who it is.")
    return Actor(name, ActorKind.PERSON)


def machine(name: str) -> Actor:
    """A job or a service that acts by rules."""
    return Actor(name, ActorKind.MACHINE)
