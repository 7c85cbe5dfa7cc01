"""`GET /v1/leads`: the scored leads of a tenant, the ones most worth a call first."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving import openapi
from serving.keys import bearer
from serving.messages import LeadPage
from serving.runtime import Runtime

MAX_CURSOR_LENGTH = 4_000  # a lead id of 200 characters, escaped and in base64
_EXAMPLE = {
    "leads": [{"lead_id": "173688", "overall": {"priority": 0.42, "grade": "A", "band": "call today"}}],
    "next_cursor": "eyJ...",
}

router = APIRouter()


class LeadQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    sort: Literal["priority"] = Field("priority", description="Highest priority first, ties by lead id.")
    limit: int = Field(50, ge=1, le=200, description="Most leads on the page.")
    cursor: str | None = Field(None, max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before.")


@router.get(
    "/v1/leads",
    summary="List scored leads",
    responses=openapi.answers(
        LeadPage, _EXAMPLE, (400, 401, 403, 422, 503), others={400: "The cursor is none that a page gave."}
    ),
    response_class=Response,
)
async def leads(
    request: Request,
    query: Annotated[LeadQuery, Query()],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Response:
    """The newest score of each lead, as the nightly run stored it, in pages that neither skip nor repeat."""
    runtime: Runtime = request.app.state.runtime
    principal = await runtime.caller(credentials, "read")
    page = await runtime.work(
        runtime.home.scores.page, principal.tenant, sort=query.sort, limit=query.limit, cursor=query.cursor
    )
    answer = {"leads": page.leads, "next_cursor": page.next_cursor}
    return Response(msgspec.json.encode(answer), media_type="application/json")
