"""The load generator: open loop, on a schedule that no answer moves, or closed loop, one request a connection.

Open loop has no coordinated omission (G. Tene, "How not to measure latency", 2013): a latency counts from the moment
that a request was due, also when it had to wait in the generator because every connection was busy.

    python -m benchmarks.load_lab.generator < plan > report        both in MessagePack

`started` runs it so, in a process of its own that imports neither the service nor its libraries.
"""

import asyncio
import gc
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks.load_lab.arrivals import schedule
from benchmarks.load_lab.connection import Connection, Flight
from benchmarks.load_lab.histogram import Histogram
from benchmarks.load_lab.plan import Counts, Plan, Report
from benchmarks.load_lab.response import Response
from benchmarks.load_lab.tally import Tally
from benchmarks.load_lab.timer import Timer

_LEAD_SECONDS = 0.05  # between the last connection and the first request
_CONNECTING_AT_ONCE = 64
_RECONNECT_SECONDS = 0.05
_MOST_A_TURN = 64  # requests sent before answers are read again
_LONGEST_CUT_SECONDS = 0.02


class Generator:
    """Runs one plan once."""

    def __init__(self, plan: Plan, tallies: list[Tally]) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._random = random.Random(plan.seed)
        self._tallies = tallies
        self._lateness, self._waited = Histogram(), Histogram()
        self._connections: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._queue: deque[Flight] = deque()
        self._in_flight = 0
        self._connects = self._failed_connects = self._unsolicited = 0
        self._began = self._ends = float("inf")
        self._schedule: Iterator[tuple[float, int]] = iter(())
        self._next: tuple[float, int] | None = None
        self._all_sent = self._stopped = False
        self._done = asyncio.Event()
        self._failure: Exception | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._closed_loop = plan.streams[0].arrivals == "closed"

    async def run(self) -> Report:
        self._loop.set_exception_handler(self._failed)
        await self._connect_all()
        self._began = time.monotonic() + _LEAD_SECONDS
        self._ends = self._began + self._plan.end_s
        await asyncio.sleep(_LEAD_SECONDS)
        cpu = time.process_time()
        timer = Timer(self._loop, lambda: self._turn(timer))
        self._start(timer)
        overdue = self._plan.end_s + self._plan.drain_s
        waiting = asyncio.wait_for(self._done.wait(), overdue)
        try:
            await waiting
        except TimeoutError:
            self._abandon()
        finally:
            cpu = time.process_time() - cpu
            timer.close()
            await self._disconnect()
        if self._failure is not None:
            raise self._failure
        return self._report(cpu)

    # --- sending

    def _start(self, timer: Timer) -> None:
        if self._closed_loop:
            while self._idle:
                self._ask_next(self._idle.popleft(), time.monotonic())
            self._loop.call_at(self._loop.time() + self._plan.end_s, self._end_closed)
            return
        self._schedule = schedule(self._plan.streams, self._plan.seed)
        self._next = next(self._schedule, None)
        self._turn(timer)

    def _turn(self, timer: Timer) -> None:
        """Send what is due, then sleep until the next is."""
        for _ in range(_MOST_A_TURN):
            if self._next is None:
                self._all_sent = True
                self._settle()
                return
            due, now = self._began + self._next[0], time.monotonic()
            if due > now:
                break
            self._lateness.record(int((now - due) * 1e6))
            self._offer(self._flight(self._next[1], due), now)
            self._next = next(self._schedule, None)
        timer.set(self._began + self._next[0] if self._next else 0.0)

    def _flight(self, stream: int, due: float) -> Flight:
        asked = self._plan.streams[stream]
        self._tallies[stream].report.offered += 1
        cut = asked.cut_share > 0 and self._random.random() < asked.cut_share
        return Flight(stream, self._random.choice(asked.questions), due, cut=cut)

    def _offer(self, flight: Flight, now: float) -> None:
        if self._idle:
            self._send(self._idle.popleft(), flight, now)
        else:
            self._queue.append(flight)

    def _send_again(self, flight: Flight) -> None:
        """On the connection that was used last: the server has not grown tired of that one."""
        if self._idle:
            self._send(self._idle.pop(), flight, time.monotonic())
        else:
            self._queue.append(flight)

    def _ask_next(self, connection: Connection, now: float) -> None:
        """Closed loop: the connection's next request is due now."""
        if now < self._ends:
            self._send(connection, self._flight(0, now), now)
        else:
            self._settle()

    def _send(self, connection: Connection, flight: Flight, now: float) -> None:
        self._in_flight += 1
        if not flight.cut:
            connection.send(flight, now)
            return
        connection.send(flight, now, share=self._random.choice((0.5, 1.0)))
        self._loop.call_later(self._random.uniform(0, _LONGEST_CUT_SECONDS), _cut, connection, flight)

    def _end_closed(self) -> None:
        self._all_sent = True
        self._settle()

    # --- what connections tell

    def connected(self, connection: Connection) -> None:
        if self._stopped:
            connection.transport.abort()
            return
        self._connects += 1
        self._connections.add(connection)
        self._free(connection)

    def answered(self, connection: Connection, flight: Flight, response: Response) -> None:
        now = time.monotonic()
        self._in_flight -= 1
        if not self._stopped:
            self._tallies[flight.stream].answer(flight, response, now=now, began=self._began)
        if response.closes or flight.cut:
            # a refusal may come before the whole request was sent; what was not would be missed by the next one
            connection.transport.abort()
        else:
            self._free(connection)
        self._settle()

    def unsolicited(self) -> None:
        self._unsolicited += 1

    def lost(self, connection: Connection, flight: Flight | None, *, fault: str, stale: bool) -> None:
        self._connections.discard(connection)
        if self._stopped:
            return
        if flight is None:
            if connection in self._idle:
                self._idle.remove(connection)
        else:
            self._in_flight -= 1
            self._account(flight, fault, stale=stale)
        self._again()
        self._settle()

    def _account(self, flight: Flight, fault: str, *, stale: bool) -> None:
        """A request whose connection went away; one that met a server's closing of an idle connection goes again."""
        tally = self._tallies[flight.stream]
        if flight.cut:
            tally.report.cut += 1
        elif stale and not flight.retried:
            flight.retried = True
            tally.report.retried += 1
            self._send_again(flight)
        else:
            tally.error(f"{fault}, idle before" if stale else fault)

    def _free(self, connection: Connection) -> None:
        now = time.monotonic()
        if self._queue:
            flight = self._queue.popleft()
            self._waited.record(int((now - flight.due) * 1e6))
            self._send(connection, flight, now)
        elif self._closed_loop and now >= self._began:
            self._ask_next(connection, now)
        else:
            self._idle.append(connection)

    # --- beginning and end

    async def _connect_all(self) -> None:
        for _ in range(0, self._plan.connections, _CONNECTING_AT_ONCE):
            missing = min(_CONNECTING_AT_ONCE, self._plan.connections - self._connects)
            await asyncio.gather(*(self._connect() for _ in range(missing)))

    async def _connect(self) -> None:
        while not self._stopped:
            try:
                await self._loop.create_connection(lambda: Connection(self), self._plan.host, self._plan.port)
            except OSError:
                self._failed_connects += 1
                await asyncio.sleep(_RECONNECT_SECONDS)
            else:
                return

    def _again(self) -> None:
        task = self._loop.create_task(self._connect())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback that fails would otherwise only be noted, and figures made of the rest."""
        self._failure = self._failure or context.get("exception") or RuntimeError(context["message"])
        self._done.set()

    def _settle(self) -> None:
        over = self._all_sent or (self._closed_loop and time.monotonic() >= self._ends)
        if over and not self._in_flight and not self._queue:
            self._done.set()

    def _abandon(self) -> None:
        """What has no answer by now gets none."""
        self._stopped = True
        for flight in self._queue:
            self._tallies[flight.stream].error("never sent")
        flying = [connection.flight for connection in self._connections if connection.flight is not None]
        for flight in flying:
            self._tallies[flight.stream].error("unanswered")
            self._tallies[flight.stream].report.unanswered_due_s.append(round(flight.due - self._began, 3))

    async def _disconnect(self) -> None:
        self._stopped = True
        await asyncio.gather(*self._background)
        for connection in self._connections:
            connection.transport.abort()
        await asyncio.sleep(0)  # they are told in the next turn of the loop

    def _report(self, cpu_s: float) -> Report:
        return Report(
            began=self._began,
            seconds=time.monotonic() - self._began,
            cpu_s=cpu_s,
            lateness=Counts.of(self._lateness),
            waited=Counts.of(self._waited),
            waited_requests=len(self._waited),
            connects=self._connects,
            failed_connects=self._failed_connects,
            unsolicited=self._unsolicited,
            streams=[tally.finished() for tally in self._tallies],
        )


def _cut(connection: Connection, flight: Flight) -> None:
    if connection.flight is flight:  # else it was answered before
        connection.transport.abort()


async def run(plan: Plan) -> Report:
    """Run a plan in this process's event loop."""
    with ExitStack() as stack:
        decisions = stack.enter_context(Path(plan.decisions).open("w")) if plan.decisions else None
        return await Generator(plan, [Tally(stream, decisions) for stream in plan.streams]).run()


def main() -> None:
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.freeze()
    gc.disable()  # nothing here is in a cycle that grows, and a collection would be lateness
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(run(plan))
    sys.stdout.buffer.write(msgspec.msgpack.encode(report))


if __name__ == "__main__":
    main()
