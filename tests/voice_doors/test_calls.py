"""The calls of a tenant over HTTP: live and kept, watched, judged and ended, and nobody else's."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection

from serving.voice import live
from tests.voice_doors.conftest import Dial, Serve, Served, kept, live_call
from tests.voice_doors.tones import spoken
from tests.voice_doors.twilio_client import CALL, CONSENTED, closed, dialled, play, stop

Event = dict[str, Any]


@contextmanager
def watching(client: httpx.Client, call_id: str, after: int | None = None) -> Iterator[Iterator[Event]]:
    """The events of a call as a watcher gets them; heartbeats are events without an id."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", f"/v1/calls/{call_id}/live", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        else:
            if "retry" not in fields:
                yield _event(fields)
            fields = {}


def _event(fields: dict[str, str]) -> Event:
    if "data" not in fields:
        return {"id": None}
    return {"id": int(fields["id"]), "event": fields["event"], "data": json.loads(fields["data"])}


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture
def connection(served: Served, dial: Dial) -> ClientConnection:
    return dial(served.key, **CONSENTED, lead_id="lead-7")


def test_a_watcher_sees_everything_and_one_who_comes_back_only_what_follows(
    served: Served, client: httpx.Client, connection: ClientConnection
) -> None:
    play(connection, spoken(["hello", "house"]), spoken(["price"]))
    call_id = live_call(served, CALL)
    with watching(client, call_id) as events:
        stop(connection)
        all_of_it = list(events)
    numbers = [event["id"] for event in all_of_it]
    assert numbers == sorted(numbers)
    assert all_of_it[0]["event"] == "consent"
    assert all_of_it[-1] == {"id": numbers[-1], "event": "ended", "data": all_of_it[-1]["data"]}
    words = [word["text"] for event in all_of_it if event["event"] == "committed" for word in event["data"]["words"]]
    assert sorted(words) == ["hello", "house", "price"]
    assert [event["data"]["card"]["rule"] for event in all_of_it if event["event"] == "card"] == ["price"]
    middle = numbers[len(numbers) // 2]
    with watching(client, call_id, after=middle) as events:
        assert list(events) == [event for event in all_of_it if event["id"] > middle]


def test_heartbeats_come_while_nothing_happens(
    served: Served, client: httpx.Client, connection: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    with watching(client, live_call(served, CALL)) as events:
        beats = [event["id"] for event, _ in zip(events, range(12), strict=False)].count(None)
    assert beats >= 5


def test_cards_are_judged_and_remembered(served: Served, client: httpx.Client, connection: ClientConnection) -> None:
    play(connection, spoken(["hello"]), spoken(["price"]))
    call_id = live_call(served, CALL)
    with watching(client, call_id) as events:
        card = next(event["data"]["card"] for event in events if event["event"] == "card")
        judged = client.post(f"/v1/calls/{call_id}/cards/{card['card_id']}", json={"verdict": "dismissed"})
        told = next(event["data"] for event in events if event["event"] == "card")
    assert (judged.status_code, told["state"], told["card_id"]) == (200, "dismissed", card["card_id"])
    assert client.post(f"/v1/calls/{call_id}/cards/none", json={"verdict": "useful"}).status_code == 404
    assert client.post(f"/v1/calls/{call_id}/cards/none", json={"verdict": "rubbish"}).status_code == 422
    (record,) = served.home.calls.card_records("acme")
    assert (record.rule, record.shown, record.dismissed) == ("price", 1, 1)


def test_a_withdrawal_ends_the_call_at_once(served: Served, client: httpx.Client, connection: ClientConnection) -> None:
    play(connection, spoken(["hello", "house"]), spoken(["yes"]))
    call_id = live_call(served, CALL)
    client.post(f"/v1/calls/{call_id}/consent", json={"speaker": "lead", "state": "withdrawn"})
    assert kept(served, call_id).document["ended"]["reason"] == "consent_withdrawn"


def test_a_call_is_ended_from_the_page(served: Served, client: httpx.Client, connection: ClientConnection) -> None:
    play(connection, spoken(["hello"]), spoken(["yes"]))
    call_id = live_call(served, CALL)
    assert client.post(f"/v1/calls/{call_id}/end").status_code == 200
    assert kept(served, call_id).document["ended"]["reason"] == "hung_up"
    assert client.get(f"/v1/calls/{call_id}").json()["document"]["ended"] == {"reason": "hung_up"}
    listed = client.get("/v1/calls?lead_id=lead-7").json()["calls"]
    assert [(one["call_id"], one["state"]) for one in listed] == [(call_id, "done")]
    assert client.get("/v1/calls?lead_id=lead-8").json()["calls"] == []


def test_another_tenants_call_is_not_there(served: Served, connection: ClientConnection) -> None:
    call_id = live_call(served, CALL)
    with served.client(served.other_key) as other:
        assert other.get("/v1/calls").json() == {"calls": []}
        assert [
            other.request(method, f"/v1/calls/{call_id}{path}", json=body).status_code
            for method, path, body in (
                ("GET", "", None),
                ("GET", "/live", None),
                ("POST", "/consent", {"speaker": "lead", "state": "withdrawn"}),
                ("POST", "/cards/c", {"verdict": "useful"}),
                ("POST", "/end", None),
            )
        ] == [404] * 5
    with served.client() as own:
        assert own.get(f"/v1/calls/{call_id}").json()["consent"]["state"] == "granted"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/calls"),
        ("GET", "/v1/calls/x"),
        ("GET", "/v1/calls/x/live"),
        ("POST", "/v1/calls/x/consent"),
        ("POST", "/v1/calls/x/cards/y"),
        ("POST", "/v1/calls/x/end"),
        ("POST", "/v1/calls/analyse"),
        ("POST", "/v1/transcribe"),
        ("POST", "/v1/webrtc/offer"),
        ("GET", "/v1/webrtc/servers"),
    ],
)
def test_every_route_needs_a_key_that_may(served: Served, method: str, path: str) -> None:
    with served.client(None) as nobody, served.client(served.reader_key) as reader:
        assert nobody.request(method, path).status_code == 401
        if method == "POST":
            assert reader.request(method, path).status_code == 403


@pytest.mark.parametrize("body", [{}, {"speaker": "lead"}, {"state": "granted"}, {"speaker": "x", "state": "granted"}])
def test_consent_that_says_nothing_is_refused(
    served: Served, client: httpx.Client, connection: ClientConnection, body: dict[str, str]
) -> None:
    answer = client.post(f"/v1/calls/{live_call(served, CALL)}/consent", json=body)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("connection")
def test_a_last_event_id_that_is_none_is_refused(served: Served, client: httpx.Client) -> None:
    path = f"/v1/calls/{live_call(served, CALL)}/live"
    assert client.get(path, headers={"Last-Event-ID": "seven"}).status_code == 422


def test_stopping_the_service_ends_calls_and_streams(serve: Serve) -> None:
    with ExitStack() as outlasting:
        with serve() as served:
            connection = outlasting.enter_context(dialled(served.socket_url))(served.key, **CONSENTED)
            play(connection, spoken(["hello", "today"]), spoken(["yes"]))
            call_id = live_call(served, CALL)
            client = outlasting.enter_context(served.client())
            events = outlasting.enter_context(watching(client, call_id))
            next(events)
        assert list(events)[-1]["data"]["reason"] == "shut_down"
        assert closed(connection) in (1000, 1012)
    assert kept(served, call_id).document["ended"]["reason"] == "shut_down"
