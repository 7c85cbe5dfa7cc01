"""What the micro-batcher costs, beside plain batching with an `asyncio.Queue`; computations that do nothing.

    python -m benchmarks.micro_batcher [--rounds 5] [--json]

Three loads: one caller after another; 64 callers at once, each again as soon as it is answered; and requests of 200
rows. The baseline collects what is in an `asyncio.Queue` (at most 256 rows, one key, no classes, deadlines, bounds,
fairness or isolation) and computes it in one thread of an executor. Times are of the process (CPU of loop and thread
together), the median of the rounds, taken in turn; `lone_p50_us` and `rows_per_second_2ms` are wall time, the latter
of 64 callers when a batch takes 2 ms + .02 ms a row.
"""

import argparse
import asyncio
import json
import platform
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.batching.micro_batcher import MicroBatcher
from serving.urgency import Urgency

BARS = {"us_per_row": 15.0, "us_per_call": 80.0}
MOST_ROWS = 256
Ask = Callable[[Sequence[Any]], Awaitable[list[Any]]]


def nothing(_: str, payloads: list[Any]) -> list[Any]:
    return payloads


def two_milliseconds(_: str, payloads: list[Any]) -> list[Any]:
    time.sleep(0.002 + 0.00002 * len(payloads))  # stands for native code, which lets the loop go on
    return payloads


@asynccontextmanager
async def lintel(compute: Callable[[str, list[Any]], list[Any]]) -> AsyncIterator[Ask]:
    async with MicroBatcher(compute) as batcher:

        async def ask(payloads: Sequence[Any]) -> list[Any]:
            return await batcher.ask(payloads, key="a", urgency=Urgency.INTERACTIVE, deadline=time.monotonic() + 30.0)

        yield ask


@asynccontextmanager
async def plain_queue(compute: Callable[[str, list[Any]], list[Any]]) -> AsyncIterator[Ask]:
    queue: asyncio.Queue[tuple[Sequence[Any], asyncio.Future[list[Any]]]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def work(threads: ThreadPoolExecutor) -> None:
        while True:
            calls = [await queue.get()]
            while sum(len(payloads) for payloads, _ in calls) < MOST_ROWS and not queue.empty():
                calls.append(queue.get_nowait())
            rows = [row for payloads, _ in calls for row in payloads]
            results = await loop.run_in_executor(threads, compute, "a", rows)
            for payloads, future in calls:
                future.set_result(results[: len(payloads)])
                del results[: len(payloads)]

    async def ask(payloads: Sequence[Any]) -> list[Any]:
        future: asyncio.Future[list[Any]] = loop.create_future()
        queue.put_nowait((payloads, future))
        return await future

    with ThreadPoolExecutor(1) as threads:
        worker = asyncio.create_task(work(threads))
        yield ask
        worker.cancel()


SUBJECTS = {"lintel": lintel, "asyncio.Queue": plain_queue}


async def one_after_another(ask: Ask) -> dict[str, float]:
    waits, calls, began = [], 500, time.process_time()
    for _ in range(calls):
        start = time.perf_counter()
        await ask([1])
        waits.append(time.perf_counter() - start)
    return {"us_per_lone_call": 1e6 * (time.process_time() - began) / calls, "lone_p50_us": 1e6 * median(waits)}


async def many_at_once(ask: Ask) -> dict[str, float]:
    began = time.process_time()
    await callers(ask, 64, 40)
    return {"us_per_call": 1e6 * (time.process_time() - began) / (64 * 40)}


async def large_requests(ask: Ask) -> dict[str, float]:
    rows, calls, began = list(range(200)), 40, time.process_time()
    for _ in range(calls // 4):
        await asyncio.gather(*(ask(rows) for _ in range(4)))
    return {"us_per_row": 1e6 * (time.process_time() - began) / (200 * calls)}


async def callers(ask: Ask, number: int, times: int) -> None:
    async def caller() -> None:
        for _ in range(times):
            await ask([1])

    await asyncio.gather(*(caller() for _ in range(number)))


async def beside_compute(subject: str) -> float:
    async with SUBJECTS[subject](two_milliseconds) as ask:
        await callers(ask, 64, 3)
        began = time.perf_counter()
        await callers(ask, 64, 20)
        return 64 * 20 / (time.perf_counter() - began)


async def measured(subject: str) -> dict[str, float]:
    async with SUBJECTS[subject](nothing) as ask:
        await callers(ask, 8, 20)
        found = await one_after_another(ask) | await many_at_once(ask) | await large_requests(ask)
    return found | {"rows_per_second_2ms": await beside_compute(subject)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {subject: [] for subject in SUBJECTS}
    for _ in range(arguments.rounds):
        for subject, found in rounds.items():
            found.append(asyncio.run(measured(subject)))
    results: dict[str, Any] = {
        subject: {name: round(median(one[name] for one in found), 1) for name in found[0]}
        for subject, found in rounds.items()
    }
    table = Table("", *results, title=f"Overhead of batching, Python {platform.python_version()}")
    for name in results["lintel"]:
        table.add_row(name, *(f"{results[subject][name]:,.1f}" for subject in results))
    Console(stderr=arguments.json).print(table)
    if arguments.json:
        print(json.dumps(results | {"bars": BARS}))


if __name__ == "__main__":
    main()
