"""Models, rollouts, audit and alerts over HTTP: tenants do not meet, roles hold, and acts are those of the commands.

The process of an act runs here, in this one, but for one test: what it answers is the same.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import Severity, Signal
from lintel.errors import LintelError, NotFoundError, RefusedError, UnavailableError
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.lifecycle import ModelState
from lintel.registry.risk import Risk
from lintel.settings import Settings
from serving import governance_process
from serving.application import application
from serving.governance_process import GovernanceProcess
from serving.problems import RequestError
from tests.serving.clients import NOW, OTHER, TENANT, Client, Clock, opened

READS = (
    "/v1/models",
    "/v1/models/3",
    "/v1/models/3/report",
    "/v1/models/history",
    "/v1/rollouts",
    "/v1/audit",
    "/v1/alerts",
)
ACTS = (
    *(f"/v1/models/3/{act}" for act in ("approve", "reject", "retire", "promote")),
    *(f"/v1/rollouts/{act}" for act in ("hold", "resume", "rollback", "complete")),
    "/v1/alerts/{alert}/acknowledge",
)
WHY = {"reason": "looked at it"}


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    """What the process of acts was asked."""
    return []


@pytest.fixture
def in_this_process(
    asked: list[dict[str, Any]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Acts without a process; `replace` puts others in place of what needs MLflow."""

    async def run(self: GovernanceProcess, told: bytes) -> dict[str, Any]:
        asked.append(json.loads(told))
        with Home(settings) as home:
            try:
                said = {"result": await asyncio.to_thread(governance_process.answer, home, asked[-1])}
            except LintelError as error:
                said = {"error": governance_process._error(error)}
        return governance_process._result(json.dumps(said, default=str).encode())

    monkeypatch.setattr(GovernanceProcess, "_run", run)

    def replace(**acts: Any) -> None:
        monkeypatch.setattr(governance_process, "_ACTS", governance_process._ACTS | acts)

    return replace


@pytest.fixture
def governed(home: Home) -> str:
    """Each tenant has version 3, which waits for a decision, and an alert; the id of the first tenant's."""
    for tenant in (TENANT, OTHER):
        home.states.register(
            tenant, 3, f"sha256:{tenant}", trained_by=machine("nightly"), risk=Risk.HIGH, actor=machine("n"), now=NOW
        )
    signals = [
        Signal(tenant, "drift", "", Severity.WARNING, f"{tenant} drifted.", {}, "drift", NOW)
        for tenant in (TENANT, OTHER)
    ]
    home.alerts.observe(signals, RuleBook.load(), NOW)
    return home.alerts.unresolved(TENANT)[0].alert_id


@pytest.fixture
def service(
    settings: Settings, home: Home, governed: str, in_this_process: Callable[..., None], clock: Clock
) -> Iterator[Client]:
    with opened(application(settings, now=clock), home.keys.create(TENANT, "boss", "admin")) as client:
        yield client


def fits(client: Client, path: str, response: Any) -> None:
    """The answer is of the form that the document describes."""
    document = client.app.openapi()
    operation = document["paths"][path][response.request.method.lower()]
    content = operation["responses"][str(response.status_code)]["content"]
    Draft202012Validator(content[response.headers["content-type"]]["schema"]).validate(response.json())


# reading


def test_versions_are_listed_with_their_states(service: Client) -> None:
    answer = service.get("/v1/models")
    fits(service, "/v1/models", answer)
    (model,) = answer.json()["models"]
    assert (model["version"], model["digest"], model["state"], model["risk"]) == (3, "sha256:acme", "draft", "high")


def test_a_version_is_shown_with_who_did_what_to_it(service: Client) -> None:
    answer = service.get("/v1/models/3")
    fits(service, "/v1/models/{version}", answer)
    assert {line["subject"] for line in answer.json()["audit"]} == {f"model:{TENANT}/3"}
    assert service.get("/v1/models/4").status_code == 404
    assert service.get("/v1/models/0").status_code == 422
    assert service.get("/v1/models/nonsense").status_code == 422


def test_the_history_answers_for_one_lead_at_a_minute(
    service: Client, asked: list[dict[str, Any]], in_this_process: Callable[..., None]
) -> None:
    answer = service.get("/v1/models/history")
    fits(service, "/v1/models/history", answer)
    assert answer.json() == {"changes": [], "answer": None}
    assert service.get("/v1/models/history?lead_id=lead-1&at=2026-02-01T10:00:00Z").json()["answer"] is None
    assert asked[-1]["at"] == "2026-02-01T10:00:00+00:00"
    assert service.get("/v1/models/history?lead_id=lead-1&at=2026-02-01T10:00:00").status_code == 422


def test_the_audit_log_is_read_in_pages_that_neither_skip_nor_repeat(service: Client, home: Home) -> None:
    for number in range(7):
        home.audit.append(
            tenant=TENANT, actor=machine("m"), act="a", subject=f"s{number}", reason="r", details={}, at=NOW
        )
    seen: list[int] = []
    before = ""
    while True:
        page = service.get(f"/v1/audit?limit=3{before}")
        fits(service, "/v1/audit", page)
        seen += [line["number"] for line in page.json()["lines"]]
        if page.json()["next_before"] is None:
            break
        before = f"&before={page.json()['next_before']}"
    assert seen == [line["number"] for line in home.audit.read(TENANT)]
    assert [line["subject"] for line in service.get("/v1/audit?subject=s4").json()["lines"]] == ["s4"]


def test_alerts_are_listed_and_taken_on(service: Client, governed: str, home: Home) -> None:
    answer = service.get("/v1/alerts")
    fits(service, "/v1/alerts", answer)
    assert [one["summary"] for one in answer.json()["alerts"]] == ["acme drifted."]
    taken = service.post(f"/v1/alerts/{governed}/acknowledge", WHY)
    fits(service, "/v1/alerts/{alert_id}/acknowledge", taken)
    assert (taken.json()["state"], taken.json()["acknowledged_by"]) == ("acknowledged", "boss")
    assert home.audit.read(TENANT)[0]["act"] == "alert.acknowledge"
    assert [one["state"] for one in service.get("/v1/alerts?resolved=true").json()["alerts"]] == ["acknowledged"]


# acts


def test_acts_are_those_of_the_commands_by_the_holder_of_the_key(
    service: Client, asked: list[dict[str, Any]], in_this_process: Callable[..., None]
) -> None:
    seen: list[dict[str, Any]] = []

    def approve(home: Home, tenant: str, version: int, **told: Any) -> ModelState:
        seen.append({"tenant": tenant, "version": version, **told})
        return home.states.read(tenant, version)

    in_this_process(approve=governance_process._model_act(approve))
    answer = service.post("/v1/models/3/approve", WHY)
    fits(service, "/v1/models/{version}/{act}", answer)
    assert answer.json() == {"version": 3, "digest": "sha256:acme", "state": "draft"}
    (told,) = seen
    assert (told["tenant"], told["version"], told["reason"], told["now"]) == (TENANT, 3, "looked at it", NOW)
    assert (told["actor"].name, told["actor"].kind) == ("boss", "person")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (NotFoundError("There is no version 3."), 404, "no version 3"),
        (RefusedError("Four eyes are needed."), 403, "Four eyes"),
        (UnavailableError("/secret/place is away."), 503, "safe to repeat"),
    ],
)
def test_refusals_of_acts_are_problems(
    service: Client, in_this_process: Callable[..., None], error: LintelError, status: int, said: str
) -> None:
    def refuse(*_: Any) -> Any:
        raise error

    in_this_process(reject=refuse)
    answer = service.post("/v1/models/3/reject", WHY)
    fits(service, "/v1/models/{version}/{act}", answer)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert "/secret" not in answer.text


def test_steering_where_nothing_is_rolled_out_is_told(service: Client) -> None:
    for act in ("hold", "resume", "rollback", "complete"):
        answer = service.post(f"/v1/rollouts/{act}", WHY)
        assert answer.status_code in (404, 409), answer.text
        fits(service, "/v1/rollouts/{act}", answer)
    assert service.get("/v1/rollouts").json() == {"rollouts": []}
    assert service.post("/v1/rollouts/nonsense", WHY).status_code == 422


def test_a_rollout_is_started_with_its_strategy(
    service: Client, asked: list[dict[str, Any]], in_this_process: Callable[..., None]
) -> None:
    in_this_process(start=lambda home, told: {"rollout": None})
    answer = service.post("/v1/rollouts", {"version": 3, "reason": "better", "strategy": "canary"})
    fits(service, "/v1/rollouts", answer)
    assert asked[-1] == {
        "act": "start",
        "tenant": TENANT,
        "now": NOW.isoformat(),
        "version": 3,
        "reason": "better",
        "strategy": "canary",
        "actor": "boss",
    }
    assert service.post("/v1/rollouts", {"version": 3, "reason": "x", "strategy": "leap"}).status_code == 422
    assert service.post("/v1/rollouts", {"version": 0, "reason": "x"}).status_code == 422


def test_an_act_needs_a_reason_and_nothing_else(service: Client, governed: str) -> None:
    bodies: list[Any] = [{}, {"reason": ""}, {"reason": 3}, {"reason": "x", "tenant": OTHER}, []]
    for path, body in product(ACTS, bodies):
        assert service.post(path.format(alert=governed), body).status_code == 422, (path, body)


# who may


@pytest.mark.parametrize("role", ["read", "write"])
def test_only_admin_keys_act(service: Client, home: Home, governed: str, role: str) -> None:
    key = home.keys.create(TENANT, role, role)
    for path in (*ACTS, "/v1/rollouts"):
        answer = service.post(path.format(alert=governed), WHY, key=key)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:lintel:problem:role-too-weak"), path
        assert service.post(path.format(alert=governed), WHY, key=None).status_code == 401, path
    assert home.alerts.unresolved(TENANT)[0].state == "firing"


def test_every_key_may_read_and_nobody_without_one(
    service: Client, home: Home, in_this_process: Callable[..., None]
) -> None:
    in_this_process(report=lambda _, told: {"scope": told["tenant"]})
    key = home.keys.create(TENANT, "reader", "read")
    for path in READS:
        assert service.get(path, key=key).status_code == 200, path
        assert service.get(path, key=None).status_code == 401, path


def test_nobody_sees_another_tenants(
    service: Client, home: Home, asked: list[dict[str, Any]], in_this_process: Callable[..., None]
) -> None:
    in_this_process(report=lambda _, told: {"scope": told["tenant"]})
    key = home.keys.create(OTHER, "other", "admin")
    for path in READS:
        mine, theirs = service.get(path), service.get(path, key=key)
        assert OTHER not in mine.text, path
        assert TENANT not in theirs.text, path
    assert [one["tenant"] for one in asked] == [TENANT, OTHER, TENANT, OTHER]


def test_nobody_moves_another_tenants(
    service: Client, home: Home, governed: str, asked: list[dict[str, Any]], in_this_process: Callable[..., None]
) -> None:
    in_this_process(
        **{act: lambda _, told: {"version": 3, "digest": "", "state": told["tenant"]} for act in ("approve",)}
    )
    key = home.keys.create(OTHER, "other", "admin")
    assert service.post(f"/v1/alerts/{governed}/acknowledge", WHY, key=key).status_code == 404
    assert home.alerts.unresolved(TENANT)[0].state == "firing"
    assert service.post("/v1/models/3/approve", WHY, key=key).json()["state"] == OTHER
    assert asked[-1]["tenant"] == OTHER


# the process


def test_acts_run_in_a_process_of_their_own_that_loads_what_it_needs(
    settings: Settings, home: Home, governed: str
) -> None:
    """The real one: it opens the same home, refuses as the act does, and leaves nothing behind."""

    async def ask() -> list[Any]:
        process = GovernanceProcess(settings)
        found: list[Any] = [await process.run("history", TENANT, NOW, lead_id=None, at=NOW.isoformat(), limit=5)]
        try:
            await process.run("hold", TENANT, NOW, actor="boss", reason="x")
        except RequestError as error:
            found.append((error.status, error.message))
        return found

    history, refused = asyncio.run(ask())
    assert history == {"changes": [], "answer": None}
    assert refused[0] in (404, 409)
    assert TENANT in refused[1]


def test_a_process_that_hangs_is_ended(settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governance_process, "LONGEST_SECONDS", 0.05)

    async def ask() -> None:
        await GovernanceProcess(settings).run("history", TENANT, NOW, lead_id=None, at=NOW.isoformat(), limit=5)

    with pytest.raises(UnavailableError, match="too long"):
        asyncio.run(ask())


def test_too_many_acts_at_once_are_told_to_come_back(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> list[Any]:
        over = asyncio.Event()

        async def wait(*_: Any) -> dict[str, Any]:
            await over.wait()
            return {}

        monkeypatch.setattr(GovernanceProcess, "_run", wait)
        process = GovernanceProcess(settings)
        tasks = [asyncio.create_task(process.run("history", TENANT, NOW)) for _ in range(8)]
        await asyncio.sleep(0.05)
        over.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(ask())
    refused = [one for one in found if isinstance(one, RequestError)]
    assert len(refused) == 3
    assert all(one.status == 503 and one.headers["Retry-After"] for one in refused)
