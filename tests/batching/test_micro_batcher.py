"""The micro-batcher on a real loop, with computations that tests hold and let go."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import pytest

from lintel.errors import UnavailableError
from serving.batching.micro_batcher import MicroBatcher
from serving.batching.policy import BatchingPolicy, ByClass
from serving.batching.refusals import DeadlinePassed, QueueFull, ShuttingDown
from serving.urgency import Urgency

INTERACTIVE, EVENT, BULK = Urgency
LONG = 20.0  # seconds after which a test that hangs fails


class Held:
    """A computation that doubles, and waits while it is held."""

    def __init__(self, *, held: bool = False) -> None:
        self.gate = threading.Event()
        if not held:
            self.gate.set()
        self.calls: list[tuple[Any, list[Any]]] = []
        self.threads: set[int] = set()
        self.at_once = 0

    def __call__(self, key: Any, payloads: list[Any]) -> list[Any]:
        self.at_once += 1
        assert self.at_once == 1, "two batches at once"
        self.calls.append((key, payloads))
        self.threads.add(threading.get_ident())
        self.gate.wait(LONG)
        self.at_once -= 1
        if "poison" in payloads:
            raise ValueError("poison")
        return [payload * 2 for payload in payloads]

    @property
    def payloads(self) -> list[Any]:
        return [payload for _, payloads in self.calls for payload in payloads]


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), LONG))


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop and the thread go on until something holds."""
    while not condition():
        await asyncio.sleep(0.001)


def soon(seconds: float = LONG) -> float:
    return time.monotonic() + seconds


def test_answers_come_in_the_order_asked() -> None:
    async def test() -> None:
        async with MicroBatcher(Held()) as batcher:
            assert await batcher.ask([3, 1, 2], key="a", urgency=INTERACTIVE, deadline=soon()) == [6, 2, 4]
            assert await batcher.ask([], key="a", urgency=INTERACTIVE, deadline=soon()) == []

    run(test)


def test_callers_that_come_together_share_a_batch_and_the_thread() -> None:
    async def test() -> None:
        compute = Held()
        async with MicroBatcher(compute) as batcher:
            asked = [batcher.ask([n], key="a", urgency=INTERACTIVE, deadline=soon()) for n in range(9)]
            assert await asyncio.gather(*asked) == [[2 * n] for n in range(9)]
        assert [len(payloads) for _, payloads in compute.calls] == [9]
        assert compute.threads.isdisjoint({threading.get_ident()})
        assert len(compute.threads) == 1

    run(test)


def test_a_deadline_is_answered_while_the_thread_computes() -> None:
    async def test() -> None:
        compute = Held(held=True)
        async with MicroBatcher(compute) as batcher:
            computing = asyncio.create_task(batcher.ask([1], key="a", urgency=BULK, deadline=soon(0.02)))
            await until(lambda: bool(compute.calls))
            queued = asyncio.create_task(batcher.ask([2, 3], key="a", urgency=BULK, deadline=soon(0.01)))
            patient = asyncio.create_task(batcher.ask([4], key="a", urgency=BULK))
            answers = await asyncio.gather(computing, queued)
            assert all(isinstance(answer, DeadlinePassed) for one in answers for answer in one)
            assert batcher.depth == (0, 0, 1)
            assert batcher.computing_seconds() > 0.0
            compute.gate.set()
            assert await patient == [8]
        assert compute.payloads == [1, 4]

    run(test)


def test_a_deadline_in_the_past_is_answered_without_computing() -> None:
    async def test() -> None:
        compute = Held()
        async with MicroBatcher(compute) as batcher:
            (answer,) = await batcher.ask([1], key="a", urgency=BULK, deadline=time.monotonic() - 1.0)
            assert isinstance(answer, DeadlinePassed)
        assert compute.calls == []

    run(test)


def test_who_hangs_up_takes_the_rows_along() -> None:
    async def test() -> None:
        compute = Held(held=True)
        async with MicroBatcher(compute) as batcher:
            first = asyncio.create_task(batcher.ask([0], key="a", urgency=BULK))
            await until(lambda: bool(compute.calls))
            gone = asyncio.create_task(batcher.ask([1], key="a", urgency=BULK, flights=["one"]))
            stays = asyncio.create_task(batcher.ask([1], key="a", urgency=BULK, flights=["one"]))
            alone = asyncio.create_task(batcher.ask([2], key="a", urgency=BULK))
            await until(lambda: batcher.depth == (0, 0, 4))
            gone.cancel()
            alone.cancel()
            first.cancel()  # while it is computed
            await asyncio.wait([gone, alone, first])
            assert batcher.depth == (0, 0, 1)
            compute.gate.set()
            assert await stays == [2]
        assert compute.payloads == [0, 1]

    run(test)


def test_a_poisoned_row_harms_nobody_else() -> None:
    async def test() -> None:
        async with MicroBatcher(Held()) as batcher:
            asked = [batcher.ask([n], key="a", urgency=BULK) for n in [*range(20), "poison"]]
            *innocent, poisoned = await asyncio.gather(*asked)
            assert innocent == [[2 * n] for n in range(20)]
            assert isinstance(poisoned[0], ValueError)

    run(test)


@pytest.mark.parametrize(
    ("raised", "shown"),
    [(UnavailableError("The store is away."), UnavailableError), (SystemExit(), RuntimeError), (KeyError(), KeyError)],
)
def test_whatever_the_computation_raises_is_answered_and_the_thread_lives_on(raised, shown) -> None:
    async def test() -> None:
        def compute(key: str, payloads: list[int]) -> list[int]:
            if key == "bad":
                raise raised
            return payloads

        async with MicroBatcher(compute) as batcher:
            answers = await batcher.ask([1, 2, 3], key="bad", urgency=BULK)
            assert [type(answer) for answer in answers] == [shown] * 3
            assert await batcher.ask([1], key="good", urgency=BULK) == [1]

    run(test)


def test_too_few_results_are_an_error_and_not_a_mix_up() -> None:
    async def test() -> None:
        async with MicroBatcher(lambda key, payloads: payloads[1:]) as batcher:
            answers = await batcher.ask([1, 2, 3], key="a", urgency=BULK)
            assert [type(answer) for answer in answers] == [RuntimeError] * 3

    run(test)


def test_what_does_not_fit_is_refused_whole() -> None:
    async def test() -> None:
        compute = Held(held=True)
        async with MicroBatcher(compute, BatchingPolicy(bound_rows=ByClass(2, 2, 4))) as batcher:
            first = asyncio.create_task(batcher.ask([1, 2, 3], key="a", urgency=BULK))
            await until(lambda: bool(compute.calls))
            with pytest.raises(QueueFull) as refused:
                await batcher.ask([4, 5], key="a", urgency=BULK)
            assert refused.value.retry_after_seconds == batcher.retry_after(BULK, 2)
            urgent = asyncio.create_task(batcher.ask([6], key="a", urgency=INTERACTIVE))
            await until(lambda: batcher.depth == (1, 0, 3))
            compute.gate.set()
            assert await first == [2, 4, 6]
            assert await urgent == [12]
            assert batcher.drain_rate()

    run(test)


def test_closing_finishes_what_was_accepted_and_refuses_what_comes() -> None:
    async def test() -> None:
        compute = Held(held=True)
        batcher = MicroBatcher(compute)
        async with batcher:
            asked = [asyncio.create_task(batcher.ask([n] * 50, key="a", urgency=BULK)) for n in range(30)]
            await until(lambda: bool(compute.calls))
            closing = asyncio.create_task(batcher.__aexit__(None, None, None))
            await asyncio.sleep(0)
            with pytest.raises(ShuttingDown):
                await batcher.ask([1], key="a", urgency=INTERACTIVE)
            compute.gate.set()
            await closing
            assert await asyncio.gather(*asked) == [[2 * n] * 50 for n in range(30)]
        with pytest.raises(ShuttingDown):
            await batcher.ask([1], key="a", urgency=INTERACTIVE)

    run(test)


def test_a_computation_that_never_returns_does_not_hang_the_end() -> None:
    compute = Held(held=True)

    async def test() -> None:
        async with MicroBatcher(compute, grace_seconds=0.02) as batcher:
            asked = [asyncio.create_task(batcher.ask([n], key=n, urgency=BULK)) for n in range(3)]
            await until(lambda: bool(compute.calls))
        answers = await asyncio.gather(*asked)
        assert all(isinstance(answer, ShuttingDown) for one in answers for answer in one)

    run(test)
    compute.gate.set()  # it comes back when its loop is closed, and its thread ends without a word
    for thread in threading.enumerate():
        if thread.name == "lintel-compute":
            thread.join(LONG)
    assert not any(thread.name == "lintel-compute" for thread in threading.enumerate())


def test_interactive_rows_pass_ten_thousand_rows_of_bulk() -> None:
    async def test() -> None:
        compute = Held(held=True)
        policy = BatchingPolicy(bound_rows=ByClass(100, 100, 10_000))
        async with MicroBatcher(compute, policy) as batcher:
            bulk = [asyncio.create_task(batcher.ask(list(range(200)), key="bulk", urgency=BULK)) for _ in range(50)]
            await until(lambda: batcher.depth == (0, 0, 10_000))
            urgent = asyncio.create_task(batcher.ask([7], key="urgent", urgency=INTERACTIVE, deadline=soon()))
            await until(lambda: batcher.depth[0] == 1)
            compute.gate.set()
            assert await urgent == [14]
            assert [key for key, _ in compute.calls[:2]] == ["bulk", "urgent"]
            assert await asyncio.gather(*bulk) == [[2 * n for n in range(200)]] * 50

    run(test)


def test_under_a_storm_of_callers_that_leave_everybody_else_is_answered_once() -> None:
    async def test() -> None:
        compute = Held()
        async with MicroBatcher(compute) as batcher:
            tasks = [
                asyncio.create_task(
                    batcher.ask([n, n + 1], key=n % 3, urgency=Urgency(n % 3), deadline=soon(), flights=[n % 50, None])
                )
                for n in range(1_500)
            ]
            for number, task in enumerate(tasks):
                if number % 5 == 0:
                    task.cancel()
                if number % 100 == 0:
                    await asyncio.sleep(0)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for number, answers in enumerate(found):
                if not isinstance(answers, asyncio.CancelledError):
                    assert answers[1] == 2 * (number + 1)
            assert sum(isinstance(answers, list) for answers in found) >= 1_200
            assert batcher.depth == (0, 0, 0)
            counts = batcher.counts
            settled = sum(sum(of_state) for of_state in counts.settled.values())
            assert settled == sum(counts.accepted) >= 2_400

    run(test)


def test_opening_and_closing_leaves_no_threads_and_no_timers() -> None:
    async def test() -> None:
        for _ in range(50):
            async with MicroBatcher(Held()) as batcher:
                await batcher.ask([1], key="a", urgency=INTERACTIVE, deadline=soon(3_600.0))

    before = threading.active_count()
    run(test)
    gc.collect()
    assert threading.active_count() == before


def test_nothing_of_a_batch_is_kept_alive_after_it_is_answered() -> None:
    class Payload:
        pass

    async def test() -> None:
        async with MicroBatcher(lambda key, payloads: [None] * len(payloads)) as batcher:
            payloads = [Payload() for _ in range(100)]
            alive = [weakref.ref(payload) for payload in payloads]
            await batcher.ask(payloads, key="a", urgency=BULK, deadline=soon())
            payloads.clear()
            gc.collect()
            await until(lambda: not any(one() for one in alive))  # the thread lets go of them in its own time

    run(test)


def test_without_a_deadline_it_waits_as_long_as_it_takes() -> None:
    async def test() -> None:
        compute = Held(held=True)
        async with MicroBatcher(compute) as batcher:
            asked = asyncio.create_task(batcher.ask([1], key="a", urgency=BULK, deadline=inf))
            await until(lambda: bool(compute.calls))
            assert batcher.oldest_wait_seconds()[BULK] > 0.0
            assert batcher._scheduler.next_deadline == inf
            compute.gate.set()
            assert await asked == [2]

    run(test)
