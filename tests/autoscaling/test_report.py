"""What goes over the sockets: bounded, never blocking, nothing lost but what nobody reads."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from serving.autoscaling.policy import WorkerLoad
from serving.autoscaling.report import (
    MOST_BYTES,
    Instruction,
    Loads,
    Report,
    datagram_socket,
    decode_instruction,
    decode_report,
    encode,
    report_load,
    send,
)


@pytest.fixture
def address() -> Iterator[Path]:
    with TemporaryDirectory() as folder:  # short: the path of a unix socket holds 107 bytes
        yield Path(folder) / "supervisor"


def reporting(read: object, address: Path | None, seconds: float) -> None:
    async def go() -> None:
        task = asyncio.create_task(report_load(read, address, every_seconds=0.01))  # type: ignore[arg-type]
        await asyncio.sleep(seconds)
        assert not task.done()
        task.cancel()

    asyncio.run(go())


@given(
    st.builds(
        Report,
        st.integers(1, 2**31),
        st.integers(0, 10**6),
        st.builds(
            WorkerLoad,
            st.integers(1, 2**31),
            st.floats(0, 1),
            st.floats(0, 1e6),
            st.integers(0, 2**40),
            st.floats(0, 1e300),
            st.floats(0, 1e300),
        ),
    )
)
def test_a_report_comes_back_as_it_was_and_is_bounded(report: Report) -> None:
    data = encode(report)
    assert decode_report(data) == report
    assert len(data) < MOST_BYTES


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data: bytes) -> None:
    for decode in (decode_report, decode_instruction):
        try:
            decode(data)
        except InputError:
            continue


def test_an_instruction_comes_back_as_it_was() -> None:
    for instruction in (Instruction(release=3), Instruction(retire=True)):
        assert decode_instruction(encode(instruction)) == instruction


def test_loads_arrive(address: Path) -> None:
    load = WorkerLoad(7, 0.5, 0.01, 3, 100.0, 50.0)
    with datagram_socket(address) as supervisor:
        reporting(lambda: load, address, 0.05)
        assert decode_report(supervisor.recv(MOST_BYTES)) == Report(7, load=load)


def test_a_supervisor_that_is_away_or_does_not_read_is_ignored(address: Path) -> None:
    reporting(lambda: WorkerLoad(7, 0.5), address, 0.05)
    with datagram_socket(address) as supervisor, datagram_socket() as sender:
        for _ in range(10_000):
            send(sender, Report(7, connections=1), address)
        with pytest.raises(BlockingIOError):
            sender.sendto(b"x", str(address))
        assert decode_report(supervisor.recv(MOST_BYTES)).pid == 7
    send_to_the_dead(address)


def send_to_the_dead(address: Path) -> None:
    with datagram_socket() as sender:
        send(sender, Report(7, connections=1), address)


def test_without_a_supervisor_there_is_nothing_to_do() -> None:
    asyncio.run(report_load(lambda: WorkerLoad(7, 0.5), None))


def test_a_new_listener_takes_the_place_of_a_dead_one(address: Path) -> None:
    datagram_socket(address).close()
    with datagram_socket(address) as listener:
        send_to_the_dead(address)
        assert decode_report(listener.recv(MOST_BYTES)).connections == 1
        assert listener.type == socket.SOCK_DGRAM


def test_only_fresh_loads_of_living_workers_count() -> None:
    loads = Loads(fresh_seconds=5.0)
    for pid, at in ((1, 0.0), (2, 4.0), (3, 4.0)):
        loads.hear(at, WorkerLoad(pid, 0.5))
    assert [load.pid for load in loads.fresh(6.0, {1, 2})] == [2]
    loads.hear(6.5, WorkerLoad(3, 0.1))
    assert [load.pid for load in loads.fresh(7.0, {2, 3})] == [2, 3]
