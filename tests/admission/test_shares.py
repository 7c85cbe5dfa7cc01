from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lintel.store.state import Principal
from serving.admission.shares import PRESENT_SECONDS, Room, Shares

FREE, FULL, OVER_SHARE = Room.FREE, Room.FULL, Room.OVER_SHARE


def who(tenant: str, key: str = "k") -> Principal:
    return Principal(tenant, key, "read")


def fill(shares: Shares, principal: Principal, now: float, rows: int = 1) -> int:
    """Holds as much as there is room for; the rows that got in."""
    held = 0
    while shares.hold(principal, rows, now) is FREE:
        held += rows
    return held


def test_alone_a_tenant_may_take_all() -> None:
    assert fill(Shares(100), who("a"), 0.0) == 100


def test_no_one_gets_in_when_it_is_full() -> None:
    shares = Shares(100)
    fill(shares, who("a"), 0.0)
    assert shares.hold(who("b"), 1, 0.0) is FULL


def test_with_others_there_a_tenant_has_its_share() -> None:
    shares = Shares(100)
    shares.hold(who("b"), 1, 0.0)
    assert fill(shares, who("a"), 0.0) == 49  # a half of the 99 that b leaves
    assert shares.hold(who("a"), 1, 0.0) is OVER_SHARE
    assert shares.hold(who("c"), 1, 0.0) is FREE


def test_busy_tenants_share_evenly_and_leave_a_part_for_who_comes_next() -> None:
    shares = Shares(300)
    for _ in range(300):
        shares.hold(who("a"), 1, 0.0)
        shares.hold(who("b"), 1, 0.0)
    assert shares.rows == 200
    assert shares.hold(who("c"), 100, 0.0) is FREE


def test_who_was_refused_lately_counts_as_there() -> None:
    shares = Shares(100)
    fill(shares, who("a"), 0.0)
    assert shares.hold(who("b"), 1, 0.5) is FULL
    shares.release(who("a"), 40)
    assert shares.hold(who("a"), 1, 0.6) is OVER_SHARE
    assert shares.hold(who("b"), 1, 0.7) is FREE
    shares.release(who("b"), 1)
    assert shares.hold(who("a"), 1, 0.7 + PRESENT_SECONDS) is OVER_SHARE
    assert shares.hold(who("a"), 1, 0.8 + PRESENT_SECONDS) is FREE


def test_a_tenant_with_nothing_in_flight_gets_in_whenever_there_is_room() -> None:
    shares = Shares(100)
    shares.hold(who("a"), 30, 0.0)
    assert shares.hold(who("b"), 70, 0.0) is FREE


def test_a_weight_multiplies_the_odds() -> None:
    shares = Shares(400, weights={"a": 3.0})
    shares.hold(who("b"), 1, 0.0)
    assert fill(shares, who("a"), 0.0) == 299  # three quarters of 399


def test_a_key_has_its_share_of_its_tenants_part() -> None:
    shares = Shares(200)
    shares.hold(who("a", "web"), 1, 0.0)
    assert fill(shares, who("a", "batch"), 0.0) == 99  # alone, a may have all: a half of 199
    assert shares.hold(who("a", "web"), 49, 0.0) is FREE


def test_keys_of_one_name_in_two_tenants_are_two() -> None:
    shares = Shares(100)
    shares.hold(who("a"), 10, 0.0)
    shares.hold(who("b"), 10, 0.0)
    shares.release(who("a"), 10)
    assert shares.rows == 10


def test_memory_holds_who_is_there_and_no_one_else() -> None:
    shares = Shares(100)
    for number in range(500):
        shares.hold(who(f"t{number}"), 1, float(number))
        shares.release(who(f"t{number}"), 1)
    assert len(shares._keys) <= 3
    assert len(shares._tenants._asked_at) <= 3


class SharesMachine(RuleBasedStateMachine):
    """Against a list of who holds what, and who asked when."""

    @initialize(capacity=st.integers(5, 60), share=st.sampled_from([0.25, 0.5, 0.75]))
    def begin(self, capacity: int, share: float) -> None:
        self.now = 0.0
        self.capacity = capacity
        self.share = share
        self.shares = Shares(capacity, tenant_share=share, key_share=share)
        self.held: list[tuple[Principal, int]] = []
        self.asked: list[tuple[Principal, float]] = []

    @rule(eighths=st.integers(1, 12))
    def wait(self, eighths: int) -> None:
        self.now += eighths / 8

    @rule(tenant=st.sampled_from("abc"), key=st.sampled_from("xy"), rows=st.integers(1, 30))
    def ask(self, tenant: str, key: str, rows: int) -> None:
        principal = who(tenant, key)
        expected = self.expected(principal, rows)
        self.asked.append((principal, self.now))
        assert self.shares.hold(principal, rows, self.now) is expected
        if expected is FREE:
            self.held.append((principal, rows))

    @rule(pick=st.integers(0, 100))
    def release(self, pick: int) -> None:
        if self.held:
            self.shares.release(*self.held.pop(pick % len(self.held)))

    def expected(self, principal: Principal, rows: int) -> Room:
        if sum(held for _, held in self.held) + rows > self.capacity:
            return FULL
        bound = self.bound(principal.tenant, float(self.capacity), lambda one: one.tenant, lambda one: True)
        if not self.fits(rows, bound, lambda one: one.tenant == principal.tenant):
            return OVER_SHARE
        key_bound = self.bound(principal.name, bound, lambda one: one.name, lambda one: one.tenant == principal.tenant)
        return FREE if self.fits(rows, key_bound, lambda one: one == principal) else OVER_SHARE

    def bound(self, own: str, capacity: float, name_of, counts) -> float:  # type: ignore[no-untyped-def]
        others = sum(rows for one, rows in self.held if counts(one) and name_of(one) != own)
        there = [one for one, at in self.asked if self.now - at <= PRESENT_SECONDS] + [one for one, _ in self.held]
        if not any(counts(one) and name_of(one) != own for one in there):
            return capacity
        return self.share * (capacity - others)

    def fits(self, rows: int, bound: float, is_own) -> bool:  # type: ignore[no-untyped-def]
        held = sum(rows for one, rows in self.held if is_own(one))
        return held == 0 or held + rows <= bound

    @invariant()
    def counts_what_is_held(self) -> None:
        if hasattr(self, "shares"):
            assert self.shares.rows == sum(rows for _, rows in self.held) <= self.capacity


TestShares = SharesMachine.TestCase
TestShares.settings = settings(max_examples=80, stateful_step_count=40)


@given(st.integers(20, 200), st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), max_size=200))
def test_a_flood_of_one_never_keeps_another_out_for_longer_than_what_it_held(
    capacity: int, asks: list[tuple[str, int]]
) -> None:
    """Once what was there before it is answered, it always reaches a quarter of the capacity."""
    shares = Shares(capacity)
    fill(shares, who("a"), 0.0)
    shares.hold(who("b"), 1, 0.0)
    shares.release(who("a"), capacity)
    for tenant, rows in asks:
        shares.hold(who(tenant), rows, 0.1)
    assert fill(shares, who("b"), 0.1) + shares._tenants._rows["b"] >= capacity // 4
