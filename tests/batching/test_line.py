"""Classes, ageing and its bounds."""

import numpy as np
import pytest

from serving.batching.item import State
from serving.batching.policy import BatchingPolicy, ByClass
from tests.batching.simulated import BULK, EVENT, INTERACTIVE, SimulatedWorker, item, items

AGEING_SOON = BatchingPolicy(ageing_seconds=ByClass(0.1, 0.2, 0.5))


def endless_interactive(worker: SimulatedWorker, until: float) -> None:
    """More interactive rows than can be computed, of another key, and never an end to them."""

    def offer_more() -> None:
        missing = 400 - worker.scheduler.depth[INTERACTIVE]
        worker.offer(items(missing, INTERACTIVE, "flood", worker.now + 0.5))
        if worker.now < until:
            worker.at(worker.now + 0.01, offer_more)

    worker.at(worker.now, offer_more)


@pytest.mark.parametrize(("urgency", "ageing"), [(BULK, 0.7), (EVENT, 0.2), (INTERACTIVE, 0.1)])
def test_no_class_starves_under_endless_interactive_load(urgency, ageing: float) -> None:
    """Not even an interactive row without a deadline behind those that have one."""
    worker = SimulatedWorker(AGEING_SOON, party_of=lambda key: "one tenant")
    endless_interactive(worker, until=2.0)
    worker.run(until=0.2)
    patient = item(urgency, "patient")
    worker.offer([patient])
    worker.run(until=2.0)
    assert patient.state is State.ANSWERED
    assert ageing <= worker.settled_at(patient) - 0.2 <= ageing + 0.06  # a batch of 25 ms ahead of it, and its own


def test_many_aged_rows_take_their_share_of_the_time_and_no_more() -> None:
    worker = SimulatedWorker(AGEING_SOON, party_of=lambda key: "one tenant")
    endless_interactive(worker, until=2.0)
    worker.run(until=0.2)
    worker.offer(items(4_000, BULK, "bulk"))
    worker.run(until=0.95)
    since = len(worker.batches)
    worker.run(until=1.95)
    spent = {"bulk": 0.0, "flood": 0.0}
    for _, batch in worker.batches[since:]:
        spent[str(batch.key)] += worker.seconds(len(batch.rows))
    # a turn is a batch, and the last batch that it waits for goes over: with short turns the share is below the .2
    assert 0.12 <= spent["bulk"] / (spent["bulk"] + spent["flood"]) <= 0.21


def test_an_urgent_row_goes_before_any_number_of_less_urgent_ones() -> None:
    worker = SimulatedWorker()
    worker.offer(items(3_000, BULK, "bulk"))
    worker.offer(items(500, EVENT, "event"))
    urgent = item(INTERACTIVE, "urgent")
    worker.offer([urgent])
    worker.run()
    assert worker.settled_at(urgent) <= 0.025 + worker.seconds(1) + 1e-9
    order = [str(batch.key) for _, batch in worker.batches]
    assert order[1] == "urgent"
    assert order[2:] == sorted(order[2:], reverse=True)  # events, then bulk


def test_bulk_waits_a_random_load_out_without_harm_to_interactive_rows() -> None:
    rng = np.random.default_rng(11)
    policy = BatchingPolicy(ageing_seconds=ByClass(1.0, 0.05, 0.05))  # everything ages at once
    worker = SimulatedWorker(policy, seconds=lambda rows: 0.002 + 0.0002 * rows)
    asked, now = [], 0.0
    for _ in range(600):
        now += rng.exponential(0.008)
        one = item(INTERACTIVE, "a")
        asked.append((now, one))
        worker.at(now, lambda one=one: worker.offer([one]))
    worker.at(0.0, lambda: worker.offer(items(4_000, BULK, "b")))
    worker.run()
    waits = [worker.settled_at(one) - moment for moment, one in asked]
    assert np.quantile(waits, 0.99) < 0.1
    assert len(worker.in_state(State.ANSWERED)) == 4_600
