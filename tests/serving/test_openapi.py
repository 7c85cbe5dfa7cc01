"""The published description is valid, whole, and its examples are what it describes."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from lintel.settings import Settings
from serving.application import application
from tests.serving.clients import Client

Operation = dict[str, Any]


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    return application(settings).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def contents(operation: Operation) -> Iterator[dict[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for response in operation["responses"].values():
        yield from response.get("content", {}).values()


def test_every_route_is_described(document: dict[str, Any], settings: Settings) -> None:
    described = {(path, method) for path, method, _ in operations(document)}
    assert described == {
        ("/v1/score", "POST"),
        ("/v1/events", "POST"),
        ("/v1/leads", "GET"),
        ("/v1/model", "GET"),
        ("/v1/models", "GET"),
        ("/v1/models/history", "GET"),
        ("/v1/models/{version}", "GET"),
        ("/v1/models/{version}/report", "GET"),
        ("/v1/models/{version}/{act}", "POST"),
        ("/v1/rollouts", "GET"),
        ("/v1/rollouts", "POST"),
        ("/v1/rollouts/{act}", "POST"),
        ("/v1/audit", "GET"),
        ("/v1/alerts", "GET"),
        ("/v1/alerts/{alert_id}/acknowledge", "POST"),
        ("/livez", "GET"),
        ("/readyz", "GET"),
        ("/startupz", "GET"),
        ("/metrics", "GET"),
    }
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert operation["description"]


def test_schemas_are_schemas_and_examples_fit_them(document: dict[str, Any]) -> None:
    checked = 0
    for _, _, operation in operations(document):
        for content in contents(operation):
            schema = content["schema"]
            Draft202012Validator.check_schema(schema)
            if "example" in content:
                Draft202012Validator(schema).validate(content["example"])
                checked += 1
    assert checked >= 6


def test_hot_routes_describe_what_they_parse(document: dict[str, Any], settings: Settings) -> None:
    score = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    events = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert score["additionalProperties"] is False
    assert score["properties"]["lead_ids"]["maxItems"] == settings.max_leads
    assert events["properties"]["events"]["maxItems"] == settings.max_events
    assert events["properties"]["events"]["items"]["required"] == ["event_id", "lead_id", "occurred_at", "kind"]


def test_everything_about_leads_asks_for_a_key_and_health_does_not(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, _, operation in operations(document):
        assert bool(operation.get("security")) == path.startswith("/v1/"), path


def test_refusals_are_described_as_problems(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, status)


@pytest.mark.parametrize("path", ["/v1/score", "/v1/events"])
def test_the_examples_are_accepted_by_the_service(client: Client, path: str) -> None:
    document = client.app.openapi()
    example = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert client.post(path, example).status_code == 200


def test_answers_fit_their_schema(client: Client) -> None:
    document = client.app.openapi()
    asked = [
        client.score("nobody"),
        client.post("/v1/events", {"events": [{}]}),
        client.get("/v1/leads"),
        client.get("/v1/model"),
        client.get("/readyz"),
        client.get("/v1/leads", key=None),
    ]
    for response in asked:
        operation = document["paths"][response.request.url.path][response.request.method.lower()]
        media = response.headers["content-type"]
        schema = operation["responses"][str(response.status_code)]["content"][media]["schema"]
        Draft202012Validator(schema).validate(response.json())


def test_the_description_is_served(client: Client) -> None:
    assert client.get("/docs.json", key=None).json() == client.app.openapi()
    assert [route.path for route in client.app.routes if isinstance(route, Route)].count("/docs.json") == 1
