"""The scheduler on an event loop, with one thread that computes."""

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from lintel.errors import UnavailableError
from serving.batching.batch import Batch
from serving.batching.compute_thread import ComputeThread
from serving.batching.item import Item
from serving.batching.observer import BatchObserver, Counts
from serving.batching.policy import BatchingPolicy
from serving.batching.refusals import ShuttingDown
from serving.batching.scheduler import Scheduler, itself
from serving.urgency import Urgency

Key = TypeVar("Key", bound=Hashable)
Payload = TypeVar("Payload")
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Call:
    """One caller, who is told once, when all rows of it are settled."""

    future: "asyncio.Future[None]"
    missing: int


@dataclass(slots=True, eq=False)
class _Entry(Item):
    """An item that knows its caller."""

    call: _Call = field(kw_only=True)


class MicroBatcher(Generic[Key, Payload, Result]):
    """Rows of many callers in common batches of one thread; `async with` starts and stops it.

    All methods belong to the event loop's thread. `compute` runs in a thread of its own, one batch at a time; while
    it does, rows are accepted, and those whose deadline comes are answered at it. At the end of `async with` what was
    accepted is finished within the grace time, and the rest is answered with ShuttingDown; a computation that never
    returns is left behind.

    Parameters
    ----------
    compute: (key, payloads) to one result or exception a payload, in their order. If it raises, batches are halved to
        find the row at fault.
    shape_of, party_of, outages, observer: as in `Scheduler`.
    clock: seconds, monotonic; deadlines are moments on it.
    grace_seconds: how long the end waits for what was accepted.
    """

    def __init__(
        self,
        compute: Callable[[Key, list[Payload]], Sequence[Result | Exception]],
        policy: BatchingPolicy | None = None,
        *,
        shape_of: Callable[[Key], Hashable] | None = None,
        party_of: Callable[[Key], Hashable] | None = None,
        outages: tuple[type[Exception], ...] = (UnavailableError,),
        observer: BatchObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
        grace_seconds: float = 5.0,
    ) -> None:
        self._scheduler = Scheduler(
            policy or BatchingPolicy(),
            on_settled=self._settled,
            shape_of=cast(Callable[[Any], Hashable], shape_of or itself),
            party_of=cast(Callable[[Any], Hashable], party_of or itself),
            outages=outages,
            observer=observer,
        )
        self._compute = compute
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._thread: ComputeThread | None = None
        self._computing: tuple[Batch, float] | None = None
        self._wake = _Alarm(self._step)
        self._expiry = _Alarm(self._expire)
        self._all_settled: asyncio.Event = asyncio.Event()
        self._all_settled.set()
        self._open = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._thread = ComputeThread(self._compute, self._finished, loop, "lintel-compute")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scheduler.close()
        try:
            async with asyncio.timeout(self._grace_seconds):
                await self._all_settled.wait()
        except TimeoutError:
            pass  # the rest is refused below
        finally:
            self._stop()

    async def ask(
        self,
        payloads: Sequence[Payload],
        *,
        key: Key,
        urgency: Urgency,
        deadline: float = inf,
        flights: Sequence[Hashable | None] | None = None,
    ) -> list[Result | Exception]:
        """A result or an exception for each payload, in their order, when the last of them is known.

        Parameters
        ----------
        key: payloads of equal keys may share a batch.
        deadline: on the clock; what has no answer then is answered with DeadlinePassed.
        flights: of each payload what names its answer, versions included; equal ones of a key are computed once.

        Raises QueueFull if the class has no room for all of them, ShuttingDown if this worker stops.
        """
        if not payloads:
            return []
        if self._thread is None:
            raise ShuttingDown("The micro-batcher does not run.")
        call = _Call(asyncio.get_running_loop().create_future(), len(payloads))
        items = [
            _Entry(key, payload, urgency, deadline, flight, call=call)
            for payload, flight in zip(payloads, flights or (None,) * len(payloads), strict=True)
        ]
        self._accept(items)
        try:
            await call.future
        except asyncio.CancelledError:
            self._scheduler.cancel(items, self._clock())
            raise
        return [item.outcome for item in items]

    @property
    def counts(self) -> Counts:
        return self._scheduler.counts

    @property
    def depth(self) -> tuple[int, ...]:
        """Rows accepted and not answered, by class."""
        return self._scheduler.depth

    def oldest_wait_seconds(self) -> tuple[float, ...]:
        """Of the row of each class that has waited longest, compute included; 0 if none waits."""
        return self._scheduler.oldest_wait_seconds(self._clock())

    def computing_seconds(self) -> float:
        """How long the thread has been at its batch; 0 if it is idle. Health checks tell by it that it hangs."""
        return self._clock() - self._computing[1] if self._computing is not None else 0.0

    def predicted_seconds(self, key: Key, rows: int) -> float:
        """Seconds that most batches of so many rows like those of `key` do not exceed."""
        return self._scheduler.latency_of(key).upper(rows)

    def drain_rate(self) -> float | None:
        """Rows a second while computing, of late; None if nothing was computed."""
        return self._scheduler.drain_rate(self._clock())

    def retry_after(self, urgency: Urgency, rows: int) -> int:
        """Whole seconds until so many more rows of a class would be computed: 1 to 60."""
        return self._scheduler.retry_after(urgency, rows, self._clock())

    def _accept(self, items: list[_Entry]) -> None:
        now = self._clock()
        self._scheduler.offer(items, now)
        self._open += 1
        self._all_settled.clear()
        if self._computing is None:
            self._wake.soon()  # after what else the loop has ready: callers that came together share a batch
        self._expiry.no_later_than(self._scheduler.next_deadline - now)

    def _step(self) -> None:
        """Give the idle thread a batch, or ask again when waiting for company no longer pays."""
        if self._computing is not None or self._thread is None:
            return
        now = self._clock()
        found = self._scheduler.next_batch(now)
        if isinstance(found, Batch):
            self._computing = (found, now)
            self._thread.submit(found.key, found.payloads)
        elif found is not None:
            self._wake.no_later_than(found - now)

    def _finished(self, outcome: Sequence[Any] | Exception, seconds: float) -> None:
        if self._computing is None:
            return  # it outlived the grace time
        (batch, _), self._computing = self._computing, None
        now = self._clock()
        if isinstance(outcome, Exception):
            self._scheduler.failed(batch, outcome, now)
        else:
            self._scheduler.done(batch, outcome, seconds, now)
        if self._open:
            self._step()

    def _expire(self) -> None:
        self._scheduler.expire(self._clock())
        self._expiry.no_later_than(self._scheduler.next_deadline - self._clock())

    def _settled(self, item: Item) -> None:
        call = cast(_Entry, item).call
        call.missing -= 1
        if call.missing == 0:
            self._open -= 1
            if not call.future.done():
                call.future.set_result(None)
            if self._open == 0:
                self._all_settled.set()

    def _stop(self) -> None:
        thread, self._thread = self._thread, None
        hangs, self._computing = self._computing is not None, None
        self._scheduler.shut(self._clock())
        self._wake.off()
        self._expiry.off()
        if thread is not None:
            thread.stop(wait=not hangs)


class _Alarm:
    """One timer, kept at the earliest moment asked for."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.Handle | None = None
        self._due = inf

    def soon(self) -> None:
        """At the loop's next turn."""
        if self._due > -inf:
            self.off()
            self._due = -inf
            self._handle = asyncio.get_running_loop().call_soon(self._go)

    def no_later_than(self, seconds: float) -> None:
        """In so many seconds, unless it rings before; never if infinite."""
        if seconds == inf:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(seconds, 0.0)
        if due < self._due:
            self.off()
            self._due = due
            self._handle = loop.call_at(due, self._go)

    def off(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._due = None, inf

    def _go(self) -> None:
        self._handle, self._due = None, inf
        self._ring()
