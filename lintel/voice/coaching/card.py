"""What an agent sees: cards, and steps of the playbook that tick themselves off."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "critical"]
Category = Literal["rapport", "objection", "qualification", "closing", "compliance"]
Verdict = Literal["dismissed", "useful"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Card:
    """One card, shown at `at`. `quote` is what was said from `start` to `end` (seconds of the call); for a card that a
    measure brought it says the measure, and both times are `at`."""

    card_id: str
    rule: str
    severity: Severity
    category: Category
    title: str
    suggestion: str
    quote: str
    start: float
    end: float
    at: float
    link: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step of the playbook that was done, and the words that did it."""

    playbook: str
    step: str
    title: str
    quote: str
    at: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "done": True}
