"""What is asked of one lead, what rows of one batch have in common, and what comes back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lintel.errors import UnavailableError
from serving.model import ServedModel


class Rung(StrEnum):
    """What answers, from the best down."""

    MODEL = "model"
    """The model that the traffic table assigns, in full."""
    LIGHT = "light-model"
    LAST = "last-score"
    PRIOR = "prior"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of one batch have in common: they are computed in one call."""

    tenant: str
    digest: str
    served_by: str
    as_of: datetime | None
    explain: bool
    rung: Rung

    @property
    def label(self) -> str:
        """What the time of a batch depends on, beside its rows."""
        return self.rung.value if not self.explain else f"{self.rung.value}, explained"


@dataclass(frozen=True, slots=True)
class Question:
    """One lead, and the model that it began with."""

    lead_id: str
    model: ServedModel
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the prediction log keeps of an answer with scores."""

    lead_id: str
    as_of: int  # UTC µs
    seq: int
    served_by: str
    model: ServedModel
    probabilities: dict[str, float]
    priority: float | None
    features: bytes | None  # float32 row
    compute_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LeadScore:
    """One lead's answer as JSON, without the brace it begins with and without the id of the decision; `record` is None
    for an error in place of scores."""

    body: bytes
    record: Record | None
    outcome: str  # scored, closed or error

    def with_decision(self, decision_id: str) -> bytes:
        return b'{"decision_id":"' + decision_id.encode() + b'",' + self.body


class ModelAway(UnavailableError):
    """The model's breaker is open: it has failed and is not asked."""

    slug = "model-away"
