"""`POST /v1/events`: append to the event log; the next score sees it."""

from typing import Annotated, Any

import msgspec
import pyarrow as pa
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.events.kinds import Actor, kinds
from lintel.events.schema import INCOMING_SCHEMA, MAX_ID_LENGTH, REQUIRED, TIME
from lintel.events.validation import Rejection, table_from_rows
from lintel.settings import Settings
from lintel.store.events import AppendReport
from serving import openapi
from serving.bodies import read_json
from serving.keys import bearer, own_tenant
from serving.messages import AppendAnswer, AppendRequest, RejectedEvent
from serving.problems import Fault, RequestError, pointer, problem
from serving.runtime import Runtime

SOURCE = "api"
"""Where rejected rows are said to come from in the quarantine."""

WHOLE_ROW = "(row)"
"""The column that a rejection names when the event is no object."""

_DECODER = msgspec.json.Decoder(AppendRequest)
_REQUEST_EXAMPLE = {
    "events": [
        {
            "event_id": "call-88121",
            "lead_id": "4711",
            "occurred_at": "2026-01-15T18:04:11Z",
            "kind": "call.completed",
            "channel": "phone",
            "value": 4.5,
        }
    ]
}
_ANSWER_EXAMPLE = {
    "appended": 1,
    "duplicates": 0,
    "withheld": 0,
    "rejected": [],
    "first_seq": 261994,
    "last_seq": 261994,
    "warnings": [],
}


def router(settings: Settings) -> APIRouter:
    routes = APIRouter()
    bounds = {"events": {"maxItems": settings.max_events, "items": event_schema()}}

    @routes.post(
        "/v1/events",
        summary="Append events",
        openapi_extra=openapi.body(AppendRequest, _REQUEST_EXAMPLE, bounds),
        responses=openapi.answers(
            AppendAnswer,
            _ANSWER_EXAMPLE,
            (400, 401, 403, 408, 413, 415, 422, 503),
            others={202: "Some events were taken and some rejected, each with its reason."},
        ),
        response_class=Response,
    )
    async def append(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> Response:
        """Good events are kept whatever the others are like; the same `event_id` twice is a no-op."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "write")
        sent = await read_json(request, _DECODER, limit=settings.max_body_bytes)
        tenant = own_tenant(principal, sent.tenant)
        if len(sent.events) > settings.max_events:
            fault = Fault("/events", f"has {len(sent.events)} entries; at most {settings.max_events} are taken")
            raise RequestError(422, "too-many-events", f"At most {settings.max_events} a request.", faults=[fault])
        return _response(await runtime.work(_append, runtime, tenant, sent.events))

    return routes


def event_schema() -> dict[str, Any]:
    """JSON Schema of one event, from the Arrow schema that checks it."""
    properties = {field.name: _property(field) for field in INCOMING_SCHEMA}
    properties["kind"] = {"type": "string", "enum": sorted(kinds())}
    properties["actor"] = {"type": ["string", "null"], "enum": [*(actor.value for actor in Actor), None]}
    properties["attributes"] = {"type": ["object", "string", "null"], "description": "a JSON object"}
    return {
        "title": "Event",
        "type": "object",
        "properties": properties,
        "required": list(REQUIRED),
        "additionalProperties": False,
    }


def _property(field: pa.Field) -> dict[str, Any]:
    if field.type == TIME:
        kind: dict[str, Any] = {"type": "string", "format": "date-time"}
    elif pa.types.is_floating(field.type):
        kind = {"type": "number"}
    elif field.name == "text":
        kind = {"type": "string"}
    else:
        kind = {"type": "string", "maxLength": MAX_ID_LENGTH}
    return kind if field.name in REQUIRED else kind | {"type": [kind["type"], "null"]}


def _append(runtime: Runtime, tenant: str, rows: list[Any]) -> AppendAnswer:
    store, now = runtime.home.events, runtime.now()
    read = table_from_rows(rows)
    unread = {_row(rejection) for rejection in read.rejected}
    places = [f"row {row}" for row in range(1, len(rows) + 1) if row not in unread]
    report = store.append(tenant, read.events, now=now, places=places, source=SOURCE)
    store.quarantine(tenant, read.rejected, SOURCE, now)
    rejected = sorted((_rejected(one) for one in (*read.rejected, *report.rejected)), key=lambda one: one.row)
    for outcome, count in (
        ("appended", report.appended),
        ("duplicate", report.duplicates),
        ("withheld", report.withheld),
        ("rejected", len(rejected)),
    ):
        runtime.metrics.events.labels(outcome).inc(count)
    return AppendAnswer(
        appended=report.appended,
        duplicates=report.duplicates,
        withheld=report.withheld,
        rejected=rejected,
        first_seq=report.first_seq,
        last_seq=report.last_seq,
        warnings=_warnings(report),
    )


def _warnings(report: AppendReport) -> list[str]:
    warnings = []
    if report.withheld:
        warnings.append(f"{report.withheld} events are of erased leads and were withheld (`lintel erase --readmit`).")
    if report.clock_moved_days is not None:
        days = round(report.clock_moved_days)
        warnings.append(
            f"The log now ends {days} days later, and the tenant's clock with it: all leads are scored as of then."
        )
    return warnings


def _rejected(rejection: Rejection) -> RejectedEvent:
    return RejectedEvent(_row(rejection), rejection.column, rejection.reason)


def _row(rejection: Rejection) -> int:
    return int(rejection.place.removeprefix("row "))


def _place(event: RejectedEvent) -> str:
    """JSON pointer to the field, or to the event itself where that is no object."""
    field = [] if event.column == WHOLE_ROW else [event.column]
    return pointer("events", str(event.row - 1), *field)


def _response(answer: AppendAnswer) -> Response:
    """200 if all were taken, 202 if some were, 422 if none was."""
    if answer.rejected and not answer.appended and not answer.duplicates:
        faults = [Fault(_place(one), one.reason) for one in answer.rejected]
        members = msgspec.to_builtins(answer)
        return problem(422, "no-event-taken", "None of the events could be taken.", faults=faults, **members)
    status = 202 if answer.rejected else 200
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
