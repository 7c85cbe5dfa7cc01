"""Models, rollouts, the audit log and alerts over HTTP: the same acts as on the command line, by who holds a key.

A key names its tenant, and nothing here is asked of another. What needs MLflow or long reads happens in a process of
its own; the rest are short reads in threads that scoring does not use.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from lintel.alerts.alert import Alert
from lintel.alerts.rows import shown
from lintel.home import Home
from lintel.registry.actor import person
from lintel.registry.lifecycle import ModelState
from lintel.registry.rulings import ruling
from lintel.settings import Settings
from lintel.store.state import Principal
from serving import governance_examples as examples
from serving import openapi
from serving.bodies import read_json
from serving.governance_messages import (
    AlertAnswer,
    AlertList,
    AuditPage,
    GovernedModel,
    HistoryAnswer,
    ModelDetail,
    ModelList,
    MovedModel,
    ReasonRequest,
    ReportAnswer,
    RolloutAnswer,
    RolloutList,
    StartedRollout,
    StartRequest,
)
from serving.governance_process import GovernanceProcess
from serving.keys import bearer
from serving.problems import RequestError
from serving.runtime import Runtime

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1, description="A version that `GET /v1/models` shows.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most entries of the answer.")]

_READ = (401, 403, 422, 503)
_ACT = (400, 401, 403, 404, 408, 409, 413, 415, 422, 503)
_SAID = {
    400: "The body is not JSON, or what it asks for makes no sense here.",
    403: "A role that is too weak, or four eyes are needed: who trained a version may not approve it.",
    404: "The tenant has none of this kind.",
    409: "It stands where this cannot be done, or somebody else was faster.",
}
_AUDIT_LINES = 50
_REASON = msgspec.json.Decoder(ReasonRequest)
_START = msgspec.json.Decoder(StartRequest)


class Governance:
    """What the routes share: the process for acts, and the threads for reads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process = GovernanceProcess(settings)
        self.threads = CapacityLimiter(1)

    async def read(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Short blocking work, off the event loop and not in the threads of scoring. A store is opened on its first
        use, so that even naming one belongs in here."""
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self.threads)

    async def act(
        self, request: Request, credentials: HTTPAuthorizationCredentials | None, act: str, **told: Any
    ) -> Response:
        """An act by who holds an admin key, for the reason in the body."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "admin")
        sent = await read_json(request, _REASON, limit=self.settings.max_body_bytes)
        return await self.done(runtime, principal, act, reason=sent.reason, **told)

    async def done(self, runtime: Runtime, principal: Principal, act: str, **told: Any) -> Response:
        told = {**told, "actor": principal.name}
        return _json(await self.process.run(act, principal.tenant, runtime.now(), **told))


def router(settings: Settings) -> APIRouter:
    governance = Governance(settings)
    routes = APIRouter()
    _models(routes, governance)
    _rollouts(routes, governance)
    _records(routes, governance)
    return routes


def _models(routes: APIRouter, governance: Governance) -> None:
    @routes.get(
        "/v1/models",
        summary="List model versions",
        responses=openapi.answers(ModelList, examples.MODELS, _READ),
        response_class=Response,
    )
    async def models(request: Request, credentials: Credentials) -> Response:
        """Every version of the tenant with its state and what its gates said. Also for keys that may only read."""
        runtime, tenant = await _reader(request, credentials)
        found = await governance.read(lambda: runtime.home.states.all(tenant))
        return _json(ModelList([_governed(one) for one in found]))

    @routes.get(
        "/v1/models/history",
        summary="Which model answered when",
        responses=openapi.answers(HistoryAnswer, examples.HISTORY, _READ),
        response_class=Response,
    )
    async def history(
        request: Request,
        credentials: Credentials,
        lead_id: Annotated[str | None, Query(max_length=200, description="Which model scored this lead?")] = None,
        at: Annotated[
            datetime | None, Query(description="By the end of this minute, with an offset; null: now.")
        ] = None,
        limit: Limit = 20,
    ) -> Response:
        """Every change of who answers, or which model scored a lead at a minute, on which data, approved by whom."""
        runtime, tenant = await _reader(request, credentials)
        moment = at or runtime.now()
        if moment.tzinfo is None:
            raise RequestError(422, "wrong-parameter", "The time `at` has no offset.", mend="End it with Z.")
        told: dict[str, Any] = {"lead_id": lead_id, "at": moment.isoformat(), "limit": limit}
        return _json(await governance.process.run("history", tenant, runtime.now(), **told))

    @routes.get(
        "/v1/models/{version}",
        summary="Show a model version",
        responses=openapi.answers(ModelDetail, examples.MODEL, (*_READ, 404), others=_others(404)),
        response_class=Response,
    )
    async def model(version: Version, request: Request, credentials: Credentials) -> Response:
        """A version, how much of the traffic it has, and who did what to it last."""
        runtime, tenant = await _reader(request, credentials)
        return _json(await governance.read(_detail, runtime.home, tenant, version))

    @routes.get(
        "/v1/models/{version}/report",
        summary="Compliance report of a model version",
        responses=openapi.answers(ReportAnswer, examples.REPORT, (*_READ, 404), others=_others(404)),
        response_class=Response,
    )
    async def report(version: Version, request: Request, credentials: Credentials) -> Response:
        """Data lineage by digest, code version, environment, approvals, fairness and known limits of a version."""
        runtime, tenant = await _reader(request, credentials)
        return _json(await governance.process.run("report", tenant, runtime.now(), version=version))

    @routes.post(
        "/v1/models/{version}/{act}",
        summary="Approve, reject, retire or promote a model version",
        openapi_extra=openapi.body(ReasonRequest, examples.REASON),
        responses=openapi.answers(MovedModel, examples.MOVED, _ACT, others=_SAID),
        response_class=Response,
    )
    async def decide(
        version: Version,
        act: Annotated[Literal["approve", "reject", "retire", "promote"], Path(description="What to do.")],
        request: Request,
        credentials: Credentials,
    ) -> Response:
        """For admin keys. The holder of the key is who decided, in the audit log; who trained a version may not approve
        it."""
        return await governance.act(request, credentials, act, version=version)


def _rollouts(routes: APIRouter, governance: Governance) -> None:
    @routes.get(
        "/v1/rollouts",
        summary="List rollouts",
        responses=openapi.answers(RolloutList, examples.ROLLOUTS, _READ),
        response_class=Response,
    )
    async def rollouts(request: Request, credentials: Credentials, limit: Limit = 20) -> Response:
        """Rollouts with what every gate said last, newest first."""
        runtime, tenant = await _reader(request, credentials)
        found = await governance.read(lambda: runtime.home.rollouts.list(tenant, limit))
        return _json(RolloutList([one.to_json() for one in found]))

    @routes.post(
        "/v1/rollouts",
        summary="Start a rollout",
        openapi_extra=openapi.body(StartRequest, examples.START),
        responses=openapi.answers(StartedRollout, examples.STARTED, _ACT, others=_SAID),
        response_class=Response,
    )
    async def start(request: Request, credentials: Credentials) -> Response:
        """For admin keys. Brings an approved version in front of callers step by step."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "admin")
        sent = await read_json(request, _START, limit=governance.settings.max_body_bytes)
        return await governance.done(runtime, principal, "start", **msgspec.to_builtins(sent))

    @routes.post(
        "/v1/rollouts/{act}",
        summary="Hold, resume, roll back or complete the rollout",
        openapi_extra=openapi.body(ReasonRequest, examples.REASON),
        responses=openapi.answers(RolloutAnswer, examples.ROLLOUT, _ACT, others=_SAID),
        response_class=Response,
    )
    async def steer(
        act: Annotated[Literal["hold", "resume", "rollback", "complete"], Path(description="What to do.")],
        request: Request,
        credentials: Credentials,
    ) -> Response:
        """For admin keys. Acts on the rollout that is under way; the answer says where it stands now."""
        return await governance.act(request, credentials, act)


def _records(routes: APIRouter, governance: Governance) -> None:
    @routes.get(
        "/v1/audit",
        summary="Read the audit log",
        responses=openapi.answers(AuditPage, examples.AUDIT, _READ),
        response_class=Response,
    )
    async def audit(
        request: Request,
        credentials: Credentials,
        limit: Limit = 100,
        before: Annotated[int | None, Query(ge=1, le=2**62, description="`next_before` of the page before.")] = None,
        subject: Annotated[str | None, Query(max_length=300, description="Such as `model:acme/7`.")] = None,
    ) -> Response:
        """Who did what, when and why, newest first. Also for keys that may only read."""
        runtime, tenant = await _reader(request, credentials)
        lines = await governance.read(lambda: runtime.home.audit.read(tenant, subject, limit, before))
        return _json(AuditPage(lines, lines[-1]["number"] if len(lines) == limit else None))

    @routes.get(
        "/v1/alerts",
        summary="List alerts",
        responses=openapi.answers(AlertList, examples.ALERTS, _READ),
        response_class=Response,
    )
    async def alerts(
        request: Request,
        credentials: Credentials,
        resolved: Annotated[bool, Query(description="Also those that are resolved, the newest first.")] = False,
        limit: Limit = 100,
    ) -> Response:
        """Alerts that are not resolved, the oldest first."""
        runtime, tenant = await _reader(request, credentials)
        found = await governance.read(_alerts, runtime.home, tenant, limit if resolved else None)
        return _json(AlertList([shown(one) for one in found[:limit]]))

    @routes.post(
        "/v1/alerts/{alert_id}/acknowledge",
        summary="Acknowledge an alert",
        openapi_extra=openapi.body(ReasonRequest, examples.REASON),
        responses=openapi.answers(AlertAnswer, examples.ALERT, _ACT, others=_SAID),
        response_class=Response,
    )
    async def acknowledge(
        alert_id: Annotated[str, Path(max_length=100, description="As `GET /v1/alerts` shows it.")],
        request: Request,
        credentials: Credentials,
    ) -> Response:
        """For admin keys. It is neither repeated nor escalated any more."""
        runtime: Runtime = request.app.state.runtime
        principal = await runtime.caller(credentials, "admin")
        sent = await read_json(request, _REASON, limit=governance.settings.max_body_bytes)
        told: dict[str, Any] = {"actor": person(principal.name), "reason": sent.reason, "now": runtime.now()}
        taken = await governance.read(lambda: runtime.home.alerts.acknowledge(principal.tenant, alert_id, **told))
        return _json(shown(taken))


async def _reader(request: Request, credentials: HTTPAuthorizationCredentials | None) -> tuple[Runtime, str]:
    """The worker, and the tenant whose key was sent."""
    runtime: Runtime = request.app.state.runtime
    return runtime, (await runtime.caller(credentials, "read")).tenant


def _detail(home: Home, tenant: str, version: int) -> ModelDetail:
    """Raises NotFoundError for a version without a state."""
    state = home.states.read(tenant, version)
    traffic = [
        {"mode": str(one.mode), "weight": one.weight}
        for one in home.traffic.read(tenant)
        if one.model_version == version
    ]
    return ModelDetail(_governed(state), traffic, home.audit.read(tenant, state.subject, _AUDIT_LINES))


def _alerts(home: Home, tenant: str, newest: int | None) -> list[Alert]:
    """The newest so many; without a number those that are not resolved."""
    return home.alerts.unresolved(tenant) if newest is None else home.alerts.newest(tenant, newest)


def _governed(state: ModelState) -> GovernedModel:
    return GovernedModel(
        state.version,
        state.digest,
        str(state.state),
        str(state.risk),
        state.trained_by.name,
        state.changed_at.isoformat(),
        ruling(state),
        [one.to_json() for one in state.gates],
    )


def _others(*statuses: int) -> dict[int, str]:
    return {status: _SAID[status] for status in statuses}


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
