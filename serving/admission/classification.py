"""The class of a request and its deadline, from its head as far as that tells, else from its number of leads.

Sources: RFC 9218 (the `Priority` header), RFC 9651 (structured fields).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lintel.events.schema import MAX_ID_LENGTH
from lintel.settings import Settings
from serving.problems import RequestError
from serving.urgency import Urgency

URGENCY_HEADER = "Lintel-Urgency"
TIMEOUT_HEADER = "Lintel-Timeout-Ms"
LONGEST_TIMEOUT_MS = 60_000

_NAMES = {urgency.label: urgency for urgency in Urgency}
_LEAST_URGENT = 7
_OTHER_FIELDS_BYTES = 1_000  # of a body besides its leads: generous, since a wrong guess may be shed
_LEAD_BYTES = MAX_ID_LENGTH + 4  # quotes, comma, space
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_\-.*]*)(?:=([^,;\s]*))?\s*(?:;[^,]*)?\s*")
_DIGITS = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many leads a class may have. A larger request is bulk, whatever its head claims."""

    interactive_leads: int = 20
    event_leads: int = 50
    undeclared_leads: int = 10
    """A request that names no class is interactive up to so many leads."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a request of each class may take, in seconds, unless it says so itself."""

    interactive: float = 1.0
    event: float = 10.0
    bulk: float = 30.0

    def of(self, urgency: Urgency) -> float:
        return (self.interactive, self.event, self.bulk)[urgency]


def bounds_of(settings: Settings) -> Bounds:
    return Bounds(settings.interactive_leads, settings.event_leads)


def timeouts_of(settings: Settings) -> Timeouts:
    milliseconds = (settings.interactive_timeout_ms, settings.event_timeout_ms, settings.bulk_timeout_ms)
    return Timeouts(*(value / 1_000 for value in milliseconds))


def urgency_of(headers: Mapping[str, str], bounds: Bounds) -> Urgency | None:
    """The class as early as the head tells it; None if only the body can.

    `headers` finds names in any case, as starlette's does. Raises RequestError (422) for an unknown class.
    """
    declared = _declared(headers)
    if declared is not None:
        return declared
    length = headers.get("content-length", "")
    longest = bounds.undeclared_leads * _LEAD_BYTES + _OTHER_FIELDS_BYTES
    return Urgency.BULK if _DIGITS.fullmatch(length) and int(length) > longest else None


def urgency_of_leads(headers: Mapping[str, str], leads: int, bounds: Bounds) -> Urgency:
    """The class, once the number of leads is known: what the head declares, within the bounds.

    Raises RequestError (422) for an unknown class.
    """
    declared = _declared(headers)
    if declared is None:
        declared = Urgency.INTERACTIVE if leads <= bounds.undeclared_leads else Urgency.BULK
    most = {Urgency.INTERACTIVE: bounds.interactive_leads, Urgency.EVENT: bounds.event_leads}
    return declared if leads <= most.get(declared, leads) else Urgency.BULK


def deadline_of(headers: Mapping[str, str], urgency: Urgency, timeouts: Timeouts, now: float) -> float:
    """When the answer is of no more use, on the clock of `now` (seconds, when the request arrived).

    Raises RequestError (422) if `Lintel-Timeout-Ms` is no whole number of 1 to 60000.
    """
    given = headers.get(TIMEOUT_HEADER)
    if given is None:
        return now + timeouts.of(urgency)
    milliseconds = int(given) if _DIGITS.fullmatch(given) else 0
    if not 1 <= milliseconds <= LONGEST_TIMEOUT_MS:
        raise _wrong_header(TIMEOUT_HEADER, f"a whole number of milliseconds, 1 to {LONGEST_TIMEOUT_MS}")
    return now + milliseconds / 1_000


def _declared(headers: Mapping[str, str]) -> Urgency | None:
    name = headers.get(URGENCY_HEADER)
    if name is None:
        return _of_priority(headers.get("priority", ""))
    if name.lower() not in _NAMES:
        raise _wrong_header(URGENCY_HEADER, f"one of {', '.join(_NAMES)}")
    return _NAMES[name.lower()]


def _of_priority(field: str) -> Urgency | None:
    """What cannot be parsed, or lies out of range, is as if it were not there (RFC 9218 §4)."""
    urgency = None
    for member in field.split(","):
        found = _MEMBER.fullmatch(member)
        if found is None:
            return None
        if found[1] == "u":
            urgency = found[2]  # of several the last counts
    if urgency is None or not _DIGITS.fullmatch(urgency) or int(urgency) > _LEAST_URGENT:
        return None
    level = int(urgency)
    return Urgency.INTERACTIVE if level <= 3 else Urgency.EVENT if level <= 5 else Urgency.BULK


def _wrong_header(name: str, wanted: str) -> RequestError:
    return RequestError(
        422, "wrong-header", f"The header {name} must be {wanted}.", mend="Correct it, or leave it out."
    )
