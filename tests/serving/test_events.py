"""`POST /v1/events`: nothing good is lost because of something bad, and the next score sees what was appended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lintel.events.schema import INCOMING_SCHEMA
from lintel.home import Home
from lintel.store.tenants import Clock, Tenant
from serving.events import event_schema
from tests.serving.clients import OTHER, TENANT, Client, event


def test_appended_events_move_the_next_score(client: Client) -> None:
    client.post("/v1/events", {"events": [event(0)]})
    before = client.score("lead-0").json()["scores"][0]
    answer = client.post("/v1/events", {"events": [event(3), event(6)]}).json()
    after = client.score("lead-0").json()["scores"][0]
    assert (before["seq"], before["known"]) == (1, 1)
    assert (after["seq"], after["known"]) == (answer["last_seq"], 3)


def test_the_same_events_again_change_nothing(client: Client) -> None:
    body = {"events": [event(0), event(1)]}
    assert client.post("/v1/events", body).json() == {
        "appended": 2,
        "duplicates": 0,
        "withheld": 0,
        "rejected": [],
        "first_seq": 1,
        "last_seq": 2,
        "warnings": [],
    }
    again = client.post("/v1/events", body)
    assert again.status_code == 200
    assert (again.json()["appended"], again.json()["duplicates"]) == (0, 2)


def test_events_of_an_erased_lead_are_counted_and_kept_out(client: Client, home: Home) -> None:
    client.post("/v1/events", {"events": [event(0)]})
    home.erase(TENANT, "lead-0", now=datetime.now(UTC))
    answer = client.post("/v1/events", {"events": [event(1), event(3)]}).json()
    assert (answer["appended"], answer["withheld"]) == (1, 1)
    (warning,) = [one for one in answer["warnings"] if "erased" in one]
    assert "lead-0" not in warning
    assert home.events.lead_events(TENANT, ["lead-0"]).num_rows == 0


def test_bad_events_are_named_and_good_ones_kept(client: Client, home: Home) -> None:
    rows: list[Any] = [
        event(0),
        event(1, value="a lot"),
        event(2, kind="no.such.kind"),
        event(3),
        "not an event",
        event(4, occurred_at="2026-02-01T00:00:00"),
        event(5, tenant=OTHER),
        event(6),
    ]
    response = client.post("/v1/events", {"events": rows})
    answer = response.json()
    assert response.status_code == 202
    assert answer["appended"] == 3
    assert [(one["row"], one["column"]) for one in answer["rejected"]] == [
        (2, "value"),
        (3, "kind"),
        (5, "(row)"),
        (6, "occurred_at"),
        (7, "tenant"),
    ]
    assert all(one["reason"] for one in answer["rejected"])
    assert home.events.count(TENANT) == 3
    assert len(home.events.quarantined(TENANT)) == 5


def test_a_batch_without_any_good_event_is_refused_with_every_reason(client: Client) -> None:
    response = client.post("/v1/events", {"events": [event(0, kind="no.such.kind"), {"event_id": "x"}]})
    body = response.json()
    assert (response.status_code, body["type"]) == (422, "urn:lintel:problem:no-event-taken")
    assert [one["row"] for one in body["rejected"]] == [1, 2]
    assert body["errors"][0]["pointer"] == "/events/0/kind"


@pytest.mark.parametrize(
    ("row", "pointer"),
    [("no object", "/events/0"), (event(0) | {"a/b~c": 1}, "/events/0/a~1b~0c")],
)
def test_a_refusal_points_at_the_place(client: Client, row: Any, pointer: str) -> None:
    assert client.post("/v1/events", {"events": [row]}).json()["errors"][0]["pointer"] == pointer


def test_an_event_that_moves_the_clock_of_an_old_log_is_warned_of(client: Client, home: Home) -> None:
    home.events.put_tenant(Tenant(id=TENANT, labels="simulator", clock=Clock.LOG_END))
    client.post("/v1/events", {"events": [event(0, occurred_at="2012-03-01T00:00:00Z")]})
    answer = client.post("/v1/events", {"events": [event(1, occurred_at="2026-02-27T00:00:00Z")]})
    assert (answer.status_code, answer.json()["appended"]) == (200, 1)
    assert len(answer.json()["warnings"]) == 1
    assert "5111 days later" in answer.json()["warnings"][0]


@pytest.mark.parametrize("count", [0, 21])
def test_the_number_of_events_is_bounded(client: Client, home: Home, count: int) -> None:
    response = client.post("/v1/events", {"events": [event(number) for number in range(count)]})
    assert response.status_code == 422
    assert home.events.count(TENANT) == 0


def test_texts_are_redacted_before_they_are_stored(client: Client, home: Home) -> None:
    client.post("/v1/events", {"events": [event(0, kind="sms.inbound", text="call me on 303-555-0134")]})
    assert "0134" not in str(home.events.bodies(TENANT, ["e0"])["e0"].text)


def test_the_published_schema_names_every_field() -> None:
    schema = event_schema()
    assert list(schema["properties"]) == INCOMING_SCHEMA.names
    assert schema["required"] == ["event_id", "lead_id", "occurred_at", "kind"]


@pytest.mark.parametrize("depth", [10, 400, 900, 980])
def test_nested_attributes_are_taken_or_refused_and_never_break(client: Client, depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    body = b'{"events": [{"event_id":"n","lead_id":"lead-0","occurred_at":"2026-02-01T00:00:00Z","kind":"email.sent",'
    body += b'"attributes":' + nested + b"}]}"
    response = client.request("POST", "/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {200, 400, 422}
