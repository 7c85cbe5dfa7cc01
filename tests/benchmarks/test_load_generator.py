"""The generator against servers that answer, refuse, stall, hang up and talk out of turn."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.load_lab.generator import run
from benchmarks.load_lab.generator_process import generate
from benchmarks.load_lab.plan import Plan, Question, Report, Stream, total

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n"


def answer(body: bytes, status: int = 200, *headers: bytes) -> bytes:
    lines = (b"HTTP/1.1 %d X" % status, *headers, b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def stream(**changes: object) -> Stream:
    questions = [Question(REQUEST % number, [b"<%d>" % number]) for number in range(5)]
    standard: dict[str, object] = {"name": "one", "questions": questions, "rate": 100.0, "end_s": 0.3}
    return Stream(**(standard | changes))  # type: ignore[arg-type]


def served(handler: Handler, *streams: Stream, connections: int = 4, drain_s: float = 2.0) -> Report:
    async def both() -> Report:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plan = Plan(host="127.0.0.1", port=port, connections=connections, streams=list(streams), drain_s=drain_s)
        async with server:
            try:
                return await run(plan)
            finally:
                await asyncio.sleep(0.02)  # the server's side of the connections ends, too

    return asyncio.run(both())


def replying(reply: Callable[[bytes], bytes], *, delay: float = 0.0) -> Handler:
    """Answers each request with `reply(number in its path)`; ends the connection where that asks for it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(delay)
                data = reply(head.split()[1][1:])
                writer.write(data)
                if b"connection: close" in data or not data:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return handle


def accounted(report: Report) -> bool:
    """Every request has exactly one end."""
    return all(one.offered == one.completed + one.cut + sum(one.errors.values()) for one in report.streams)


def test_open_loop_asks_as_often_as_it_is_told_and_knows_right_answers() -> None:
    report = served(replying(lambda number: answer(b"<%s>" % number)), stream(keep_samples=True))
    one = report.stream("one")
    assert (one.offered, one.completed, one.statuses, one.wrong, one.rows) == (30, 30, {200: 30}, 0, 30)
    assert len(one.samples) == len(one.answered.histogram) == len(report.lateness.histogram) == 30
    assert (report.connects, report.unsolicited, accounted(report)) == (4, 0, True)


def test_another_requests_answer_is_wrong() -> None:
    report = served(replying(lambda _: answer(b"<0>")), stream())
    one = report.stream("one")
    assert 0 < one.wrong < one.completed
    assert one.rows == one.completed - one.wrong


def test_waiting_for_a_connection_counts() -> None:
    """One connection, 100 ms an answer, 10 requests at once: the last waits 900 ms, in no server's log."""
    report = served(
        replying(lambda number: answer(b"<%s>" % number), delay=0.1), stream(end_s=0.1), connections=1, drain_s=5
    )
    longest = report.stream("one").answered.histogram.longest
    assert report.waited_requests >= 8
    assert longest > 800_000
    assert total([report.waited]).longest > 700_000


def test_refusals_are_counted_apart_and_must_say_when_to_come_again() -> None:
    def reply(number: bytes) -> bytes:
        return answer(b"", 503, b"Retry-After: 1") if int(number) % 2 else answer(b"", 429)

    one = served(replying(reply), stream()).stream("one")
    assert set(one.statuses) == {429, 503}
    assert one.refused_without_retry_after == one.statuses[429]
    assert (len(one.answered.histogram), len(one.refused.histogram)) == (0, 30)


def test_a_server_that_closes_is_connected_to_again() -> None:
    report = served(replying(lambda number: answer(b"<%s>" % number, 200, b"connection: close")), stream())
    assert report.stream("one").statuses == {200: 30}
    assert report.connects >= 30


def test_a_server_that_hangs_up_is_an_error() -> None:
    report = served(replying(lambda _: b""), stream())
    assert (sum(report.stream("one").errors.values()), accounted(report)) == (30, True)


def test_what_has_no_answer_in_the_end_is_told() -> None:
    report = served(replying(lambda _: answer(b""), delay=60), stream(), drain_s=0.2)
    errors = report.stream("one").errors
    assert errors == {"never sent": 26, "unanswered": 4}
    assert accounted(report)


def test_a_second_answer_is_never_taken_for_the_next_requests() -> None:
    report = served(replying(lambda number: answer(b"<%s>" % number) * 2), stream())
    one = report.stream("one")
    assert report.unsolicited + sum(one.errors.values()) == 30
    assert one.wrong == 0
    assert accounted(report)


def test_cut_requests_are_neither_answered_nor_errors() -> None:
    report = served(replying(lambda number: answer(b"<%s>" % number), delay=0.05), stream(cut_share=0.5, end_s=0.6))
    one = report.stream("one")
    assert 10 < one.cut < 50
    assert (one.errors, one.wrong, accounted(report)) == ({}, 0, True)


def test_a_request_that_was_answered_before_it_was_whole_ends_its_connection() -> None:
    """As where a class is shed by its head: the next request's bytes would be taken for the rest of this one."""
    mixed = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        half = False
        while data := await reader.read(1_000):
            mixed.append(half)
            half = half or not data.endswith(b"\r\n\r\n")
            writer.write(answer(b"", 503, b"Retry-After: 1"))
        writer.close()

    report = served(handle, stream(cut_share=0.5), connections=2)
    one = report.stream("one")
    assert one.completed > 15
    assert not any(mixed)
    assert accounted(report)


def test_closed_loop_has_one_request_a_connection_in_flight() -> None:
    flying = [0, 0]

    def reply(number: bytes) -> bytes:
        flying[0] -= 1
        return answer(b"<%s>" % number)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                flying[0] += 1
                flying[1] = max(flying)
                await asyncio.sleep(random.Random(1).random() / 100)
                writer.write(reply(head.split()[1][1:]))
        except asyncio.IncompleteReadError:
            writer.close()

    report = served(handle, stream(arrivals="closed", rate=0.0), connections=3)
    one = report.stream("one")
    assert flying[1] == 3
    assert one.completed == one.offered > 30
    assert one.completed - 3 <= one.in_time <= one.completed
    assert one.wrong == 0


def test_streams_keep_to_their_times_and_their_counts() -> None:
    early, late = (
        stream(name="early", end_s=0.2, rate=50.0),
        stream(name="late", begin_s=0.2, end_s=0.4, keep_samples=True),
    )
    report = served(replying(lambda number: answer(b"<%s>" % number)), early, late)
    assert [report.stream(name).offered for name in ("early", "late")] == [10, 20]
    assert min(sample.due_s for sample in report.stream("late").samples) == pytest.approx(0.2, abs=1e-6)


def test_a_fault_of_the_generator_is_no_figure() -> None:
    broken = stream(questions=[Question(REQUEST % 0, ["no bytes"])])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        served(replying(lambda number: answer(b"<%s>" % number)), broken)


def test_in_a_process_of_its_own() -> None:
    """Nobody listens there: it says so, and ends."""
    with_nobody = Plan(host="127.0.0.1", port=9, connections=0, streams=[stream(end_s=0.1)], drain_s=0.1)
    report = generate(with_nobody)
    assert report.stream("one").errors == {"never sent": 10}
    assert report.cpu_s > 0
