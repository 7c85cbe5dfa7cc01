"""How connections that are opened at once spread over two workers of one port: one shared socket, or one each.

``python -m benchmarks.shared_port [--json]``. Two bare uvicorn workers (with uvloop) that answer with their pid after
`--work-ms` of computing; 64 connections at once with one request each, 15 times; of each the most on one worker. 32 is
even, 64 is all on one.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import time
from collections import Counter
from typing import Any

import uvicorn

CONNECTIONS, ROUNDS, WORKERS = 64, 15, 2
START_SECONDS = 3.0


def listeners(*, one_each: bool) -> list[socket.socket]:
    """The sockets of the workers, on one port."""
    first = socket.create_server(("127.0.0.1", 0), backlog=2048, reuse_port=one_each)
    if not one_each:
        return [first] * WORKERS
    others = [socket.create_server(first.getsockname(), backlog=2048, reuse_port=True) for _ in range(WORKERS - 1)]
    return [first, *others]


def serve(listener: socket.socket, work_seconds: float) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        until = time.process_time() + work_seconds
        while time.process_time() < until:
            pass
        headers = [(b"content-length", b"%d" % len(str(os.getpid())))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

    uvicorn.Server(uvicorn.Config(application, lifespan="off", log_level="error")).run(sockets=[listener])


def start(sockets: list[socket.socket], work_seconds: float) -> list[int]:
    pids = []
    for listener in sockets:
        pid = os.fork()
        if pid == 0:
            for other in set(sockets) - {listener}:
                other.close()
            serve(listener, work_seconds)
            os._exit(0)
        pids.append(pid)
    time.sleep(START_SECONDS)
    return pids


async def most_on_one(port: int) -> int:
    async def ask() -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        return await reader.readexactly(length), writer

    answers = await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    for _, writer in answers:
        writer.close()
    return max(Counter(pid for pid, _ in answers).values())


def measure(*, one_each: bool, work_seconds: float) -> dict[str, float]:
    sockets = listeners(one_each=one_each)
    pids = start(sockets, work_seconds)
    try:
        most = [asyncio.run(most_on_one(sockets[0].getsockname()[1])) for _ in range(ROUNDS)]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
        for one in sockets:
            one.close()
    return {"median": statistics.median(most), "worst": max(most)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work-ms", type=float, default=2.0)
    given = parser.parse_args()
    kinds = {"shared": False, "one_each": True}
    result = {name: measure(one_each=each, work_seconds=given.work_ms / 1e3) for name, each in kinds.items()}
    if given.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(
            f"{name:9s} most of {CONNECTIONS} on one of {WORKERS}: median {row['median']:.0f}, worst {row['worst']:.0f}"
        )


if __name__ == "__main__":
    main()
