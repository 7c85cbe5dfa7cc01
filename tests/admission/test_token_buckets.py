from hypothesis import given
from hypothesis import strategies as st

from serving.admission.quota import Claim, Quota
from serving.admission.token_buckets import TokenBuckets

QUOTA = Quota(1.0, 10)


def claim(number: int) -> Claim:
    return Claim(f"b{number}", "tenant", QUOTA)


def test_full_buckets_make_room_without_a_trace() -> None:
    buckets = TokenBuckets(capacity=3)
    for number in range(3):
        buckets.take_now([claim(number)], 5, 0.0)
    buckets.take_now([claim(3)], 5, 6.0)
    assert len(buckets) == 1
    assert buckets.take_now([claim(0)], 10, 6.0).wait_seconds == 0


def test_of_buckets_that_are_not_full_the_one_that_is_soonest_makes_room() -> None:
    buckets = TokenBuckets(capacity=2)
    buckets.take_now([claim(0)], 9, 0.0)
    buckets.take_now([claim(1)], 2, 0.0)
    buckets.take_now([claim(2)], 5, 0.0)
    assert buckets.take_now([claim(0)], 2, 0.0).wait_seconds > 0
    assert buckets.take_now([claim(1)], 10, 0.0).wait_seconds == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 20), st.floats(0, 5)), max_size=60))
def test_memory_is_bounded_and_what_is_forgotten_is_forgiven(steps: list[tuple[int, float, float]]) -> None:
    bounded, unbounded = TokenBuckets(capacity=4), TokenBuckets()
    now = 0.0
    for number, full_in, elapsed in steps:
        now += elapsed
        for buckets in (bounded, unbounded):
            buckets.learn(claim(number), now + full_in, now)
        waits = [(bounded.known_wait([claim(n)], now), unbounded.known_wait([claim(n)], now)) for n in range(10)]
        assert all(kept in (0, true) for kept, true in waits)
        assert waits[number][0] == waits[number][1]
        assert len(bounded) <= 4
