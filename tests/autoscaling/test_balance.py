"""Who holds too many connections, and what letting go of them comes to."""

import random

from hypothesis import given
from hypothesis import strategies as st

from serving.autoscaling.balance import SLACK, SLACK_SHARE, surplus

held = st.dictionaries(st.integers(1, 1000), st.integers(0, 2000), max_size=10)


@given(held)
def test_nobody_lets_go_of_what_is_within_its_share(connections: dict[int, int]) -> None:
    share = sum(connections.values()) / max(1, len(connections))
    for pid, number in surplus(connections).items():
        assert 0 <= number <= connections[pid]
        if number:
            assert connections[pid] - number >= share
        else:
            assert connections[pid] <= (share + 1) * (1 + SLACK_SHARE) + SLACK


def test_an_even_spread_stays() -> None:
    assert surplus({1: 34, 2: 30}) == {1: 0, 2: 0}
    assert surplus({1: 1, 2: 0}) == {1: 0, 2: 0}
    assert surplus({}) == {}


def test_all_on_one_of_two_lets_half_go() -> None:
    assert surplus({1: 64, 2: 0}) == {1: 32, 2: 0}


@given(held.filter(bool), st.integers(0, 2**32))
def test_it_ends_even_if_those_let_go_come_back_anywhere(connections: dict[int, int], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        released = surplus(connections)
        if not any(released.values()):
            return
        for pid, number in released.items():
            connections[pid] -= number
        for pid in rng.choices(list(connections), k=sum(released.values())):
            connections[pid] += 1
    raise AssertionError(f"still uneven: {connections}")
