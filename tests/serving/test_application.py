"""The matrix of refusals: every way to ask wrongly has one form of answer, and leaves no input in the log."""

import json
import logging
from typing import Any

import httpx
import pytest

from lintel.home import Home
from serving.engine import Engine
from tests.serving.clients import OTHER, TENANT, Client, event, in_pieces

HOT: list[tuple[str, dict[str, Any]]] = [
    ("/v1/score", {"lead_ids": ["lead-0"]}),
    ("/v1/events", {"events": [event(0)]}),
]
READS = ["/v1/leads", "/v1/model"]
JSON = {"Content-Type": "application/json"}


def refused(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem body, after checking that it is one."""
    body: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, body["status"], body["type"]) == (status, status, f"urn:lintel:problem:{slug}")
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(("path", "body"), HOT)
def test_a_body_needs_a_key(client: Client, path: str, body: dict[str, Any]) -> None:
    response = client.post(path, body, key=None)
    refused(response, 401, "no-key")
    assert response.headers["www-authenticate"].startswith("Bearer")
    refused(client.post(path, body, key="wrong"), 401, "unknown-key")


@pytest.mark.parametrize("path", READS)
def test_a_read_needs_a_key(client: Client, path: str) -> None:
    refused(client.get(path, key=None), 401, "no-key")
    refused(client.get(path, key="wrong"), 401, "unknown-key")


def test_a_key_in_another_scheme_is_no_key(client: Client) -> None:
    response = client.request("GET", "/v1/model", key=None, headers={"Authorization": f"Basic {client.key}"})
    refused(response, 401, "no-key")


def test_a_read_key_may_score_and_not_append(client: Client, home: Home) -> None:
    key = home.keys.create(TENANT, "reader", "read")
    assert client.request("POST", "/v1/score", key=key, json=HOT[0][1]).status_code == 200
    refused(client.request("POST", "/v1/events", key=key, json=HOT[1][1]), 403, "role-too-weak")


@pytest.mark.parametrize(("path", "body"), HOT)
def test_a_body_that_names_another_tenant_is_refused(client: Client, path: str, body: dict[str, Any]) -> None:
    refused(client.post(path, {**body, "tenant": OTHER}), 403, "other-tenant")
    assert client.post(path, {**body, "tenant": TENANT}).status_code == 200


@pytest.mark.parametrize(("path", "body"), HOT)
def test_a_body_that_is_too_large_is_refused(client: Client, path: str, body: dict[str, Any]) -> None:
    large = json.dumps({**body, "tenant": "x" * 30_000}).encode()
    refused(client.request("POST", path, content=large, headers=JSON), 413, "body-too-large")
    refused(client.request("POST", path, content=in_pieces(large), headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize(("path", "body"), HOT)
def test_a_body_in_chunks_is_read(client: Client, path: str, body: dict[str, Any]) -> None:
    pieces = in_pieces(json.dumps(body).encode(), size=7)
    assert client.request("POST", path, content=pieces, headers=JSON).status_code == 200


@pytest.mark.parametrize("path", [path for path, _ in HOT])
def test_what_is_not_json_is_refused_with_the_place(client: Client, path: str) -> None:
    response = client.request("POST", path, content=b"{Ann Smith}", headers=JSON)
    body = refused(response, 400, "not-json")
    assert "Line 1, column 2 " in body["detail"]
    assert "Smith" not in response.text


@pytest.mark.parametrize("path", [path for path, _ in HOT])
def test_another_media_type_is_refused(client: Client, path: str) -> None:
    response = client.request("POST", path, content=b"{}", headers={"Content-Type": "text/plain"})
    refused(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("path", [path for path, _ in HOT])
def test_unknown_fields_are_refused(client: Client, path: str) -> None:
    body = refused(client.post(path, {**dict(HOT)[path], "surprise": 1}), 422, "wrong-form")
    assert "surprise" in body["errors"][0]["detail"]


def test_unknown_paths_and_methods_are_refused(client: Client) -> None:
    refused(client.get("/v1/nothing"), 404, "not-found")
    refused(client.get("/"), 404, "not-found")
    response = client.get("/v1/score")
    refused(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


def test_an_unexpected_error_is_told_by_its_id_and_logged_without_input(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("could not digest Ann Smith, 555-0134")

    monkeypatch.setattr(Engine, "answers", broken)
    with caplog.at_level(logging.DEBUG):
        response = client.score("lead-0")
    body = refused(response, 500, "unexpected")
    error_id = body["instance"].removeprefix("urn:uuid:")
    assert "Smith" not in response.text
    assert f"error {error_id}: ValueError in broken" in caplog.text
    assert "Smith" not in caplog.text
    assert client.get("/metrics").text.count('route="/v1/score",status="500"} 1.0') == 1


def test_nothing_of_a_request_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    secret = "my number is 555-0134"
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/events", {"events": [event(1, kind="sms.inbound", text=secret), event(2, text=5)]})
        client.post("/v1/events", {"events": [{"text": secret}]})
        client.score(secret)
        client.request("POST", "/v1/score", content=f"{{{secret}".encode(), headers=JSON)
        client.post("/v1/score", {"lead_ids": secret})
        client.get("/v1/leads", params={"cursor": secret})
        client.get("/v1/model", key=secret)
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert "555" not in ours
    assert str(client.key) not in ours
