"""`/livez`, `/readyz`, `/metrics`, `/v1/model`, and what they say when something is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.settings import Settings
from serving.application import application
from tests.serving.clients import TENANT, Client, event, opened
from tests.serving.counting import DIGEST


def samples(client: Client, name: str) -> dict[tuple[str, ...], float]:
    """Values of a metric by its labels' values, in the order of the labels' names."""
    families = text_string_to_metric_families(client.get("/metrics", key=None).text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(one.labels.items())): one.value for one in found}


def test_a_worker_with_store_and_model_is_ready(client: Client) -> None:
    assert client.get("/livez", key=None).text == "ok"
    assert client.get("/readyz", key=None).json() == {"ready": True, "store": "ok", "model": "ok", "compute": "ok"}
    assert client.get("/startupz", key=None).text == "ok"


def test_a_worker_without_a_model_is_alive_and_not_ready(settings: Settings, home: Home) -> None:
    with opened(application(settings)) as client:
        assert client.get("/livez").status_code == 200
        response = client.get("/readyz")
    body = response.json()
    assert (response.status_code, body["type"]) == (503, "urn:lintel:problem:not-ready")
    assert (body["ready"], body["store"]) == (False, "ok")
    assert int(response.headers["retry-after"]) > 0


def test_a_worker_whose_bundle_is_missing_is_not_ready_and_says_which(
    settings: Settings, promote: Callable[..., None]
) -> None:
    promote(version=4)
    with opened(application(settings)) as client:
        body = client.get("/readyz").json()
    assert body["model"] == "The bundle aaaaaaaaaaaa of model version 4 cannot be loaded."


def test_a_worker_whose_store_fails_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise UnavailableError("/srv/events.db is not a database.")

    monkeypatch.setattr(client.app.state.runtime.home.events, "tenants", broken)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["store"]) == (503, "unavailable")
    assert "/srv" not in response.text


def test_the_model_is_named_with_its_rung(client: Client) -> None:
    assert client.get("/v1/model").json() == {
        "name": "lead-scoring.acme",
        "version": 1,
        "digest": DIGEST,
        "served_by": "champion",
        "faults": [],
    }


def test_requests_are_counted_by_route_and_status(client: Client) -> None:
    client.score("lead-0")
    client.post("/v1/score", {}, key="wrong")
    client.get("/v1/made-up")
    client.get("/v1/made-up-too")
    counted = samples(client, "lintel_http_requests_total")
    assert counted["POST", "/v1/score", "200"] == 1
    assert counted["POST", "/v1/score", "401"] == 1
    assert counted["GET", "unmatched", "404"] == 2
    assert samples(client, "lintel_http_request_duration_seconds_count")["POST", "/v1/score"] == 2


def test_leads_and_events_are_counted_by_what_became_of_them(client: Client) -> None:
    client.post("/v1/events", {"events": [event(0), event(0), event(1, kind="no.such.kind")]})
    client.score("lead-0", "nobody")
    outcomes = {("appended",): 1, ("duplicate",): 1, ("withheld",): 0, ("rejected",): 1}
    assert samples(client, "lintel_events_total") == outcomes
    assert samples(client, "lintel_scored_leads_total") == {
        ("scored", "champion", "interactive"): 1,
        ("error", "champion", "interactive"): 1,
    }


def test_no_label_names_a_tenant_or_a_lead(client: Client) -> None:
    client.post("/v1/events", {"events": [event(0)]})
    client.score("lead-0", "nobody")
    exposition = client.get("/metrics", key=None).text + client.get("/readyz", key=None).text
    assert not any(word in exposition for word in ("lead-0", "nobody", TENANT))


def test_the_model_gauge_follows_a_swap(
    client: Client, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    newer = "sha256:" + "b" * 64
    put_bundle(newer)
    promote(newer, version=2)
    client.app.state.runtime.models.refresh()
    workers = samples(client, "lintel_model_workers")
    assert workers == {
        (DIGEST, "champion", "1"): 0,
        (newer, "champion", "2"): 1,
    }
