"""Poisoned rows: every innocent is answered, and the work is bounded."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import UnavailableError
from serving.batching.batch import GIVE_UP_AFTER, Batch
from serving.batching.item import State
from serving.batching.policy import BatchingPolicy, ByClass
from tests.batching.simulated import BULK, INTERACTIVE, PoisonError, SimulatedWorker, item, items

ONE_BATCH = BatchingPolicy(quantum_seconds=ByClass(60.0, 60.0, 60.0))


def fast(rows: int) -> float:
    return 0.0001


def computed(poisoned: set[int], rows: int) -> SimulatedWorker:
    worker = SimulatedWorker(ONE_BATCH, seconds=fast)
    worker.offer([item(BULK, payload="poison" if row in poisoned else row) for row in range(rows)])
    worker.run()
    assert len(worker.batches[0][1].rows) == rows
    return worker


@given(st.data(), st.integers(1, 256))
def test_with_few_poisoned_rows_every_other_is_answered(data: st.DataObject, rows: int) -> None:
    poisoned = data.draw(st.sets(st.integers(0, rows - 1), max_size=GIVE_UP_AFTER - 1))
    worker = computed(poisoned, rows)
    assert sorted(one.payload for one in worker.in_state(State.ANSWERED)) == sorted(set(range(rows)) - poisoned)
    failed = worker.in_state(State.FAILED)
    assert len(failed) == len(poisoned)
    assert all(isinstance(one.outcome, PoisonError) and one.payload == "poison" for one in failed)


@given(st.integers(2, 256), st.data())
def test_one_poisoned_row_costs_twice_the_logarithm(rows: int, data: st.DataObject) -> None:
    worker = computed({data.draw(st.integers(0, rows - 1))}, rows)
    assert len(worker.batches) <= 1 + 2 * (log2(rows) + 1)


@given(st.integers(2, 256), st.data())
def test_however_many_are_poisoned_all_are_settled_and_the_work_is_bounded(rows: int, data: st.DataObject) -> None:
    poisoned = set(range(rows)) - data.draw(st.sets(st.integers(0, rows - 1), max_size=3))
    worker = computed(poisoned, rows)
    assert len(worker.settled) == rows
    innocent = rows - len(poisoned)
    assert len(worker.batches) <= (1 + innocent) * (2 * GIVE_UP_AFTER + 2 * (log2(rows) + 1))


def test_when_everything_fails_it_gives_up() -> None:
    worker = computed(set(range(256)), 256)
    assert len(worker.in_state(State.FAILED)) == 256
    assert len(worker.batches) <= 2 * GIVE_UP_AFTER + 2 * 8


def test_an_outage_is_no_rows_fault() -> None:
    worker = SimulatedWorker(seconds=fast)
    worker.scheduler.offer(items(20, BULK), 0.0)
    batch = worker.scheduler.next_batch(0.0)
    assert isinstance(batch, Batch)
    error = UnavailableError("The store does not answer.")
    worker.scheduler.failed(batch, error, 0.0)
    assert worker.scheduler.next_batch(0.0) is None
    assert [one.outcome for one in worker.in_state(State.FAILED)] == [error] * 20


def test_rows_that_expire_between_the_parts_are_not_computed_again() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(BULK, payload="poison", deadline=1.0), item(BULK, deadline=1.0), item(BULK, deadline=0.015)])
    worker.run()
    assert [len(batch.rows) for _, batch in worker.batches] == [3, 2, 1, 1]
    assert len(worker.in_state(State.EXPIRED)) == 1


def test_nor_are_rows_that_nobody_waits_for_any_more() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(BULK, payload="poison"), item(BULK), gone := item(BULK)])
    worker.at(0.015, lambda: worker.scheduler.cancel([gone], worker.now))
    worker.run()
    assert [len(batch.rows) for _, batch in worker.batches] == [3, 2, 1, 1]


def test_the_last_row_that_is_left_of_a_failed_batch_is_not_taken_to_be_guilty() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(BULK, payload="poison", deadline=0.005), innocent := item(BULK)])
    worker.run()
    assert innocent.state is State.ANSWERED


def test_a_more_urgent_row_goes_between_the_parts() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(BULK, payload="poison"), *items(31, BULK)])
    urgent = item(INTERACTIVE, "other")
    worker.at(0.025, lambda: worker.offer([urgent]))
    worker.run()
    assert worker.settled_at(urgent) == pytest.approx(0.04)
    assert len(worker.in_state(State.ANSWERED)) == 32


def test_parts_do_not_starve_under_endless_urgent_rows() -> None:
    worker = SimulatedWorker(seconds=lambda rows: 0.01)
    worker.offer([item(BULK, payload="poison", deadline=9.0), innocent := item(BULK, deadline=9.0)])

    def more() -> None:
        worker.offer(items(1, INTERACTIVE, "other"))
        if worker.now < 2.0:
            worker.at(worker.now + 0.009, more)

    more()
    worker.run(until=2.0)
    assert innocent.state is State.ANSWERED
    assert worker.settled_at(innocent) < 0.2


def test_a_success_takes_up_the_division_again() -> None:
    """Nine poisoned rows one after another, and one far off: only the neighbours of the ninth fail with it."""
    worker = computed({*range(9), 40}, 64)
    lost = {one.payload for one in worker.in_state(State.FAILED)} - {"poison"}
    assert lost == {9, *range(10, 16)}
