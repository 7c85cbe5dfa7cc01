"""`POST /v1/score`."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lintel.home import Home
from lintel.scoring.answers import answer_leads
from tests.serving.clients import NOW, OTHER, Client, event
from tests.serving.counting import DIGEST, counting_answers


@pytest.fixture
def with_events(client: Client) -> Client:
    assert client.post("/v1/events", {"events": [event(number) for number in range(6)]}).status_code == 200
    return client


def test_the_stand_in_takes_what_the_real_function_takes() -> None:
    assert list(inspect.signature(counting_answers).parameters) == list(inspect.signature(answer_leads).parameters)


def test_leads_are_answered_in_the_order_asked_and_unknown_ones_in_their_place(with_events: Client) -> None:
    answer = with_events.score("lead-1", "nobody", "lead-0").json()["scores"]
    assert [one["lead_id"] for one in answer] == ["lead-1", "nobody", "lead-0"]
    assert answer[1]["error"]["type"] == "unknown-lead"
    assert [one["known"] for one in (answer[0], answer[2])] == [2, 2]


def test_an_answer_names_its_model_and_rung(with_events: Client) -> None:
    (answer,) = with_events.score("lead-0").json()["scores"]
    assert answer["served_by"] == "champion"
    assert answer["model"] == {"digest": DIGEST, "version": 1}


def test_reasons_come_when_asked_for(with_events: Client) -> None:
    assert "reasons" not in with_events.score("lead-0").json()["scores"][0]
    assert "reasons" in with_events.score("lead-0", explain=True).json()["scores"][0]


def test_as_of_before_the_first_event_has_an_error_in_its_place(with_events: Client) -> None:
    (answer,) = with_events.score("lead-0", as_of="2020-01-01T00:00:00Z").json()["scores"]
    assert answer["error"]["type"] == "not-enough-history"


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00+14:00", "1989-12-31T23:59:59Z"])
def test_as_of_before_any_event_can_be_is_refused(client: Client, as_of: str) -> None:
    response = client.score("lead-0", as_of=as_of)
    assert (response.status_code, response.json()["type"]) == (422, "urn:lintel:problem:as-of-too-early")
    assert response.json()["errors"] == [{"pointer": "/as_of", "detail": "lies before 1990-01-01T00:00:00Z"}]


def test_as_of_looks_back(with_events: Client) -> None:
    early = (NOW - timedelta(days=30)).isoformat()
    assert with_events.score("lead-0", as_of=early).json()["scores"][0]["known"] == 1


@pytest.mark.parametrize("as_of", ["2026-02-20T01:00:00", "soon", 5, "2027-01-01T00:00:00Z"])
def test_as_of_without_a_zone_or_in_the_future_is_refused(client: Client, as_of: Any) -> None:
    response = client.score("lead-0", as_of=as_of)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/as_of"


@pytest.mark.parametrize("count", [0, 6])
def test_the_number_of_leads_is_bounded(client: Client, count: int) -> None:
    response = client.score(*["lead-0"] * count)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/lead_ids"


def test_the_largest_number_of_leads_is_answered(with_events: Client) -> None:
    assert len(with_events.score(*["lead-0"] * 5).json()["scores"]) == 5


def test_another_tenants_lead_is_unknown(with_events: Client, home: Home, promote: Callable[..., None]) -> None:
    promote(scope=OTHER)
    key = home.keys.create(OTHER, "other", "read")
    response = with_events.post("/v1/score", {"lead_ids": ["lead-0"]}, key=key)
    assert response.json()["scores"][0]["error"]["type"] == "unknown-lead"


def test_a_tenant_without_a_model_is_told_when_to_ask_again(client: Client, home: Home) -> None:
    key = home.keys.create(OTHER, "other", "read")
    response = client.post("/v1/score", {"lead_ids": ["lead-0"]}, key=key)
    assert (response.status_code, response.json()["type"]) == (503, "urn:lintel:problem:not-ready")
    assert int(response.headers["retry-after"]) > 0
