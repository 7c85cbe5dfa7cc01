"""The priority queue beside a sorted list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.agenda import Agenda

things = st.integers(0, 9)
dues = st.sampled_from([0.0, 1.0, 1.5, 2.0, float("inf")])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), things, dues),
        st.tuples(st.just("drop"), things),
        st.tuples(st.just("pop")),
    )
)


@given(steps)
def test_it_is_a_list_sorted_by_due_and_then_by_order_of_entry(steps: list[tuple]) -> None:
    agenda: Agenda[int] = Agenda()
    naive: list[tuple[float, int, int]] = []
    for order, (what, *arguments) in enumerate(steps):
        if what == "put":
            thing, due = arguments
            agenda.put(thing, due)
            naive = sorted([entry for entry in naive if entry[2] != thing] + [(due, order, thing)])
        elif what == "drop":
            agenda.drop(arguments[0])
            naive = [entry for entry in naive if entry[2] != arguments[0]]
        elif naive:
            assert agenda.pop() == naive.pop(0)[2]
        assert len(agenda) == len(naive)
        assert agenda.first() == (naive[0][2] if naive else None)
        assert agenda.first_due == (naive[0][0] if naive else float("inf"))
        assert set(agenda) == {entry[2] for entry in naive}


def test_an_empty_one_has_nothing_to_pop() -> None:
    with pytest.raises(IndexError):
        Agenda().pop()


def test_what_is_moved_and_dropped_leaves_no_memory_behind() -> None:
    agenda: Agenda[int] = Agenda()
    agenda.put(-1, 0.0)  # stands before all others, so that they are never popped
    for number in range(10_000):
        agenda.put(number, 1.0)
        agenda.put(number, 2.0)
        agenda.drop(number)
    assert len(agenda) == 1
    assert len(agenda._heap) < 50
    agenda.drop(-1)
    assert agenda._heap == []
