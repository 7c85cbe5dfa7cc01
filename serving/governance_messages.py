"""What the endpoints of governance take and give, and the source of their OpenAPI schemas."""

from typing import Annotated, Any, Literal

import msgspec

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, description="why; kept in the audit log")]
Json = dict[str, Any]


class ReasonRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why."""

    reason: Reason


class StartRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which version is to be rolled out, how and why."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    reason: Reason
    strategy: Annotated[
        Literal["shadow", "canary", "blue-green", "rolling"] | None,
        msgspec.Meta(description="null: as the setting `rollout_strategy` says, and at once where it says nothing"),
    ] = None


class GovernedModel(msgspec.Struct, frozen=True):
    """A version and where it stands. `ruling` says why; `gates` has each gate's figure beside its bound."""

    version: int
    digest: str
    state: str
    risk: str
    trained_by: str
    changed_at: str
    ruling: str
    gates: list[Json]


class ModelList(msgspec.Struct, frozen=True):
    """Versions, newest first."""

    models: list[GovernedModel]


class ModelDetail(msgspec.Struct, frozen=True):
    """A version, how much of the traffic it has, and the newest lines of the audit log about it."""

    model: GovernedModel
    traffic: list[Json]
    audit: list[Json]


class MovedModel(msgspec.Struct, frozen=True):
    """Where the version stands now."""

    version: int
    digest: str
    state: str


class HistoryAnswer(msgspec.Struct, frozen=True):
    """Changes of who answers, newest first, with where each version comes from. For one lead: the change that was in
    force at that minute, and what was answered; null if nothing was by then."""

    changes: list[Json]
    answer: Json | None


class RolloutList(msgspec.Struct, frozen=True):
    """Rollouts, newest first; the first is the one under way, if any is."""

    rollouts: list[Json]


class StartedRollout(msgspec.Struct, frozen=True):
    """The rollout that began; null if the version answers already, at once."""

    rollout: Json | None


class AuditPage(msgspec.Struct, frozen=True):
    """Lines of the tenant, newest first; `next_before` is null on the last page."""

    lines: list[Json]
    next_before: int | None


class AlertList(msgspec.Struct, frozen=True):
    """Alerts of the tenant."""

    alerts: list[Json]


class RolloutAnswer(msgspec.Struct, frozen=True):
    """A rollout as `lintel rollouts status --json` shows it, with its plan and its newest judgement."""

    rollout_id: str
    scope: str
    state: str
    strategy: str
    candidate: Json
    champion: Json
    step: int | None
    share: float | None
    began_at: str


class AlertAnswer(msgspec.Struct, frozen=True):
    """An alert and to whom it was told."""

    alert_id: str
    tenant: str
    rule: str
    key: str
    severity: str
    state: str
    summary: str
    owner: str
    runbook: str
    first_at: str
    last_at: str
    count: int
    acknowledged_by: str | None
    deliveries: list[Json]


class ReportAnswer(msgspec.Struct, frozen=True):
    """As `lintel models report` writes it."""

    made_at: str
    model: Json
    lineage: Json
    code: Json
    gates: list[Json]
    approved: Json | None
    limits: list[str]
    audit: Json
