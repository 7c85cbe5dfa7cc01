"""Responses in whatever pieces a socket hands over."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_lab.response import Response, ResponseReader, WrongResponseError


def encoded(status: int, body: bytes, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(at)]


@given(
    st.lists(st.tuples(st.sampled_from([200, 429, 503]), st.binary(max_size=40)), min_size=1, max_size=5),
    st.lists(st.integers(0, 120), max_size=12),
)
def test_pieces_make_no_difference(answers: list[tuple[int, bytes]], cuts: list[int]) -> None:
    reader = ResponseReader()
    for status, body in answers:
        found = [one for piece in pieces(encoded(status, body), cuts) if (one := reader.feed(piece)) is not None]
        assert found == [Response(status, body, closes=False, retry_after=False)]
        assert not reader.begun


def test_headers_that_matter_are_read_in_any_case() -> None:
    found = ResponseReader().feed(encoded(503, b"busy", "RETRY-AFTER: 2", "Connection: close"))
    assert found == Response(503, b"busy", closes=True, retry_after=True)


@pytest.mark.parametrize(
    "data",
    [
        encoded(200, b"ok") + b"HTTP/1.1 200",  # a second answer to one request
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_what_is_no_single_whole_response_is_refused(data: bytes) -> None:
    with pytest.raises(WrongResponseError):
        ResponseReader().feed(data)


def test_half_a_response_is_begun() -> None:
    reader = ResponseReader()
    assert not reader.begun
    assert reader.feed(encoded(200, b"four")[:-2]) is None
    assert reader.begun
