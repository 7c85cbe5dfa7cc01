"""HEAD is answered as GET is, without the body, and counted as what it is."""

import asyncio
from typing import Any

import pytest

from serving.head import HeadAsGet
from serving.problems import problem
from tests.serving.clients import Client


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v1/leads", "/v1/model", "/docs.json"])
def test_head_has_the_status_and_headers_of_get(client: Client, path: str) -> None:
    head, get = client.request("HEAD", path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


def test_head_is_refused_where_get_is(client: Client) -> None:
    assert client.request("HEAD", "/v1/model", key=None).status_code == 401
    assert client.request("HEAD", "/v1/nothing").status_code == 404
    assert client.request("HEAD", "/v1/score").headers["allow"] == "POST"
    assert client.request("PUT", "/livez").headers["allow"] == "GET, HEAD"


def test_head_is_counted_by_its_own_name(client: Client) -> None:
    assert client.request("HEAD", "/metrics").status_code == 200
    assert 'method="HEAD",route="/metrics",status="200"} 1.0' in client.get("/metrics").text


def test_no_byte_of_the_body_is_sent() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD"}
    asyncio.run(HeadAsGet(problem(404, "not-found", "There is nothing."))(scope, None, send))  # type: ignore[arg-type]
    assert [message.get("body", b"") for message in sent] == [b"", b""]
    assert scope["method"] == "HEAD"
