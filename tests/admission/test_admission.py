import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lintel.settings import Settings
from lintel.store.state import Principal
from serving.admission.admission import Admission, admission_of, buckets_of
from serving.admission.quota import Claim, Quota, Quotas, Verdict
from serving.admission.redis_buckets import RedisBuckets
from serving.admission.shares import Shares
from serving.admission.token_buckets import TokenBuckets
from serving.breaker import Breaker
from serving.problems import RequestError
from serving.urgency import Urgency

INTERACTIVE, EVENT, BULK = Urgency.INTERACTIVE, Urgency.EVENT, Urgency.BULK
WEB = Principal("acme", "web", "read")
OTHER = Principal("other", "web", "read")


def admission(
    quotas: Quotas | None = None,
    *,
    capacity: int = 100,
    shed: tuple[Urgency, ...] = (),
    drain_seconds: float = 2.5,
    buckets: TokenBuckets | None = None,
) -> Admission:
    return Admission(
        quotas or Quotas(),
        TokenBuckets() if buckets is None else buckets,
        {urgency: Shares(capacity) for urgency in Urgency},
        sheds=lambda urgency, now: urgency in shed,
        drain_seconds=lambda urgency: drain_seconds,
    )


def refusal(asked: Admission, principal: Principal, urgency: Urgency, rows: int, now: float) -> RequestError:
    with pytest.raises(RequestError) as raised:
        asyncio.run(asked.admit(principal, urgency, rows, now))
    return raised.value


def test_rows_are_held_until_the_ticket_is_given_back() -> None:
    asked = admission()
    with asyncio.run(asked.admit(WEB, BULK, 60, 0.0)) as ticket:
        assert (ticket.urgency, ticket.rows, ticket.headers) == (BULK, 60, {})
        assert asked.rows_in_flight() == {INTERACTIVE: 0, EVENT: 0, BULK: 60}
    assert asked.rows_in_flight()[BULK] == 0
    ticket.release()
    assert asked.rows_in_flight()[BULK] == 0


def test_rows_are_given_back_when_the_work_fails() -> None:
    asked = admission()
    with pytest.raises(ZeroDivisionError), asyncio.run(asked.admit(WEB, BULK, 60, 0.0)):
        raise ZeroDivisionError
    assert asked.rows_in_flight()[BULK] == 0


def test_a_full_class_is_overload_and_leaves_the_others_be() -> None:
    asked = admission()
    asyncio.run(asked.admit(WEB, BULK, 100, 0.0))
    refused = refusal(asked, OTHER, BULK, 1, 0.0)
    assert (refused.status, refused.slug, refused.headers) == (503, "overloaded", {"Retry-After": "3"})
    asyncio.run(asked.admit(OTHER, INTERACTIVE, 1, 0.0))


def test_more_than_the_share_is_the_callers_own_doing() -> None:
    asked = admission()
    asyncio.run(asked.admit(OTHER, BULK, 1, 0.0))
    asyncio.run(asked.admit(WEB, BULK, 49, 0.0))
    refused = refusal(asked, WEB, BULK, 1, 0.0)
    assert (refused.status, refused.slug, refused.headers) == (429, "share-exceeded", {"Retry-After": "3"})


def test_a_class_that_is_shed_is_refused_before_and_after_the_body() -> None:
    asked = admission(shed=(BULK,), drain_seconds=0.0)
    with pytest.raises(RequestError) as early:
        asked.expect(WEB, BULK, 0.0)
    late = refusal(asked, WEB, BULK, 1, 0.0)
    for refused in (early.value, late):
        assert (refused.status, refused.slug, refused.headers) == (503, "overloaded", {"Retry-After": "1"})
    asked.expect(WEB, INTERACTIVE, 0.0)
    asked.expect(WEB, None, 0.0)


def test_quota_refuses_with_the_exact_wait_and_says_what_is_left() -> None:
    asked = admission(Quotas(tenant=Quota(2.0, 10)))
    ticket = asyncio.run(asked.admit(WEB, BULK, 7, 0.0))
    assert ticket.headers == {"RateLimit-Policy": '"tenant-rows";q=10;w=5', "RateLimit": '"tenant-rows";r=3;t=4'}
    refused = refusal(asked, WEB, BULK, 8, 0.0)
    assert (refused.status, refused.slug) == (429, "quota-exceeded")
    assert refused.headers == {"Retry-After": "3", **ticket.headers}
    assert asked.rows_in_flight()[BULK] == 7
    asyncio.run(asked.admit(WEB, BULK, 8, 2.5))


def test_an_empty_bucket_refuses_before_the_body_is_read() -> None:
    asked = admission(Quotas(key=Quota(0.5, 10)))
    asked.expect(WEB, None, 0.0)
    asyncio.run(asked.admit(WEB, BULK, 10, 0.0))
    with pytest.raises(RequestError) as raised:
        asked.expect(WEB, None, 0.0)
    assert (raised.value.status, raised.value.headers) == (429, {"Retry-After": "2"})
    asked.expect(OTHER, None, 0.0)
    asked.expect(WEB, None, 2.0)


def test_what_is_refused_for_anothers_sake_costs_no_quota() -> None:
    asked = admission(Quotas(tenant=Quota(1.0, 10)), capacity=10)
    asyncio.run(asked.admit(OTHER, BULK, 10, 0.0))
    assert refusal(asked, WEB, BULK, 10, 0.0).status == 503
    asyncio.run(asked.admit(WEB, INTERACTIVE, 10, 0.0))


def test_a_refusal_names_no_one() -> None:
    asked = admission(Quotas(key=Quota(1.0, 1)))
    asyncio.run(asked.admit(WEB, BULK, 1, 0.0))
    refused = refusal(asked, WEB, BULK, 5, 0.0)
    assert not {"acme", "web"} & set(str(refused).replace(".", " ").split())


class Stuck(TokenBuckets):
    async def take(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError


def test_a_request_that_is_cancelled_while_it_waits_keeps_nothing() -> None:
    asked = admission(Quotas(tenant=Quota(1.0, 10)), buckets=Stuck())

    async def cancelled() -> None:
        asking = asyncio.create_task(asked.admit(WEB, BULK, 5, 0.0))
        await asyncio.sleep(0)
        assert asked.rows_in_flight()[BULK] == 5
        asking.cancel()
        await asyncio.wait([asking])

    asyncio.run(cancelled())
    assert asked.rows_in_flight()[BULK] == 0


def test_admission_follows_the_settings() -> None:
    settings = Settings(max_leads=30, tenant_share=0.25, quota_rows_per_second=1.0, quota_burst_rows=40)
    asked = admission_of(
        settings,
        TokenBuckets(),
        {INTERACTIVE: 10, EVENT: 10, BULK: 100},
        sheds=lambda urgency, now: False,
        drain_seconds=lambda urgency: 1.0,
    )
    asyncio.run(asked.admit(OTHER, INTERACTIVE, 30, 0.0))  # one request always fits
    asyncio.run(asked.admit(OTHER, BULK, 1, 0.0))
    asyncio.run(asked.admit(WEB, BULK, 24, 0.0))
    assert refusal(asked, WEB, BULK, 1, 0.0).slug == "share-exceeded"
    assert refusal(asked, WEB, EVENT, 20, 0.0).slug == "quota-exceeded"


def test_buckets_are_in_redis_where_it_is_set() -> None:
    assert isinstance(buckets_of(Settings(), Breaker("redis")), TokenBuckets)
    assert isinstance(buckets_of(Settings(redis_url="redis://localhost:1/0"), Breaker("redis")), RedisBuckets)


class AdmissionMachine(RuleBasedStateMachine):
    """Whatever is asked and given back: no more rows are held than fit, and none stay when all is answered."""

    @initialize(rate=st.sampled_from([1.0, 20.0]), shed=st.booleans())
    def begin(self, rate: float, shed: bool) -> None:
        self.now = 0.0
        self.rate = rate
        self.shed = shed
        self.asked = admission(Quotas(tenant=Quota(rate, 50)), capacity=60, shed=(BULK,) if shed else ())
        self.tickets: list[object] = []
        self.granted = {"acme": 0, "other": 0}

    @rule(eighths=st.integers(1, 40))
    def wait(self, eighths: int) -> None:
        self.now += eighths / 8

    @rule(principal=st.sampled_from([WEB, OTHER]), urgency=st.sampled_from(Urgency), rows=st.integers(1, 50))
    def ask(self, principal: Principal, urgency: Urgency, rows: int) -> None:
        before = self.asked.rows_in_flight()
        refused = None
        try:
            self.tickets.append(asyncio.run(self.asked.admit(principal, urgency, rows, self.now)))
            self.granted[principal.tenant] += rows
        except RequestError as error:
            refused = error
        assert refused is not None or not (self.shed and urgency is BULK)
        if refused is not None:
            assert refused.status in {429, 503}
            assert int(refused.headers["Retry-After"]) >= 1
            assert self.asked.rows_in_flight() == before

    @rule(pick=st.integers(0, 100))
    def answer(self, pick: int) -> None:
        if self.tickets:
            self.tickets.pop(pick % len(self.tickets)).release()  # type: ignore[attr-defined]

    @invariant()
    def bounds_hold(self) -> None:
        if hasattr(self, "asked"):
            assert all(0 <= rows <= 60 for rows in self.asked.rows_in_flight().values())
            assert all(rows <= 50 + self.rate * self.now + 1e-6 for rows in self.granted.values())

    def teardown(self) -> None:
        for ticket in getattr(self, "tickets", []):
            ticket.release()
        if hasattr(self, "asked"):
            assert set(self.asked.rows_in_flight().values()) == {0}


TestAdmission = AdmissionMachine.TestCase
TestAdmission.settings = hypothesis_settings(max_examples=40, stateful_step_count=30)
