import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from serving.breaker import Breaker, BreakerPolicy, Breakers, BreakerState, Permit

CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
POLICY = BreakerPolicy(
    window_seconds=10.0,
    slices=5,
    minimum_calls=6,
    failure_share=0.5,
    consecutive_failures=4,
    slow_seconds=2.0,
    first_backoff_seconds=1.0,
    longest_backoff_seconds=8.0,
    jitter=0.0,
    probe_seconds=3.0,
)


def permit_of(breaker: Breaker, now: float) -> Permit:
    permit = breaker.allow(now)
    assert permit is not None
    return permit


def opened(policy: BreakerPolicy = POLICY, now: float = 0.0, **more: object) -> Breaker:
    breaker = Breaker("store", policy, **more)  # type: ignore[arg-type]
    for _ in range(policy.consecutive_failures):
        permit_of(breaker, now).failed(now)
    assert breaker.state is OPEN
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker("store", POLICY)
    for _ in range(3):
        permit_of(breaker, 0.0).failed(0.0)
    assert breaker.state is CLOSED
    permit_of(breaker, 0.0).failed(0.0)
    assert breaker.state is OPEN
    assert breaker.allow(0.99) is None


def test_a_success_ends_the_row() -> None:
    breaker = Breaker("store", replace(POLICY, failure_share=1.0))
    for failed in [True, True, True, False] * 5:
        permit = permit_of(breaker, 0.0)
        permit.failed(0.0) if failed else permit.succeeded(0.0)
    assert breaker.state is CLOSED


def test_share_of_failures_opens_it_only_from_the_minimum_of_calls_on() -> None:
    breaker = Breaker("store", POLICY)
    for _ in range(2):
        permit_of(breaker, 0.0).failed(0.0)
        permit_of(breaker, 0.0).succeeded(0.0)
    permit_of(breaker, 0.0).failed(0.0)
    assert breaker.state is CLOSED  # 3 of 5
    permit_of(breaker, 0.0).failed(0.0)
    assert breaker.state is OPEN  # 4 of 6


def test_failures_leave_the_window() -> None:
    breaker = Breaker("store", POLICY)
    for _ in range(3):
        permit_of(breaker, 0.0).failed(0.0)
    permit_of(breaker, 9.0).succeeded(9.0)
    for _ in range(5):
        permit_of(breaker, 10.0).succeeded(10.0)
    permit_of(breaker, 10.0).failed(10.0)
    assert breaker.state is CLOSED


def test_a_slow_success_is_a_failure() -> None:
    breaker = Breaker("store", POLICY)
    for _ in range(4):
        permit_of(breaker, 0.0).succeeded(2.1)
    assert breaker.state is OPEN


def test_one_probe_at_a_time_and_its_success_closes() -> None:
    breaker = opened()
    probe = permit_of(breaker, 1.0)
    assert probe.is_probe
    assert breaker.state is HALF_OPEN
    assert breaker.allow(1.0) is None
    probe.succeeded(1.5)
    assert breaker.state is CLOSED
    assert not permit_of(breaker, 1.5).is_probe


def test_backoff_doubles_to_its_bound_and_starts_anew_after_a_whole_good_window() -> None:
    breaker = opened()
    now, backoffs = 0.0, []
    for _ in range(6):
        backoffs.append(breaker.retry_at - now)
        assert breaker.allow(breaker.retry_at - 0.01) is None
        now = breaker.retry_at
        permit_of(breaker, now).failed(now)
    assert backoffs == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    permit_of(breaker, breaker.retry_at).succeeded(breaker.retry_at)
    closed_at = breaker.retry_at
    for at, backoff in ((closed_at + 5.0, 8.0), (closed_at + 5.0 + 8.0 + 10.1, 1.0)):
        for _ in range(4):
            permit_of(breaker, at).failed(at)
        assert breaker.retry_at - at == pytest.approx(backoff)
        permit_of(breaker, breaker.retry_at).succeeded(breaker.retry_at)


def test_jitter_lengthens_by_its_share_and_repeats_with_its_seed() -> None:
    policy = replace(POLICY, jitter=0.5)
    retries = [opened(policy, chance=random.Random(seed)).retry_at for seed in [*range(50), 0]]
    assert min(retries) >= 1.0
    assert max(retries) <= 1.5
    assert len(set(retries)) == 50
    assert retries[0] == retries[-1]


def test_a_probe_that_never_reports_frees_its_slot() -> None:
    breaker = opened()
    lost = permit_of(breaker, 1.0)
    assert breaker.allow(3.9) is None
    second = permit_of(breaker, 4.0)
    lost.succeeded(4.1)
    assert breaker.state is HALF_OPEN
    second.succeeded(4.2)
    assert breaker.state is CLOSED


def test_a_probe_that_was_cancelled_frees_its_slot_at_once() -> None:
    breaker = opened()
    permit_of(breaker, 1.0).cancelled()
    assert permit_of(breaker, 1.0).is_probe


def test_calls_begun_before_the_opening_change_nothing() -> None:
    breaker = Breaker("store", POLICY)
    early = [permit_of(breaker, 0.0) for _ in range(8)]
    for permit in early[:4]:
        permit.failed(0.1)
    early[4].succeeded(0.2)
    assert breaker.state is OPEN
    probe = permit_of(breaker, 1.2)
    early[5].succeeded(1.3)
    assert breaker.state is HALF_OPEN
    probe.succeeded(1.4)
    for permit in early[6:]:
        permit.failed(1.5)
    for _ in range(3):
        permit_of(breaker, 1.6).failed(1.6)
    assert breaker.state is CLOSED  # the early failures are not of this row


def test_only_the_first_report_counts() -> None:
    breaker = Breaker("store", POLICY)
    permit = permit_of(breaker, 0.0)
    for _ in range(10):
        permit.failed(0.0)
    assert breaker.state is CLOSED


def test_observer_sees_every_change_in_order() -> None:
    seen: list[tuple[str, BreakerState]] = []
    breaker = opened(observer=lambda name, state: seen.append((name, state)))
    permit_of(breaker, 1.0).failed(1.0)
    permit_of(breaker, 3.0).succeeded(3.0)
    assert [state for _, state in seen] == [OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED]
    assert {name for name, _ in seen} == {"store"}


def test_an_observer_may_read_the_breaker() -> None:
    states: list[BreakerState] = []
    breaker = Breaker("store", POLICY, observer=lambda name, state: states.append(breaker.state))
    for _ in range(4):
        permit_of(breaker, 0.0).failed(0.0)
    assert states == [OPEN]


def test_threads_get_one_probe_between_them() -> None:
    for seed in range(20):
        breaker = opened(chance=random.Random(seed))
        with ThreadPoolExecutor(8) as pool:
            permits = [one for one in pool.map(breaker.allow, [1.0] * 64) if one is not None]
        assert len(permits) == 1


def test_threads_lose_no_report() -> None:
    changes: list[BreakerState] = []
    policy = replace(POLICY, consecutive_failures=10_000, minimum_calls=2_000)
    breaker = Breaker("store", policy, observer=lambda name, state: changes.append(state))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: permit_of(breaker, 0.0).failed(0.0), range(1_999)))
        assert changes == []
        permit_of(breaker, 0.0).failed(0.0)
    assert changes == [OPEN]


def test_memory_does_not_grow_with_calls_that_all_succeed() -> None:
    breaker = Breaker("store", POLICY)
    for second in range(1_000):
        permit_of(breaker, float(second)).succeeded(float(second))
    assert len(breaker._outcomes._counts) <= POLICY.slices


def test_breakers_are_kept_by_name_and_bounded() -> None:
    breakers = Breakers(POLICY, capacity=3)
    for _ in range(4):
        permit_of(breakers["store"], 0.0).failed(0.0)
    assert breakers["store"] is breakers["store"]
    for number in range(10):
        breakers[f"model-{number}"]
    assert breakers.states() == {"store": OPEN, "model-8": CLOSED, "model-9": CLOSED}


def test_when_all_are_open_the_one_asked_for_longest_ago_makes_room() -> None:
    breakers = Breakers(POLICY, capacity=2)
    for name in ("a", "b", "a"):
        for _ in range(4):
            permit = breakers[name].allow(0.0)
            if permit is not None:
                permit.failed(0.0)
    breakers["c"]
    assert breakers.states() == {"a": OPEN, "c": CLOSED}


class Naive:
    """A breaker as one would explain it: every call since the last change is kept, and all is counted anew."""

    def __init__(self) -> None:
        self.state = CLOSED
        self.epoch = 0
        self.calls: list[tuple[float, bool]] = []
        self.retry_at = 0.0
        self.probe: tuple[int, float] | None = None  # epoch, begun
        self.opened_in_a_row = 0
        self.closed_at = 0.0

    def allow(self, now: float) -> tuple[int, bool] | None:
        if self.state is CLOSED:
            return (self.epoch, False)
        waiting = self.state is OPEN and now < self.retry_at
        probing = self.state is HALF_OPEN and self.probe is not None and now - self.probe[1] < POLICY.probe_seconds
        if waiting or probing:
            return None
        self.change(HALF_OPEN)
        self.probe = (self.epoch, now)
        return (self.epoch, True)

    def change(self, state: BreakerState) -> None:
        self.state = state
        self.epoch += 1
        self.calls = []

    def report(self, epoch: int, begun: float, now: float, failed: bool) -> None:
        failed = failed or now - begun > POLICY.slow_seconds
        if epoch != self.epoch:
            return
        if self.state is HALF_OPEN and not failed:
            self.closed_at = now
            self.change(CLOSED)
            return
        self.calls.append((now, failed))
        if self.state is HALF_OPEN or (failed and self.bad(now)):
            self.open(now)

    def open(self, now: float) -> None:
        if self.state is CLOSED and now - self.closed_at > POLICY.window_seconds:
            self.opened_in_a_row = 0
        self.retry_at = now + min(2.0**self.opened_in_a_row, POLICY.longest_backoff_seconds)
        self.opened_in_a_row += 1
        self.change(OPEN)

    def bad(self, now: float) -> bool:
        last = [failed for _, failed in self.calls[-POLICY.consecutive_failures :]]
        if len(last) == POLICY.consecutive_failures and all(last):
            return True
        of_slice = POLICY.window_seconds / POLICY.slices
        recent = [failed for at, failed in self.calls if at // of_slice > now // of_slice - POLICY.slices]
        return len(recent) >= POLICY.minimum_calls and sum(recent) >= POLICY.failure_share * len(recent)


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin, report late, twice or never, in any order; the breaker and the naive one must always agree."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.changes: list[BreakerState] = []
        self.breaker = Breaker("store", POLICY, observer=lambda name, state: self.changes.append(state))
        self.naive = Naive()
        self.calls: list[tuple[Permit, tuple[int, bool], float]] = []

    @rule(eighths=st.one_of(st.integers(0, 8), st.integers(0, 100)))
    def wait(self, eighths: int) -> None:
        self.now += eighths / 8

    @rule(count=st.integers(1, 4))
    def call(self, count: int) -> None:
        for _ in range(count):
            permit, expected = self.breaker.allow(self.now), self.naive.allow(self.now)
            assert (permit is None) == (expected is None)
            if permit is not None and expected is not None:
                assert permit.is_probe == expected[1]
                self.calls.append((permit, expected, self.now))

    @rule(pick=st.integers(0, 1_000), failed=st.booleans())
    def report(self, pick: int, failed: bool) -> None:
        if self.calls:
            permit, (epoch, _), begun = self.calls.pop(pick % len(self.calls))
            self.naive.report(epoch, begun, self.now, failed)
            (permit.failed if failed else permit.succeeded)(self.now)
            permit.succeeded(self.now)  # a second report says nothing

    @rule(failed=st.booleans(), count=st.integers(1, 6))
    def call_and_report(self, failed: bool, count: int) -> None:
        for _ in range(count):
            self.call(1)
            self.report(len(self.calls) - 1, failed)

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state is self.naive.state
        if self.naive.state is OPEN:
            assert self.breaker.retry_at == self.naive.retry_at
        assert all(one is not other for one, other in zip(self.changes, self.changes[1:], strict=False))


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=80, stateful_step_count=40)
