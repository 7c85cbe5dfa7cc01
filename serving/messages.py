"""What the endpoints take and give: parsed by msgspec, and the source of the OpenAPI schemas."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from lintel.events.schema import MAX_ID_LENGTH
from serving.lead_answer import LeadAnswer

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Instant = Annotated[datetime, msgspec.Meta(tz=True, description="ISO 8601 with an offset")]


class ScoreRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which leads to score, as of when."""

    lead_ids: Annotated[list[Identifier], msgspec.Meta(min_length=1, description="answered in this order")]
    as_of: Annotated[Instant | None, msgspec.Meta(description="null: the tenant's clock, which the answer names")] = (
        None
    )
    explain: Annotated[
        bool, msgspec.Meta(description="give reasons and a counterfactual; costs some milliseconds a lead")
    ] = False
    tenant: Annotated[str | None, msgspec.Meta(description="must be the key's own if given")] = None


class ScoreAnswer(msgspec.Struct, frozen=True):
    """One entry a lead, in the order asked; a lead that cannot be scored has `error` in place of `dimensions`."""

    scores: list[LeadAnswer]


class AppendRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Events in the event schema. Each is checked on its own: good ones are kept, bad ones are named."""

    events: Annotated[list[Any], msgspec.Meta(min_length=1)]
    tenant: Annotated[str | None, msgspec.Meta(description="must be the key's own if given")] = None


class RejectedEvent(msgspec.Struct, frozen=True):
    """An event that was not taken; `row` counts from 1 in the order sent."""

    row: int
    column: str
    reason: str


class AppendAnswer(msgspec.Struct, frozen=True):
    """What became of the events. Sending the same `event_id` again is a duplicate and changes nothing."""

    appended: int
    duplicates: int
    withheld: Annotated[int, msgspec.Meta(description="events of erased leads, which are kept out")]
    rejected: list[RejectedEvent]
    first_seq: int | None
    last_seq: int | None
    warnings: Annotated[list[str], msgspec.Meta(description="what was done as asked, and may not have been meant")]


class LeadPage(msgspec.Struct, frozen=True):
    """A page of scored leads; `next_cursor` is null on the last."""

    leads: list[LeadAnswer]
    next_cursor: str | None


class ModelAnswer(msgspec.Struct, frozen=True):
    """What answers for the key's tenant in this worker now."""

    name: str
    version: int | None
    digest: str
    served_by: Annotated[str, msgspec.Meta(description="champion, canary, previous-champion or baked-champion")]
    faults: list[str]


class Readiness(msgspec.Struct, frozen=True):
    """Whether this worker can answer; each check is `ok` or says what is wrong."""

    ready: bool
    store: str
    model: str
    compute: str


class ProblemAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    mend: str | None = None
    instance: str | None = None
    errors: list[dict[str, str]] | None = None
