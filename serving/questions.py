"""What is asked of one lead, what rows of one batch have in common, and what comes back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lintel.errors import UnavailableError
from lintel.events.columns import NEVER
from lintel.store.prediction import Prediction
from lintel.store.state import Principal
from serving.hot.versions import TenantVersion
from serving.model import ServedModel
from serving.urgency import Urgency


class Rung(StrEnum):
    """What computes an answer."""

    MODEL = "model"
    """The model that the traffic table assigns, in full."""
    LIGHT = "light-model"


@dataclass(frozen=True, slots=True)
class Asked:
    """A scoring request that was admitted. `began` and `deadline` are seconds on the monotonic clock."""

    principal: Principal
    lead_ids: list[str]
    as_of: datetime | None
    explain: bool
    urgency: Urgency
    began: float
    deadline: float
    trace_id: str | None = None

    @property
    def tenant(self) -> str:
        return self.principal.tenant


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of one batch have in common: they are computed in one call."""

    tenant: str
    model: ServedModel
    as_of: datetime | None
    explain: bool
    withheld: bool  # reasons were asked for and are not given under load
    rung: Rung

    @property
    def label(self) -> str:
        """What the time of a batch depends on, beside its rows."""
        return f"{self.rung.value}, explained" if self.explain else self.rung.value


@dataclass(frozen=True, slots=True)
class Question:
    """One lead, the version of the tenant that its request began with, and the trace that the request is part of."""

    lead_id: str
    version: TenantVersion
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeadScore:
    """One lead's answer, computed once and given as often as it holds.

    `body` is JSON without the brace it begins with: the id of the decision comes before it. `prediction` is what the
    log keeps, but for what each delivery adds; None for an error in place of scores. `computed_at` is monotonic.
    """

    body: bytes
    outcome: str  # scored, closed or error
    served_by: str
    prediction: Prediction | None = None
    survivor: str = ""
    valid_until: int = NEVER
    computed_at: float = 0.0
    compute_seconds: float = 0.0

    def with_decision(self, decision_id: str) -> bytes:
        """The answer as JSON under the id of a decision; an error is none."""
        head = b"{" if self.prediction is None else b'{"decision_id":"' + decision_id.encode() + b'",'
        return head + self.body


class ModelAwayError(UnavailableError):
    """The model's breaker is open: it has failed and is not asked."""

    slug = "model-away"
