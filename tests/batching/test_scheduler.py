"""Single behaviours of the scheduler, on a simulated clock."""

import weakref
from math import inf

import numpy as np
import pytest

from serving.batching.batch import Batch
from serving.batching.item import Item, State
from serving.batching.policy import BatchingPolicy, ByClass
from serving.batching.refusals import QueueFull, ShuttingDown
from serving.batching.scheduler import Scheduler
from serving.urgency import Urgency
from tests.batching.simulated import BULK, EVENT, INTERACTIVE, SimulatedWorker, item, items


def test_a_lone_row_on_an_idle_worker_goes_at_once() -> None:
    worker = SimulatedWorker()
    one = item()
    worker.offer([one])
    assert [moment for moment, _ in worker.batches] == [0.0]


def poisson_load(worker: SimulatedWorker, rate: float, seconds: float) -> list[tuple[float, Item]]:
    rng, now, asked = np.random.default_rng(7), 0.0, []
    while now < seconds:
        now += rng.exponential(1.0 / rate)
        asked.append((now, item(deadline=now + 1.0)))
    for moment, one in asked:
        worker.at(moment, lambda one=one: worker.offer([one]))
    worker.run()
    return asked


@pytest.mark.parametrize("rate", [10.0, 100.0])
def test_at_light_load_no_wait_is_added(rate: float) -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.0014 + 0.00002 * rows)
    poisson_load(worker, rate, 1_000 / rate)
    assert worker.idle_waits == []


def test_at_dense_load_waiting_for_company_shortens_latency() -> None:
    """Beside the same worker that never waits, because something else always does."""
    means = []
    for never_waits in (False, True):
        worker = SimulatedWorker(seconds=lambda rows: 0.01 + 0.00001 * rows)
        if never_waits:
            worker.scheduler._company_until = lambda head, now: -inf
        asked = poisson_load(worker, 900.0, 2.0)
        means.append(np.mean([worker.settled_at(one) - moment for moment, one in asked]))
    assert means[0] < means[1] * 1.02


def test_nobody_waits_for_company_while_another_key_could_run() -> None:
    scheduler = Scheduler(BatchingPolicy(), on_settled=lambda one: None)
    for number in range(200):  # teaches that "often" is asked each 20 microseconds
        scheduler.offer(gone := items(1, key="often"), number * 2e-5)
        scheduler.cancel(gone, number * 2e-5)
    now = 200 * 2e-5
    scheduler.offer(items(1, key="often"), now)
    until = scheduler.next_batch(now)
    assert isinstance(until, float)
    assert now < until <= now + scheduler.latency_of("often").fixed
    scheduler.offer(items(1, BULK, key="seldom"), now)
    assert isinstance(scheduler.next_batch(now), Batch)


def test_an_overloaded_queue_still_answers_most_of_what_it_can() -> None:
    """Earliest deadline first alone computes what is late already, and answers nothing in time."""
    worker = SimulatedWorker(seconds=lambda rows: 0.01 + 0.001 * rows)
    asked = []
    for number in range(8_000):
        one = item(deadline=number / 2_000 + 0.1)
        asked.append(one)
        worker.at(number / 2_000, lambda one=one: worker.offer([one]))
    worker.run()
    answered = len(worker.in_state(State.ANSWERED))
    quantum_rows = 15
    capacity = 4.0 * quantum_rows / worker.seconds(quantum_rows)
    assert answered >= 0.8 * capacity
    assert answered + len(worker.in_state(State.EXPIRED)) == 8_000


def test_an_estimate_that_is_too_high_is_put_right() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.001)
    model = worker.scheduler.latency_of("a")
    for _ in range(100):
        model.observe(1, 10.0)
    for number in range(400):
        worker.at(number * 0.01, lambda: worker.offer(items(2, deadline=worker.now + 0.1)))
    worker.run()
    assert [one.state for _, one in worker.settled[-20:]] == [State.ANSWERED] * 20


def test_equal_flights_are_computed_once_and_each_keeps_its_own_fate() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(key="blocks")])
    late, gone, kept = (item(BULK, flight=1, deadline=deadline) for deadline in (0.005, inf, inf))
    other_key = item(BULK, "b", flight=1)
    worker.offer([late, gone, kept, other_key])
    worker.at(0.004, lambda: worker.scheduler.cancel([gone], worker.now))
    worker.at(0.006, lambda: worker.scheduler.expire(worker.now))
    joined = item(INTERACTIVE, flight=1)
    worker.at(0.025, lambda: worker.offer([joined]))  # while it is being computed
    worker.run()
    assert [late.state, gone.state, kept.state, joined.state] == [
        State.EXPIRED,
        State.CANCELLED,
        State.ANSWERED,
        State.ANSWERED,
    ]
    assert sum(len(batch.rows) for _, batch in worker.batches) == 3
    assert worker.settled_at(joined) == pytest.approx(0.03)
    assert worker.scheduler.counts.joined == [1, 0, 2]


def test_a_row_is_as_urgent_as_the_most_urgent_who_waits_for_it() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(key="blocks")])
    bulk = item(BULK, "shared", flight=1)
    worker.offer([bulk])
    worker.offer(items(3, EVENT, "events"))
    hurried = item(INTERACTIVE, "shared", flight=1)
    worker.offer([hurried])
    worker.run()
    assert [batch.key for _, batch in worker.batches] == ["blocks", "shared", "events"]


def test_and_no_more_urgent_when_that_one_has_gone() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(key="blocks")])
    worker.offer([item(BULK, "shared", flight=1)])
    hurried = item(INTERACTIVE, "shared", flight=1)
    worker.offer([hurried])
    worker.offer(items(3, EVENT, "events"))
    worker.scheduler.cancel([hurried], worker.now)
    worker.run()
    assert [batch.key for _, batch in worker.batches] == ["blocks", "events", "shared"]


def test_a_flood_of_bulk_of_one_tenant_does_not_starve_anothers() -> None:
    worker = SimulatedWorker(party_of=lambda key: key[0])
    for number in range(8):
        worker.offer(items(400, BULK, ("flood", number), deadline=60.0))
    modest = items(20, BULK, ("modest", 0), deadline=600.0)
    worker.offer(modest)
    worker.run()
    assert max(worker.settled_at(one) for one in modest) <= 4 * 0.025


def test_a_request_is_accepted_whole_or_not_at_all() -> None:
    policy = BatchingPolicy(bound_rows=ByClass(5, 5, 5))
    worker = SimulatedWorker(policy, seconds=lambda rows: 1.0)
    worker.offer(items(4, BULK))
    with pytest.raises(QueueFull) as refused:
        worker.offer(items(2, BULK))
    assert refused.value.retry_after_seconds >= 1
    assert refused.value.status == 503
    assert worker.scheduler.depth == (0, 0, 4)
    worker.offer(items(5, INTERACTIVE))  # has room of its own
    assert worker.scheduler.counts.refused == [0, 0, 2]
    worker.run()
    assert len(worker.in_state(State.ANSWERED)) == 9


def test_after_closing_nothing_is_accepted_and_what_was_goes_on() -> None:
    worker = SimulatedWorker()
    worker.offer(before := items(3))
    worker.scheduler.close()
    with pytest.raises(ShuttingDown):
        worker.offer(items(1))
    worker.run()
    assert all(one.state is State.ANSWERED for one in before)


def test_a_result_that_is_an_exception_fails_its_own_row_only() -> None:
    settled: list[Item] = []
    scheduler = Scheduler(BatchingPolicy(), on_settled=settled.append)
    scheduler.offer(items(3), 0.0)
    batch = scheduler.next_batch(0.0)
    assert isinstance(batch, Batch)
    scheduler.done(batch, ["first", error := ValueError("second"), "third"], 0.01, 0.01)
    assert [one.outcome for one in settled] == ["first", error, "third"]
    assert [one.state for one in settled] == [State.ANSWERED, State.FAILED, State.ANSWERED]


def test_an_answer_that_comes_after_the_deadline_is_none() -> None:
    """Though the alarm was late and nobody had expired the row before."""
    settled: list[Item] = []
    scheduler = Scheduler(BatchingPolicy(), on_settled=settled.append)
    scheduler.offer([item(deadline=1.0), item(deadline=3.0)], 0.0)
    batch = scheduler.next_batch(0.0)
    assert isinstance(batch, Batch)
    scheduler.done(batch, ["first", "second"], 2.0, 2.0)
    assert [one.state for one in settled] == [State.EXPIRED, State.ANSWERED]


def test_cancelled_rows_leave_no_memory_behind_though_they_are_never_reached() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 1.0)
    worker.offer(items(1))
    for _ in range(200):
        gone = [item(BULK, deadline=50.0, flight=number) for number in range(50)]
        worker.offer(gone)
        worker.scheduler.cancel(gone, worker.now)
    assert worker.scheduler.depth == (1, 0, 0)
    line = worker.scheduler._line
    assert len(line._ageing._heap) <= 20
    assert len(worker.scheduler._ledger._deadlines._heap) <= 20
    assert not worker.scheduler._flights
    assert sum(bool(lane) for lane in line.lanes()) == 0


def test_observers_hear_of_batches_and_refusals() -> None:
    heard: list[tuple] = []

    class Observer:
        def on_batch(self, shape, rows, seconds, waits) -> None:
            heard.append((shape, rows, seconds, dict(waits)))

        def on_refused(self, urgency, reason, rows) -> None:
            heard.append((urgency, reason, rows))

    policy = BatchingPolicy(bound_rows=ByClass(9, 9, 9))
    scheduler = Scheduler(policy, on_settled=lambda one: None, shape_of=lambda key: "plain", observer=Observer())
    scheduler.offer([*items(2), item(BULK)], 1.0)
    scheduler.offer([item(EVENT, deadline=1.1)], 1.0)
    scheduler.expire(1.1)
    with pytest.raises(QueueFull):
        scheduler.offer(items(10, BULK), 1.2)
    batch = scheduler.next_batch(1.5)
    assert isinstance(batch, Batch)
    scheduler.done(batch, batch.payloads, 0.25, 1.75)
    assert heard == [
        (EVENT, "deadline-passed", 1),
        (BULK, "overloaded", 10),
        ("plain", 3, 0.25, {Urgency.INTERACTIVE: [0.5, 0.5], Urgency.BULK: [0.5]}),
    ]


def test_oldest_wait_and_depth_tell_what_is_accepted_and_not_settled() -> None:
    scheduler = Scheduler(BatchingPolicy(), on_settled=lambda one: None)
    scheduler.offer(items(2, BULK), 1.0)
    scheduler.offer(items(1, INTERACTIVE), 3.0)
    assert scheduler.depth == (1, 0, 2)
    assert scheduler.oldest_wait_seconds(4.0) == (1.0, 0.0, 3.0)


class Model:
    """What a key names, and what takes memory."""


def test_what_a_key_names_is_not_held_when_its_rows_are_settled() -> None:
    scheduler = Scheduler(
        BatchingPolicy(), on_settled=lambda one: None, shape_of=lambda key: "any", party_of=lambda key: key[0]
    )
    model = Model()
    seen = weakref.ref(model)
    scheduler.offer(items(3, key=("acme", model)), 0.0)
    batch = scheduler.next_batch(0.0)
    assert isinstance(batch, Batch)
    scheduler.done(batch, batch.payloads, 0.01, 0.01)
    del batch, model
    assert seen() is None
