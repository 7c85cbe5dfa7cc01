"""The form of a summary: a few fields, each a list of claims, each claim with its quote and when it was said."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Field = Literal["needs", "budget", "timeline", "objections", "promises", "next_step", "open_questions", "highlights"]
FIELDS: tuple[Field, ...] = (
    "needs",
    "budget",
    "timeline",
    "objections",
    "promises",
    "next_step",
    "open_questions",
    "highlights",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. `turn` counts the call's turns from 0; `quote` is a verbatim stretch of that turn's text, said by
    `speaker` from `start` to `end` (seconds of the call). `status` is set where a claim is one of a few states:
    "booked" or "proposed" for an appointment."""

    text: str
    turn: int
    speaker: str
    quote: str
    start: float
    end: float
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """`made_by` is "extractive" or the language model's name; `dropped` counts claims of the model that no words of the
    call bear out, by reason."""

    made_by: str
    needs: tuple[Claim, ...] = ()
    budget: tuple[Claim, ...] = ()
    timeline: tuple[Claim, ...] = ()
    objections: tuple[Claim, ...] = ()
    promises: tuple[Claim, ...] = ()
    next_step: tuple[Claim, ...] = ()
    open_questions: tuple[Claim, ...] = ()
    highlights: tuple[Claim, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()

    @property
    def text(self) -> str:
        """The highlights as running text."""
        return " ".join(claim.text for claim in self.highlights)

    def to_json(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **plain,
            **{name: [asdict(claim) for claim in plain[name]] for name in FIELDS},
            "dropped": dict(self.dropped),
            "text": self.text,
        }
