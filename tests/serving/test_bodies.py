"""Bodies are bounded while they stream in and refused with the place of the fault, never with the input."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from serving import bodies
from serving.bodies import decode, read_json
from serving.messages import AppendRequest, ScoreRequest
from serving.problems import RequestError

DECODER = msgspec.json.Decoder(ScoreRequest)


class Chunks:
    """An ASGI receive channel that counts how much of the body was taken from it."""

    def __init__(self, chunks: Iterable[bytes], *, complete: bool = True) -> None:
        self._chunks = iter([*chunks])
        self._complete = complete
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        chunk = next(self._chunks, None)
        if chunk is None:
            return {"type": "http.request", "body": b""} if self._complete else {"type": "http.disconnect"}
        self.taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}


def read(chunks: Chunks, headers: dict[str, str], limit: int = 1_000) -> ScoreRequest:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "POST", "headers": raw}, chunks)
    return asyncio.run(read_json(request, DECODER, limit=limit))


JSON = {"content-type": "application/json; charset=utf-8"}


def test_a_body_in_pieces_is_put_together() -> None:
    chunks = Chunks([b'{"lead', b'_ids": ["a"', b"]}"])
    assert read(chunks, JSON).lead_ids == ["a"]


def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    chunks = Chunks([b"x" * 10_000])
    with pytest.raises(RequestError) as refused:
        read(chunks, JSON | {"content-length": "1001"})
    assert (refused.value.status, chunks.taken) == (413, 0)
    assert refused.value.headers["Connection"] == "close"


@pytest.mark.parametrize("headers", [{}, {"content-length": "5"}, {"content-length": "five"}])
def test_a_longer_body_than_declared_is_cut_off_at_the_limit(headers: dict[str, str]) -> None:
    chunks = Chunks([b"x" * 400] * 1_000)
    with pytest.raises(RequestError) as refused:
        read(chunks, JSON | headers)
    assert refused.value.status == 413
    assert chunks.taken == 1_200


def test_a_body_of_just_the_limit_passes() -> None:
    body = b'{"lead_ids": ["a"]}'
    assert read(Chunks([body]), JSON, limit=len(body)).lead_ids == ["a"]
    with pytest.raises(RequestError):
        read(Chunks([body]), JSON, limit=len(body) - 1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "text/plain"}, {"content-type": "application/jsonp"}, JSON | {"content-encoding": "gzip"}],
)
def test_another_format_is_refused_unread(headers: dict[str, str]) -> None:
    chunks = Chunks([b"{}"])
    with pytest.raises(RequestError) as refused:
        read(chunks, headers)
    assert (refused.value.status, chunks.taken) == (415, 0)


def test_a_caller_that_leaves_midway_is_told_apart_from_bad_json() -> None:
    with pytest.raises(RequestError) as refused:
        read(Chunks([b'{"lead_ids"'], complete=False), JSON)
    assert refused.value.slug == "incomplete-body"


def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")

    monkeypatch.setattr(bodies, "MAX_BODY_SECONDS", 0.01)
    raw = [(name.encode(), value.encode()) for name, value in JSON.items()]
    request = Request({"type": "http", "method": "POST", "headers": raw}, never)
    with pytest.raises(RequestError) as refused:
        asyncio.run(read_json(request, DECODER, limit=1_000))
    assert (refused.value.status, refused.value.headers["Connection"]) == (408, "close")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "It is empty."),
        (b'{"lead_ids": ["secret"', "after byte 22"),
        (b'{"lead_ids":\n  [secret]}', "Line 2, column 4 (byte 16)"),
        (b'{"lead_ids": ["a"]} secret', "Line 1, column 21"),
        (b'{"lead_ids": ["\xff"]}', "not UTF-8"),
        (b'{"lead_ids": ["\\ud800"]}', "lone surrogate"),
        (b"NaN", "Line 1, column 1"),
    ],
)
def test_what_is_not_json_is_refused_with_the_place(body: bytes, place: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(body, DECODER)
    assert (refused.value.status, refused.value.slug) == (400, "not-json")
    assert place in refused.value.message
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"lead_ids": "secret"}', "/lead_ids"),
        (b'{"lead_ids": ["a", 1]}', "/lead_ids/1"),
        (b'{"lead_ids": [""]}', "/lead_ids/0"),
        (b'{"lead_ids": ["' + b"s" * 201 + b'"]}', "/lead_ids/0"),
        (b'{"lead_ids": []}', "/lead_ids"),
        (b'{"lead_ids": ["a"], "explain": 1}', "/explain"),
        (b'{"lead_ids": ["a"], "explain": "true"}', "/explain"),
        (b'{"lead_ids": ["a"], "as_of": "2012-02-20T01:00:00"}', "/as_of"),
        (b'{"lead_ids": ["a"], "as_of": "yesterday"}', "/as_of"),
        (b'{"lead_ids": ["a"], "as_of": 1329699600}', "/as_of"),
        (b'{"lead_ids": ["a"], "as_off": null}', ""),
        (b"{}", ""),
        (b"[]", ""),
    ],
)
def test_json_of_a_wrong_form_is_refused_with_a_pointer(body: bytes, pointer: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(body, DECODER)
    assert (refused.value.status, [fault.pointer for fault in refused.value.faults]) == (422, [pointer])
    assert "secret" not in str(refused.value.faults)


def test_deep_nesting_is_refused_like_other_bad_json() -> None:
    with pytest.raises(RequestError) as refused:
        decode(b'{"events": ' + b"[" * 100_000, msgspec.json.Decoder(AppendRequest))
    assert (refused.value.status, refused.value.slug) == (400, "not-json")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["lead_ids", "as_of", "explain", "other"]), inner),
)


@given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_parsed_or_refused_as_the_callers_fault(body: bytes) -> None:
    assert outcome(body) in {"parsed", 400, 422}


def outcome(body: bytes) -> str | int:
    try:
        return "parsed" if decode(body, DECODER).lead_ids else "empty"
    except RequestError as refused:
        return refused.status
