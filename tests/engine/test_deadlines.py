"""Deadlines, brown-out, refusals: what comes too late is not computed, and each refusal says when to ask again."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

import serving.computation
import serving.scores
from serving.brown_out import Level
from serving.urgency import Urgency
from tests.bentos.conftest import Brokerage
from tests.engine.faults import Models
from tests.engine.service import Service

Serve = Callable[..., AbstractContextManager[Service]]
BULK = {"Lintel-Urgency": "bulk"}


@contextmanager
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The compute thread waits at its next batch until the event is set, at the end at the latest."""
    released, answer = threading.Event(), serving.computation.answer_leads

    def waiting(*arguments: Any, **more: Any) -> Any:
        released.wait(60)
        return answer(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(serving.computation, "answer_leads", waiting)
        try:
            yield released
        finally:
            released.set()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextmanager
def asking(service: Service, *leads: str, **how: Any) -> Iterator[list[httpx.Response]]:
    """A request under way in the background; its response is there after the block."""
    found: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: found.append(service.response(*leads, **how)))
    thread.start()
    try:
        yield found
    finally:
        thread.join(60)


def is_refused(response: httpx.Response, status: int, slug: str) -> bool:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    body = response.json()
    assert (body["type"], body["status"]) == (f"urn:lintel:problem:{slug}", status)
    assert 1 <= int(response.headers["retry-after"]) <= 60
    return True


def test_an_answer_wanted_within_a_millisecond_is_a_lesser_one_and_says_so(
    service: Service, brokerage: Brokerage
) -> None:
    for lead in brokerage.lead_ids[:5]:
        (answer,) = service.ask(lead, headers={"Lintel-Timeout-Ms": "1"})
        assert answer["served_by"] == "prior"


def test_what_waits_past_its_deadline_is_answered_at_it_and_never_computed(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models().put_in(monkeypatch)
    first, late, last = brokerage.lead_ids[:3]
    with busy(monkeypatch) as released:
        with asking(service, first):
            until(lambda: service.inference.batcher.computing_seconds() > 0)
            began = time.monotonic()
            (answer,) = service.ask(late, headers={"Lintel-Timeout-Ms": "700"})
            assert answer["served_by"] == "prior"
            assert answer["as_of"]  # the end of the log was known
            assert 0.6 < time.monotonic() - began < 5.0
            released.set()
        service.ask(last)
    assert models.asked == [1, 1]  # the first and the last
    assert service.metric("lintel_refused_rows_total", urgency="interactive", reason="deadline-passed") == 1


def test_a_bulk_request_past_its_deadline_is_told_when_to_ask_again(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with busy(monkeypatch) as released, asking(service, brokerage.lead_ids[0]):
        until(lambda: service.inference.batcher.computing_seconds() > 0)
        late = service.response(*brokerage.lead_ids[1:40], headers=BULK | {"Lintel-Timeout-Ms": "500"})
        released.set()
    assert is_refused(late, 503, "overloaded")
    at_once = service.response(*brokerage.lead_ids[40:80], headers=BULK | {"Lintel-Timeout-Ms": "1"})
    assert is_refused(at_once, 503, "overloaded")
    assert service.metric("lintel_shed_requests_total", urgency="bulk", reason="overloaded") == 2


def test_a_full_queue_refuses_its_class_and_no_other(
    service: Service, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads, responses = brokerage.lead_ids[:200], []
    with busy(monkeypatch) as released:
        threads = [
            threading.Thread(target=lambda: responses.append(service.response(*leads, headers=BULK))) for _ in range(60)
        ]
        for thread in threads:
            thread.start()
        until(lambda: any(one.status_code == 503 for one in responses))
        with asking(service, leads[0]) as interactive:
            released.set()
        for thread in threads:
            thread.join(60)
    assert interactive[0].json()["scores"][0]["served_by"] == "champion"
    assert {one.status_code for one in responses} == {200, 503}
    assert all(is_refused(one, 503, "overloaded") for one in responses if one.status_code == 503)
    assert all(len(one.json()["scores"]) == 200 for one in responses if one.status_code == 200)
    assert sum(service.inference.admission.rows_in_flight().values()) == 0


def test_the_largest_request_that_is_allowed_fits_into_an_empty_queue(serve: Serve) -> None:
    with serve(max_leads=4_500) as service:
        answers = service.ask(*(f"nobody {number}" for number in range(4_500)), headers=BULK)
    assert len(answers) == 4_500


def test_a_quota_is_told_by_its_headers_and_refused_when_it_is_empty(serve: Serve, brokerage: Brokerage) -> None:
    leads = brokerage.lead_ids
    with serve(quota_rows_per_second=0.5, quota_burst_rows=10) as service:
        response = service.response(*leads[:8])
        assert (response.status_code, "r=2" in response.headers["ratelimit"]) == (200, True)
        refused = service.response(*leads[:8])
        assert is_refused(refused, 429, "quota-exceeded")
        assert service.metric("lintel_shed_requests_total", urgency="interactive", reason="quota-exceeded") == 1


def test_a_quota_is_asked_as_of_when_the_body_has_arrived(
    serve: Serve, brokerage: Brokerage, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads, later = brokerage.lead_ids, 0.0
    with serve(quota_rows_per_second=1.0, quota_burst_rows=5) as service:
        headers = {"Authorization": f"Bearer {service.client.key}", "Content-Type": "application/json"}
        transport = httpx.ASGITransport(service.client.app)

        async def in_ten_seconds(body: bytes) -> AsyncIterator[bytes]:
            nonlocal later
            yield body[:10]
            async with httpx.AsyncClient(transport=transport, base_url="http://lintel", headers=headers) as other:
                assert (await other.post("/v1/score", json={"lead_ids": leads[:5]})).status_code == 200
            later = 10.0
            yield body[10:]

        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later)
        monkeypatch.setattr(serving.scores, "time", clock)
        body = in_ten_seconds(msgspec.json.encode({"lead_ids": leads[5:10]}))
        response = service.client.request("POST", "/v1/score", content=body, headers=headers)
    assert (response.status_code, "r=0" in response.headers["ratelimit"]) == (200, True), response.text


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Lintel-Urgency": "yesterday"}, "Lintel-Urgency"),
        ({"Lintel-Timeout-Ms": "0"}, "Lintel-Timeout-Ms"),
        ({"Lintel-Timeout-Ms": "60001"}, "Lintel-Timeout-Ms"),
        ({"Lintel-Timeout-Ms": "soon"}, "Lintel-Timeout-Ms"),
    ],
)
def test_a_wrong_header_is_named(service: Service, headers: dict[str, str], named: str) -> None:
    response = service.response("nobody", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert named in response.text


def test_a_header_of_another_standard_that_makes_no_sense_is_as_if_it_were_not_there(service: Service) -> None:
    (answer,) = service.ask("nobody", headers={"Priority": "u=99, ???", "traceparent": "00-zz"})
    assert answer["error"]["type"] == "unknown-lead"


@pytest.fixture
def at_level(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service, Level], None]:
    """Holds the brown-out at a level."""

    def hold(service: Service, level: Level) -> None:
        monkeypatch.setattr(type(service.inference.brown_out), "level", lambda self, now: level)

    return hold


def test_without_explanations_the_answer_says_what_it_leaves_out(
    service: Service, brokerage: Brokerage, at_level: Callable[[Service, Level], None]
) -> None:
    leads = brokerage.lead_ids[:20]
    told = service.ask(*leads[:10], explain=True)
    at_level(service, Level.NO_EXPLANATIONS)
    answers = service.ask(*leads, explain=True)
    assert [one.get("reasons") for one in answers[:10]] == [one.get("reasons") for one in told]  # still held
    spare = [one for one in answers[10:] if "dimensions" in one]
    assert spare
    assert all(one["not_told"] == ["budget_narrowed_by", "counterfactual", "reasons"] for one in spare)
    assert not any("reasons" in one for one in spare)
    assert {one["served_by"] for one in spare} == {"champion"}
    at_level(service, Level.NORMAL)
    assert all("reasons" in one for one in service.ask(*leads, explain=True) if "dimensions" in one)


def test_bulk_is_shed_and_then_events_and_the_light_model_answers_the_rest(
    service: Service, brokerage: Brokerage, at_level: Callable[[Service, Level], None]
) -> None:
    first, second = brokerage.lead_ids[:2]
    service.ask(first)
    for level, classes in (
        (Level.NO_EXPLANATIONS, {"bulk", "event", "interactive"}),
        (Level.SHED_BULK, {"event", "interactive"}),
        (Level.SHED_EVENT, {"interactive"}),
    ):
        at_level(service, level)
        for urgency in Urgency:
            response = service.response(first, headers={"Lintel-Urgency": urgency.label})
            taken = urgency.label in classes
            assert response.status_code == 200 if taken else is_refused(response, 503, "overloaded")
    at_level(service, Level.LIGHT)
    assert [one["served_by"] for one in service.ask(first, second)] == ["champion", "light-model"]  # the first is held


def test_deadlines_hold_where_nothing_answers(service: Service, brokerage: Brokerage) -> None:
    """The loop itself is asked: what waits for a thread that never comes back is answered in time."""

    async def hangs() -> list[Any]:
        return await asyncio.gather(
            *(service.client._ask("POST", "/v1/score", arguments(brokerage, lead)) for lead in brokerage.lead_ids[:30])
        )

    released = threading.Event()
    batcher = service.inference.batcher
    compute = batcher._thread._compute  # type: ignore[union-attr]
    batcher._thread._compute = lambda *question: (released.wait(60), compute(*question))[1]  # type: ignore[union-attr]
    try:
        responses = service.client.portal.call(hangs)
    finally:
        released.set()
    assert {one.status_code for one in responses} == {200}
    assert {one.json()["scores"][0]["served_by"] for one in responses} == {"prior"}


def arguments(brokerage: Brokerage, lead: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {brokerage.key}", "Lintel-Timeout-Ms": "1000"}
    return {"json": {"lead_ids": [lead]}, "headers": headers}
