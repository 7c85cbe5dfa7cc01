"""What was understood of one turn: every claim with the very words, when they were said, and what found it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

INTENTS = (
    "buy",
    "rent",
    "sell",
    "invest",
    "find_home",
    "viewing",
    "reschedule",
    "valuation",
    "finance",
    "offer",
    "callback",
    "information",
)
FACTS = (
    "budget",
    "area",
    "timeline",
    "property_type",
    "bedrooms",
    "bathrooms",
    "feature",
    "financing",
    "motivation",
    "appointment",
    "next_step",
)
OBJECTIONS = ("price", "timing", "trust", "authority", "competition", "features")

Bound = Literal["exactly", "about", "at_least", "at_most", "between"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim about a turn.

    `quote` is a verbatim stretch of the turn's text, whole words, said from `start` to `end` (seconds of the call).
    `found_by` names the rule ("rule:objection.price"), "phrases" (nearness to the shipped phrases) or "model" (a
    trained one); `probability` is None for rules, whose word is yes or no.
    """

    quote: str
    start: float
    end: float
    found_by: str
    probability: float | None

    @property
    def label(self) -> str:
        """A name for triggers: "intent.viewing", "objection.price", "question"."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Intent(Finding):
    """What the speaker wants; one of INTENTS."""

    name: str

    @property
    def label(self) -> str:
        return f"intent.{self.name}"


@dataclass(frozen=True, slots=True)
class Fact(Finding):
    """Something the speaker said about their search; one of FACTS.

    `value`: budget an amount of money in the currency named (per month for a rent: `unit` "month"); bedrooms and
    bathrooms a number; feature, property type, financing and motivation a term; area, timeline, appointment and next
    step the words themselves. `lower` is the lower end of a range whose upper end is `value`.
    """

    name: str
    value: str | float
    bound: Bound = "exactly"
    lower: float | None = None
    unit: str | None = None

    @property
    def label(self) -> str:
        return f"fact.{self.name}"


@dataclass(frozen=True, slots=True)
class Objection(Finding):
    """A reason against; one of OBJECTIONS."""

    category: str

    @property
    def label(self) -> str:
        return f"objection.{self.category}"


@dataclass(frozen=True, slots=True)
class Question(Finding):
    @property
    def label(self) -> str:
        return "question"


@dataclass(frozen=True, slots=True)
class Commitment(Finding):
    """A promise: who made it, and until when in the words said, where they were."""

    by: str
    due: str | None

    @property
    def label(self) -> str:
        return "commitment"


@dataclass(frozen=True, slots=True)
class OptOut(Finding):
    """A wish not to be contacted; `hard` where it is plain, not so for "not interested"."""

    hard: bool

    @property
    def label(self) -> str:
        return "opt_out"


@dataclass(frozen=True, slots=True)
class Denial(Finding):
    """What the speaker said is not so: "we are not looking to buy" denies "intent.buy"."""

    of: str

    @property
    def label(self) -> str:
        return f"not.{self.of}"


@dataclass(frozen=True, slots=True)
class Insights:
    """What was understood of one turn.

    `sentiment` is in -1..1. `read_by` says which means were used: "rules" always, "phrases" with an embedder, and the
    names of trained models. `cut` is True where the turn was longer than what is read.
    """

    LISTS: ClassVar[tuple[str, ...]] = ("intents", "facts", "objections", "questions", "commitments", "denials")

    sentiment: float
    intents: tuple[Intent, ...] = ()
    facts: tuple[Fact, ...] = ()
    objections: tuple[Objection, ...] = ()
    questions: tuple[Question, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    denials: tuple[Denial, ...] = ()
    opt_out: OptOut | None = None
    read_by: tuple[str, ...] = ("rules",)
    cut: bool = False

    def findings(self) -> Iterator[Finding]:
        """Everything that was found, by kind."""
        for name in self.LISTS:
            yield from getattr(self, name)
        if self.opt_out is not None:
            yield self.opt_out

    def to_json(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: [one.to_json() for one in plain[name]] for name in self.LISTS}
        opt_out = self.opt_out.to_json() if self.opt_out is not None else None
        return {**plain, **lists, "opt_out": opt_out, "read_by": list(self.read_by)}
