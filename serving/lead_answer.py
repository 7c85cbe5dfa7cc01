"""One lead's answer as the endpoints give it: the source of its OpenAPI schema. `lintel.scoring` makes the answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Share = Annotated[float, Meta(ge=0, le=1)]
Evidence = Literal["rules", "pooled", "calibrated", "tenant"]
Interval = Annotated[list[float | None], Meta(min_length=2, max_length=2)]


class ModelIdentity(msgspec.Struct, frozen=True):
    """Which bundle answered."""

    digest: str
    version: Annotated[int | None, Meta(description="as registered; null if only the files are known")]
    name: str | UnsetType = UNSET
    label_version: str | UnsetType = UNSET
    feature_version: str | UnsetType = UNSET


class RankedAmong(msgspec.Struct, frozen=True):
    """The nightly run that the lead is held against."""

    open_leads: int
    as_of: str


class Overall(msgspec.Struct, frozen=True):
    """How much the lead is worth a call, among the tenant's open leads and against its own past."""

    priority: Share | UnsetType = UNSET
    formula: str | UnsetType = UNSET
    grade: Annotated[Literal["A", "B", "C", "D"], Meta(description="sized to what the team can call")] | UnsetType = (
        UNSET
    )
    band: Literal["call today", "call this week", "nurture", "leave to automation"] | UnsetType = UNSET
    percentile: Annotated[float, Meta(ge=0, lt=100, description="open leads with a lower priority")] | UnsetType = UNSET
    ranked_among: RankedAmong | UnsetType = UNSET
    not_ranked: Annotated[str, Meta(description="why there is no grade")] | UnsetType = UNSET
    trend: (
        Annotated[
            Literal["improving", "steady", "declining", "not_enough_history"],
            Meta(description="of the chance of winning over 14 days, by one model, beyond the doubt of the score"),
        ]
        | UnsetType
    ) = UNSET
    status: Annotated[str, Meta(description="why there is no priority")] | UnsetType = UNSET
    needs: str | UnsetType = UNSET


class BestContact(msgspec.Struct, frozen=True):
    """The channel and hour with the best chance of an answer, outside quiet hours."""

    channel: Literal["call", "email", "sms", "chat"]
    hour_local: Annotated[int, Meta(ge=0, le=23)]
    probability: Share


class AmountAnswer(msgspec.Struct, frozen=True):
    """How large the budget is, in the tenant's currency."""

    median: float
    band: Interval
    level: Annotated[float, Meta(description="coverage that the band is made for")]


class FactAnswer(msgspec.Struct, frozen=True):
    """A fact that would narrow the band of the amount."""

    name: str
    text: str
    share: Annotated[float, Meta(description="of the band's width (of its logarithm) that it would take off")]


class DimensionAnswer(msgspec.Struct, frozen=True):
    """A probability with its doubt, or a status that says why there is none.

    With the status `base_rate_only` the probability is how often leads do it, and nothing of this one was read.
    """

    probability: Share | UnsetType = UNSET
    interval: (
        Annotated[Interval, Meta(description="of the calibrated rate of leads scored like this one")] | UnsetType
    ) = UNSET
    level: Annotated[float, Meta(description="coverage that the interval is made for")] | UnsetType = UNSET
    p0: Annotated[float, Meta(description="Venn-Abers: calibrated if the answer is no")] | UnsetType = UNSET
    p1: Annotated[float, Meta(description="Venn-Abers: calibrated if the answer is yes")] | UnsetType = UNSET
    base_rate: Share | UnsetType = UNSET
    definition: str | UnsetType = UNSET
    calibration_n: int | UnsetType = UNSET
    evidence: Annotated[Evidence, Meta(description="what it rests on")] | UnsetType = UNSET
    outcomes_per_class: (
        Annotated[int, Meta(description="the tenant's leads with a mature outcome, of the rarer of yes and no")]
        | UnsetType
    ) = UNSET
    median_days: float | UnsetType | None = UNSET
    band_days: Interval | UnsetType = UNSET
    p_within: Annotated[dict[str, float], Meta(description="days -> probability")] | UnsetType = UNSET
    p_within_by_cause: (
        Annotated[dict[str, dict[str, float]], Meta(description="won, lost, silent -> days -> probability")] | UnsetType
    ) = UNSET
    best_contact: BestContact | UnsetType | None = UNSET
    amount: AmountAnswer | UnsetType = UNSET
    status: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    needs: str | UnsetType = UNSET


class ReasonAnswer(msgspec.Struct, frozen=True):
    """What moves a dimension's log-odds, and how far."""

    dimension: str
    text: str
    features: Annotated[list[str], Meta(description="empty for the order and pace of events")]
    log_odds: float


class CounterfactualAnswer(msgspec.Struct, frozen=True):
    """The one act of the agent that would raise the score most, beyond its doubt."""

    text: str
    dimension: str
    action: Annotated[str, Meta(description="the kind of event that the act leaves")]
    probability: Share
    interval: Interval
    causal: Annotated[Literal[False], Meta(description="it says what usually becomes of such leads")]
    note: str


class NamedText(msgspec.Struct, frozen=True):
    """A name for programs, and words for people."""

    name: str
    text: str


class LeadError(msgspec.Struct, frozen=True):
    """Why a lead is not answered."""

    type: str
    detail: str


class LeadAnswer(msgspec.Struct, frozen=True):
    """An open lead has `dimensions`, a closed one its `outcome`, one that cannot be answered an `error`."""

    lead_id: str
    as_of: str | UnsetType = UNSET
    clock: Literal["live", "log_end"] | UnsetType = UNSET
    decision_id: str | UnsetType = UNSET
    model: ModelIdentity | UnsetType = UNSET
    served_by: (
        Annotated[
            str,
            Meta(
                description="the rung of the fallback ladder: champion, canary, previous-champion, baked-champion, "
                "light-model, last-score or prior"
            ),
        ]
        | UnsetType
    ) = UNSET
    age_seconds: (
        Annotated[int, Meta(ge=0, description="since a last score was given; as_of is that of then")] | UnsetType
    ) = UNSET
    not_told: (
        Annotated[list[str], Meta(description="what this rung leaves out and a full answer may hold")] | UnsetType
    ) = UNSET
    evidence: Annotated[Evidence, Meta(description="the lowest of the dimensions' own")] | UnsetType = UNSET
    seq: Annotated[int, Meta(description="newest event of the tenant that was seen")] | UnsetType = UNSET
    simulated: bool | UnsetType = UNSET
    status: Annotated[str, Meta(description="open, closed, or unread: nothing was read of the lead")] | UnsetType = (
        UNSET
    )
    overall: Overall | UnsetType = UNSET
    dimensions: dict[str, DimensionAnswer] | UnsetType = UNSET
    reasons: Annotated[list[ReasonAnswer], Meta(description="at most 5 up and 5 down a dimension")] | UnsetType = UNSET
    counterfactual: CounterfactualAnswer | UnsetType | None = UNSET
    budget_narrowed_by: list[FactAnswer] | UnsetType = UNSET
    missing: Annotated[list[NamedText], Meta(description="facts that an agent can ask for")] | UnsetType = UNSET
    out_of_range: Annotated[list[NamedText], Meta(description="values that training did not see")] | UnsetType = UNSET
    outcome: str | UnsetType | None = UNSET
    closed_at: str | UnsetType = UNSET
    merged_into: str | UnsetType = UNSET
    error: LeadError | UnsetType = UNSET


EXAMPLE: dict[str, Any] = {
    "lead_id": "173688",
    "as_of": "2012-02-20T01:00:00Z",
    "decision_id": "01KHZ3V7W8M5T2Q9R4X6Y1Z0AB",
    "clock": "log_end",
    "model": {
        "name": "lead-scoring.bpic2012",
        "version": 7,
        "digest": "sha256:6f0c...",
        "label_version": "bpic2012/1",
        "feature_version": "sha256:41be...",
    },
    "served_by": "champion",
    "evidence": "tenant",
    "seq": 261993,
    "status": "open",
    "overall": {
        "priority": 0.42,
        "formula": "P(win) x amount / (amount + typical amount) x P(decided within 7 days)",
        "grade": "A",
        "band": "call today",
        "percentile": 97.2,
        "ranked_among": {"open_leads": 399, "as_of": "2012-02-20T01:00:00Z"},
        "trend": "improving",
    },
    "dimensions": {
        "conversion": {
            "probability": 0.63,
            "interval": [0.57, 0.69],
            "p0": 0.61,
            "p1": 0.64,
            "level": 0.9,
            "base_rate": 0.41,
            "definition": "accepted within 30 days",
            "calibration_n": 2911,
            "evidence": "tenant",
            "outcomes_per_class": 1502,
        },
        "timing": {
            "probability": 0.78,
            "interval": [0.73, 0.83],
            "p0": 0.77,
            "p1": 0.79,
            "median_days": 6.2,
            "band_days": [2.1, 17.0],
            "p_within": {"7": 0.55, "14": 0.78, "30": 0.97},
            "p_within_by_cause": {
                "won": {"7": 0.3, "14": 0.45, "30": 0.58},
                "lost": {"7": 0.2, "14": 0.25, "30": 0.29},
                "silent": {"7": 0.05, "14": 0.08, "30": 0.1},
            },
            "best_contact": {"channel": "call", "hour_local": 18, "probability": 0.41},
            "level": 0.9,
            "base_rate": 0.64,
            "definition": "days until the application is decided; the yes/no question is: within 14 days",
            "calibration_n": 2911,
            "evidence": "tenant",
            "outcomes_per_class": 1377,
        },
        "budget": {
            "probability": 0.35,
            "interval": [0.3, 0.41],
            "p0": 0.34,
            "p1": 0.36,
            "amount": {"median": 412000.0, "band": [355000.0, 478000.0], "level": 0.8},
            "level": 0.9,
            "base_rate": 0.2,
            "definition": "the lead shows a lender's pre-approval within 30 days",
            "calibration_n": 1804,
        },
        "engagement": {"status": "not_defined_for_source", "reason": "the source holds no outbound touches"},
        "churn": {"status": "not_enough_data", "needs": "41 more mature outcomes"},
    },
    "missing": [{"name": "stated_timeline", "text": "the lead has not said when it wants to move"}],
    "out_of_range": [],
    "reasons": [
        {
            "dimension": "conversion",
            "text": "we last answered the lead after 4 minutes (typical: 9 hours)",
            "features": ["agent_reply_last"],
            "log_odds": 0.74,
        },
        {
            "dimension": "conversion",
            "text": "no message or step from the lead for 6 days (typical: 2 days)",
            "features": ["inbound_recency"],
            "log_odds": -0.21,
        },
    ],
    "budget_narrowed_by": [{"name": "budget_last", "text": "last stated budget", "share": 0.22}],
    "counterfactual": {
        "text": "a booked viewing would move 0.63 to 0.71",
        "dimension": "conversion",
        "action": "appointment.booked",
        "probability": 0.71,
        "interval": [0.66, 0.76],
        "causal": False,
        "note": "what usually becomes of leads with such an event; no promise that it brings it about",
    },
}
