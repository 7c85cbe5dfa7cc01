"""The service as callers meet it: over a socket, from the source tree, with two workers and a real champion."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import score_leads
from lintel.settings import Settings
from serving.process import Endpoint, bento
from tests.bentos.conftest import TENANT, Brokerage


@pytest.fixture(scope="module")
def endpoint(brokerage: Brokerage) -> Iterator[Endpoint]:
    with bento(brokerage.settings, port=0) as endpoint:
        yield endpoint


@pytest.fixture
def client(endpoint: Endpoint, brokerage: Brokerage) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {brokerage.key}"}
    with httpx.Client(base_url=endpoint.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def test_the_endpoint_answers_what_the_library_answers(client: httpx.Client, brokerage: Brokerage) -> None:
    leads = list(brokerage.lead_ids[:20])
    served = client.post("/v1/score", json={"lead_ids": leads, "explain": True}).json()["scores"]
    home = Home(brokerage.settings)
    champion = champion_bundle(home.traffic, brokerage.settings.bundles_path, TENANT)
    tenant = home.events.tenant(TENANT)
    own = score_leads(
        home.events,
        champion.bundle,
        tenant,
        leads,
        None,
        explain=True,
        model_version=champion.version,
        served_by="champion",
    )
    home.close()
    assert [one["lead_id"] for one in served] == leads
    assert any("dimensions" in one for one in served)
    assert [without_id(one) for one in served] == [without_id(one) for one in own]


def without_id(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "decision_id"}


def test_an_appended_event_is_seen_by_the_next_score_in_every_worker(
    client: httpx.Client, brokerage: Brokerage
) -> None:
    lead = brokerage.lead_ids[0]
    before = client.post("/v1/score", json={"lead_ids": [lead]}).json()["scores"][0]["seq"]
    event = {"event_id": "over-http", "lead_id": lead, "occurred_at": "2024-06-01T12:00:00Z", "kind": "email.opened"}
    appended = client.post("/v1/events", json={"events": [event]}).json()
    assert appended["last_seq"] > before
    for _ in range(20):  # a connection each, so that both workers get some
        response = httpx.post(
            str(client.base_url.join("/v1/score")), json={"lead_ids": [lead]}, headers=client.headers, trust_env=False
        )
        assert response.json()["scores"][0]["seq"] == appended["last_seq"]


def test_a_body_that_claims_less_than_it_sends_and_one_too_large_are_refused(client: httpx.Client) -> None:
    large = b'{"lead_ids": ["' + b"x" * 2_000_000 + b'"]}'
    headers = {"Content-Type": "application/json"}
    assert client.post("/v1/score", content=large, headers=headers).status_code == 413
    pieces = (large[start : start + 65_536] for start in range(0, len(large), 65_536))
    assert client.post("/v1/score", content=pieces, headers=headers).status_code == 413
    assert client.get("/livez").status_code == 200


def test_refusals_are_problems_over_a_socket_too(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/score", 405),
        ("PUT", "/livez", 405),
        ("GET", "/metrics/", 404),
        ("GET", "/static_content/nothing.js", 404),
        ("GET", "/static_content/../service.py", 404),
        ("POST", "/static_content/swagger-ui.css", 405),
    ):
        response = client.request(method, path)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), path


def test_head_is_the_head_of_get(client: httpx.Client) -> None:
    """On one connection: a body after a HEAD would be read as the next answer."""
    for path in ("/livez", "/readyz", "/v1/leads", "/v1/model", "/docs.json", "/", "/static_content/swagger-ui.css"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content, get.status_code) == (200, b"", 200), path
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.headers["content-length"] == str(len(get.content)) or "content-encoding" in get.headers
    assert client.head("/metrics").status_code == 200
    assert client.head("/v1/score").status_code == 405


def test_docs_json_holds_every_route_and_the_start_page_nothing_foreign(client: httpx.Client) -> None:
    paths = client.get("/docs.json").json()["paths"]
    assert {"/v1/score", "/v1/events", "/v1/leads", "/v1/model", "/livez", "/readyz", "/metrics"} <= set(paths)
    page = client.get("/").text
    assert "/docs.json" in page
    assert "http" not in page.replace("http-equiv", "")
    assert client.get("/static_content/swagger-ui-bundle.js").status_code == 200


def test_metrics_are_of_both_workers(client: httpx.Client) -> None:
    def ask(_: int) -> int:
        return httpx.get(str(client.base_url.join("/livez")), trust_env=False).status_code

    counted = 'lintel_http_requests_total{method="GET",route="/livez",status="200"} '
    before = value(client, counted)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(40))) == {200}
    assert value(client, counted) == before + 40
    workers = [line for line in client.get("/metrics").text.splitlines() if line.startswith("lintel_model_workers{")]
    assert [line.rpartition(" ")[2] for line in workers] == ["2.0"]


def value(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_no_request_is_in_the_log(endpoint: Endpoint, client: httpx.Client) -> None:
    client.post("/v1/score", json={"lead_ids": ["Ann Smith 555-0134"]})
    client.post("/v1/score", content=b"{Ann Smith", headers={"Content-Type": "application/json"})
    client.get("/v1/leads", params={"cursor": "Ann Smith"})
    assert "Smith" not in endpoint.log.read_text()


def test_a_bento_that_is_not_ready_is_stopped_and_its_log_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("empty") / "home")
    with (
        pytest.raises(UnavailableError, match=r"was not ready within 0 s") as failed,
        bento(settings, port=0, deadline_seconds=0.1),
    ):
        pass
    assert "lead_scoring.log" in str(failed.value)


def test_a_worker_ends_when_its_master_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("killed") / "home")
    with bento(settings, port=0, wait="/livez") as endpoint:
        master = psutil.Process(endpoint.pid)
        family = [master, *master.children(recursive=True)]
        assert len(family) > 1
        master.kill()
        _, left = psutil.wait_procs(family, timeout=20)
        for one in left:
            one.kill()
        assert left == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(endpoint.url + "/livez", trust_env=False)


def test_a_port_on_which_somebody_listens_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("taken") / "home")
    with socket.create_server((settings.host, 0)) as somebody:
        port = somebody.getsockname()[1]
        with (
            pytest.raises(UnavailableError, match=rf"cannot have port {port} .* LINTEL_PORT"),
            bento(settings, port=port),
        ):
            pass
    assert not settings.home.exists()


def test_a_target_that_does_not_exist_fails_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(home=tmp_path_factory.mktemp("empty") / "home")
    with pytest.raises(UnavailableError, match="stopped at once"), bento(settings, "no_such_bento:1", port=0):
        pass
