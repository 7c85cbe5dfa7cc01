import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from lintel.events.schema import MAX_ID_LENGTH
from lintel.settings import Settings
from serving.admission.classification import (
    Bounds,
    Timeouts,
    bounds_of,
    deadline_of,
    timeouts_of,
    urgency_of,
    urgency_of_leads,
)
from serving.problems import RequestError
from serving.urgency import Urgency

INTERACTIVE, EVENT, BULK = Urgency.INTERACTIVE, Urgency.EVENT, Urgency.BULK
BOUNDS = Bounds(interactive_leads=20, event_leads=50, undeclared_leads=10)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Lintel-Urgency": "interactive"}, INTERACTIVE),
        ({"lintel-urgency": "EVENT"}, EVENT),
        ({"Lintel-Urgency": "bulk", "Priority": "u=0"}, BULK),
        ({"Priority": "u=0"}, INTERACTIVE),
        ({"Priority": "u=3, i"}, INTERACTIVE),
        ({"Priority": "i, u=4"}, EVENT),
        ({"Priority": "u=5;x=1,i=?0"}, EVENT),
        ({"Priority": " u=6 "}, BULK),
        ({"Priority": "u=1, u=7"}, BULK),
        ({"Priority": "extension=3, u=2"}, INTERACTIVE),
        ({"Priority": "u=7", "Content-Length": "20"}, BULK),
        ({"Content-Length": "1000000"}, BULK),
        ({"Content-Length": "1000"}, None),
        ({"Content-Length": "many"}, None),
        ({}, None),
    ],
)
def test_class_of_the_head(headers: dict[str, str], expected: Urgency | None) -> None:
    assert urgency_of(Headers(headers), BOUNDS) is expected


@pytest.mark.parametrize("field", ["", "u", "u=8", "u=-1", "u=2.5", 'u="1"', "i", "U=1", "u=1,,", "=1", "u=１"])
def test_a_priority_that_says_nothing_is_as_if_not_there(field: str) -> None:
    assert urgency_of(Headers({"Priority": "u=7"}), BOUNDS) is BULK
    assert urgency_of({"priority": field}, BOUNDS) is None


@given(st.text(max_size=40))
def test_no_priority_is_an_error(field: str) -> None:
    assert urgency_of({"priority": field}, BOUNDS) in {None, *Urgency}


@pytest.mark.parametrize("name", ["", "urgent", "interactive, bulk", "0"])
def test_unknown_class_is_refused_by_name_of_the_header_and_the_values(name: str) -> None:
    for classify in (lambda h: urgency_of(h, BOUNDS), lambda h: urgency_of_leads(h, 1, BOUNDS)):
        with pytest.raises(RequestError, match="Lintel-Urgency must be one of interactive, event, bulk") as raised:
            classify(Headers({"Lintel-Urgency": name}))
        assert raised.value.status == 422


@pytest.mark.parametrize(
    ("headers", "leads", "expected"),
    [
        ({"Lintel-Urgency": "interactive"}, 20, INTERACTIVE),
        ({"Lintel-Urgency": "interactive"}, 21, BULK),
        ({"Priority": "u=0"}, 21, BULK),
        ({"Lintel-Urgency": "event"}, 50, EVENT),
        ({"Lintel-Urgency": "event"}, 51, BULK),
        ({"Lintel-Urgency": "bulk"}, 1, BULK),
        ({}, 10, INTERACTIVE),
        ({}, 11, BULK),
        ({"Content-Length": "1000000"}, 1, INTERACTIVE),  # a guess from the length yields to the leads
    ],
)
def test_class_once_the_leads_are_counted(headers: dict[str, str], leads: int, expected: Urgency) -> None:
    assert urgency_of_leads(Headers(headers), leads, BOUNDS) is expected


@given(
    st.sampled_from([{}, {"lintel-urgency": "interactive"}, {"lintel-urgency": "event"}, {"priority": "u=1"}]),
    st.integers(1, 200),
    st.integers(1, 200),
)
def test_more_leads_are_never_more_urgent(headers: dict[str, str], one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert urgency_of_leads(headers, fewer, BOUNDS) <= urgency_of_leads(headers, more, BOUNDS)


@given(st.lists(st.text("abcXYZ09-", min_size=1, max_size=MAX_ID_LENGTH), min_size=1, max_size=60), st.booleans())
def test_length_calls_nothing_bulk_that_has_few_leads(lead_ids: list[str], explain: bool) -> None:
    body = json.dumps({"lead_ids": lead_ids, "as_of": "2012-02-20T01:00:00Z", "explain": explain, "tenant": "t" * 200})
    guessed = urgency_of({"content-length": str(len(body))}, BOUNDS)
    assert guessed in (None, BULK)
    assert guessed is None or urgency_of_leads({}, len(lead_ids), BOUNDS) is BULK


def test_deadline_is_the_classes_own_unless_the_request_says_so() -> None:
    timeouts = Timeouts(interactive=1.0, event=10.0, bulk=30.0)
    assert [deadline_of({}, urgency, timeouts, 100.0) for urgency in Urgency] == [101.0, 110.0, 130.0]
    assert deadline_of(Headers({"lintel-timeout-ms": "250"}), BULK, timeouts, 100.0) == 100.25
    assert deadline_of(Headers({"Lintel-Timeout-Ms": "60000"}), INTERACTIVE, timeouts, 100.0) == 160.0


@pytest.mark.parametrize("value", ["0", "60001", "-5", "1.5", "soon", "", " 5", "1e3", "９", "9" * 5_000])
def test_a_timeout_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(RequestError, match=r"Lintel-Timeout-Ms must be .* 1 to 60000") as raised:
        deadline_of(Headers({"Lintel-Timeout-Ms": value}) if value.isascii() else _exactly(value), BULK, Timeouts(), 0)
    assert raised.value.status == 422


def _exactly(value: str) -> dict[str, str]:
    return {"Lintel-Timeout-Ms": value}


def test_bounds_and_timeouts_follow_the_settings() -> None:
    settings = Settings(interactive_leads=3, event_leads=4, interactive_timeout_ms=5, bulk_timeout_ms=60_000)
    assert bounds_of(settings) == Bounds(3, 4)
    assert timeouts_of(settings) == Timeouts(0.005, 10.0, 60.0)
