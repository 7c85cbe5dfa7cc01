"""What shares a batch: quantum, deadlines, and less urgent rows only for what they save."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.filling import fill, largest, least_seconds
from serving.batching.item import Item, Place, Row
from serving.batching.latency import LatencyModel
from serving.batching.line import Line
from serving.batching.policy import BatchingPolicy, ByClass
from serving.urgency import Urgency
from tests.batching.simulated import BULK, INTERACTIVE, item, items

MODEL = LatencyModel(fixed=0.002, per_row=0.0001)
POLICY = BatchingPolicy(quantum_seconds=ByClass(0.05, 0.05, 0.022), quiet_quantum_seconds=0.0, max_rows=300)


def line_of(*waiting: Item, policy: BatchingPolicy = POLICY) -> Line:
    line = Line(policy, lambda key: key)
    for one in waiting:
        one.accepted_at = 0.0
        line.add(Row.of(one), 0.0)
    return line


def filled(line: Line, now: float = 0.0, model: LatencyModel = MODEL) -> list[Row]:
    head = line.head()
    assert head is not None
    return fill(line, head, model, POLICY, now)


def test_bulk_fills_its_quantum_and_no_more() -> None:
    rows = filled(line_of(*items(900, BULK)))
    assert len(rows) == 200
    assert MODEL.predict(200) == pytest.approx(0.022)


def test_bulk_takes_longer_batches_only_while_nothing_more_urgent_comes() -> None:
    policy = BatchingPolicy(quantum_seconds=ByClass(0.05, 0.05, 0.012), quiet_quantum_seconds=0.022, quiet_seconds=1.0)

    def rows(line: Line, now: float) -> int:
        head = line.head()
        assert head is not None
        return len(fill(line, head, MODEL, policy, now))

    assert rows(line_of(*items(900, BULK), policy=policy), 0.0) == 200
    busy = line_of(*items(1, INTERACTIVE), *items(900, BULK), policy=policy)
    rows(busy, 0.0)  # the interactive row, and what bulk it takes along
    assert rows(busy, 0.5) == 100
    assert rows(busy, 1.5) == 200


def test_a_row_that_is_longer_than_the_quantum_goes_alone() -> None:
    assert len(filled(line_of(*items(9, BULK)), model=LatencyModel(fixed=0.001, per_row=0.1))) == 1


def test_a_batch_has_at_most_so_many_rows() -> None:
    assert len(filled(line_of(*items(900, INTERACTIVE)), model=LatencyModel(fixed=0.001, per_row=0.0))) == 300


def test_a_batch_has_rows_of_one_key_only() -> None:
    rows = filled(line_of(item(INTERACTIVE, "a"), item(INTERACTIVE, "b"), item(BULK, "a")))
    assert [row.key for row in rows] == ["a", "a"]


def test_bulk_joins_an_interactive_batch_for_no_more_than_the_fixed_cost_that_it_saves() -> None:
    rows = filled(line_of(*items(3, INTERACTIVE), *items(900, BULK)))
    assert [row.urgency for row in rows] == [INTERACTIVE] * 3 + [BULK] * MODEL.efficient_rows


def test_bulk_does_not_make_an_interactive_row_late() -> None:
    deadline = 1.5 * MODEL.predict(5)  # most batches take at most 1.5 times the prediction, before anything is known
    rows = filled(line_of(item(INTERACTIVE, deadline=deadline), *items(900, BULK)))
    assert len(rows) == 5


def test_nor_does_it_join_if_it_would_be_late_itself() -> None:
    rows = filled(line_of(*items(10, INTERACTIVE), *items(5, BULK, deadline=MODEL.predict(1))))
    assert len(rows) == 10


def test_a_deadline_makes_a_batch_smaller_but_not_inefficient() -> None:
    tight = item(INTERACTIVE, deadline=1.5 * MODEL.predict(40))
    assert len(filled(line_of(tight, *items(200, INTERACTIVE)))) == 40
    tighter = item(INTERACTIVE, deadline=1.5 * MODEL.predict(2))
    assert len(filled(line_of(tighter, *items(200, INTERACTIVE)))) == MODEL.efficient_rows


def test_the_least_that_a_batch_takes_is_that_of_the_efficient_rows_that_wait() -> None:
    def least(number: int) -> float:
        line = line_of(*items(number, INTERACTIVE))
        head = line.head()
        assert head is not None
        queue = head.lane.queue("a")
        assert queue is not None
        return least_seconds(queue, MODEL, POLICY)

    assert least(1) == MODEL.predict(1)
    assert least(7) == MODEL.predict(7)
    assert least(100) == MODEL.predict(MODEL.efficient_rows)


deadlines = st.sampled_from([0.003, 0.005, 0.01, 0.1, inf])


waiting_rows = st.lists(st.builds(item, st.sampled_from(Urgency), st.just("a"), deadlines), min_size=1, max_size=60)


@given(waiting_rows)
def test_who_is_left_is_not_more_urgent_than_who_was_taken_of_the_same_class(waiting: list[Item]) -> None:
    line = line_of(*waiting)
    rows = filled(line)
    for urgency in Urgency:
        taken = sorted(row.deadline for row in rows if row.urgency == urgency)
        assert taken == sorted(one.deadline for one in waiting if one.urgency == urgency)[: len(taken)]
    assert all(row.place is Place.COMPUTING for row in rows)
    assert 1 <= len(rows) <= max(largest(MODEL, POLICY, POLICY.quantum_seconds[row.urgency]) for row in rows)
