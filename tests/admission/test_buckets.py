"""One battery for token buckets wherever they are kept: in this process, or in Redis."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.admission.quota import Buckets, Claim, Quota, Verdict
from serving.admission.redis_buckets import RedisBuckets
from serving.admission.token_buckets import TokenBuckets
from serving.breaker import Breaker
from tests.admission.redis_server import redis_server

TENANT = Claim("lintel:quota:{acme}:tenant", "tenant", Quota(3.0, 10))
KEY = Claim("lintel:quota:{acme}:key:web", "key", Quota(2.0, 4))
START = 1_000.0


class Bench:
    """Buckets with a clock that stands still between calls; `fresh` empties them."""

    def __init__(self, make: Callable[["Bench"], Buckets], runner: asyncio.Runner) -> None:
        self.runner = runner
        self.now = START
        self._make = make
        self.buckets = make(self)

    def fresh(self) -> None:
        self.runner.run(self.buckets.close())
        self.now = START
        self.buckets = self._make(self)

    def take(self, claims: list[Claim], rows: int, at: float) -> Verdict:
        self.now = START + at
        return self.runner.run(self.buckets.take(claims, rows, self.now))

    def known_wait(self, claims: list[Claim], at: float) -> float:
        return self.buckets.known_wait(claims, START + at)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module", params=["process", "redis"])
def bench(
    request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    if request.param == "process":
        yield Bench(lambda _: TokenBuckets(), runner)
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        ages = itertools.count()

        def in_redis(bench: Bench) -> RedisBuckets:
            def refuse() -> None:
                raise AssertionError("Redis was not asked")

            offset = 1e6 * next(ages)  # a fresh start is so much later that all buckets are full
            return RedisBuckets(
                url,
                30.0,
                Breaker("redis"),
                on_fallback=refuse,
                clock=lambda: bench.now,
                bucket_clock=lambda: bench.now + offset,
            )

        made = Bench(in_redis, runner)
        yield made
        runner.run(made.buckets.close())


@pytest.fixture(autouse=True)
def empty(bench: Bench) -> None:
    bench.fresh()


def test_burst_is_there_at_once_and_no_more(bench: Bench) -> None:
    granted = [bench.take([TENANT], 2, 0.0).wait_seconds == 0 for _ in range(6)]
    assert granted == [True] * 5 + [False]


def test_wait_is_exact(bench: Bench) -> None:
    assert bench.take([TENANT], 10, 0.0).remaining_rows == 0
    assert bench.take([TENANT], 6, 0.5).wait_seconds == pytest.approx(1.5)
    assert bench.take([TENANT], 6, 1.99).wait_seconds > 0
    assert bench.take([TENANT], 6, 2.0).wait_seconds == 0


def test_request_larger_than_the_burst_waits_for_a_full_bucket_and_leaves_a_debt(bench: Bench) -> None:
    assert bench.take([TENANT], 25, 0.0).wait_seconds == 0
    refused = bench.take([TENANT], 25, 0.0)
    assert refused.wait_seconds == pytest.approx(25 / 3)
    assert bench.take([TENANT], 1, 5.0).wait_seconds == pytest.approx(1 / 3)
    assert bench.take([TENANT], 25, 25 / 3).wait_seconds == 0


def test_nothing_is_taken_from_one_bucket_when_another_refuses(bench: Bench) -> None:
    refused_after = bench.take([TENANT, KEY], 4, 0.0), bench.take([TENANT, KEY], 4, 0.0)
    assert [verdict.wait_seconds > 0 for verdict in refused_after] == [False, True]
    assert refused_after[1].claim == KEY
    assert bench.take([TENANT], 6, 0.0).wait_seconds == 0
    assert bench.take([TENANT], 1, 0.0).wait_seconds > 0


def test_verdict_names_the_tightest_bucket(bench: Bench) -> None:
    assert bench.take([TENANT, KEY], 3, 0.0).claim == KEY
    assert bench.take([TENANT], 5, 0.0).wait_seconds == 0
    granted = bench.take([TENANT, KEY], 1, 0.0)
    assert (granted.claim, granted.remaining_rows, granted.backlog_seconds) == (KEY, 0, pytest.approx(2.0))
    refused = bench.take([TENANT, KEY], 1, 0.0)
    assert refused.claim == KEY
    assert refused.wait_seconds == pytest.approx(0.5)


def test_known_wait_tells_of_an_empty_bucket_and_takes_nothing(bench: Bench) -> None:
    assert bench.known_wait([TENANT, KEY], 0.0) == 0
    bench.take([TENANT, KEY], 4, 0.0)
    assert bench.known_wait([TENANT, KEY], 0.0) == pytest.approx(0.5)
    assert bench.known_wait([TENANT], 0.0) == 0
    assert bench.known_wait([TENANT, KEY], 0.5) == 0
    assert bench.take([KEY], 1, 0.5).wait_seconds == 0


def test_buckets_of_others_are_their_own(bench: Bench) -> None:
    other = Claim("lintel:quota:{other}:tenant", "tenant", TENANT.quota)
    bench.take([TENANT], 10, 0.0)
    assert bench.take([other], 10, 0.0).wait_seconds == 0


class Oracle:
    """Buckets as one would explain them: tokens that drip in, in exact fractions."""

    def __init__(self) -> None:
        self._tokens: dict[str, Fraction] = {}
        self._at: dict[str, Fraction] = {}

    def tokens(self, claim: Claim, now: Fraction) -> Fraction:
        burst = Fraction(claim.quota.burst_rows)
        elapsed = now - self._at.get(claim.bucket, now)
        return min(burst, self._tokens.get(claim.bucket, burst) + elapsed * Fraction(claim.quota.rows_per_second))

    def wait(self, claims: list[Claim], rows: int, now: Fraction) -> Fraction:
        waits = [
            (min(rows, claim.quota.burst_rows) - self.tokens(claim, now)) / Fraction(claim.quota.rows_per_second)
            for claim in claims
        ]
        return max(Fraction(0), *waits)

    def take(self, claims: list[Claim], rows: int, now: Fraction) -> Fraction:
        wait = self.wait(claims, rows, now)
        if wait == 0:
            for claim in claims:
                self._tokens[claim.bucket] = self.tokens(claim, now) - rows
                self._at[claim.bucket] = now
        return wait


quotas = st.builds(Quota, st.sampled_from([0.5, 1.0, 3.0, 8.0, 10.0]), st.integers(1, 12))
steps = st.lists(
    st.tuples(
        st.integers(0, 40),  # eighths of a second since the last one
        st.integers(1, 15),
        st.sampled_from(["tenant", "web", "app"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tenant=quotas, key=quotas, steps=steps)
def test_agrees_with_tokens_that_drip_in(
    bench: Bench, tenant: Quota, key: Quota, steps: list[tuple[int, int, str]]
) -> None:
    bench.fresh()
    oracle = Oracle()
    now = Fraction(0)
    for eighths, rows, who in steps:
        now += Fraction(eighths, 8)
        claims = [Claim("lintel:quota:{t}:tenant", "tenant", tenant)]
        if who != "tenant":
            claims.append(Claim(f"lintel:quota:{{t}}:key:{who}", "key", key))
        expected_left = min(oracle.tokens(claim, now) for claim in claims)
        expected = oracle.take(claims, rows, now)
        verdict = bench.take(claims, rows, float(now))
        assert verdict.wait_seconds == pytest.approx(float(expected), abs=1e-5)
        assert (verdict.wait_seconds == 0) == (expected == 0)
        if expected == 0:
            assert verdict.remaining_rows == max(0, (expected_left - rows).__floor__())
        assert bench.known_wait(claims, float(now)) == pytest.approx(float(oracle.wait(claims, 1, now)), abs=1e-5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quota=quotas, rows=st.lists(st.integers(1, 15), min_size=2, max_size=12))
def test_who_waits_as_told_is_served_and_not_a_moment_sooner(bench: Bench, quota: Quota, rows: list[int]) -> None:
    bench.fresh()
    claims = [Claim("lintel:quota:{w}:tenant", "tenant", quota)]
    now = 0.0
    for count in rows:
        wait = bench.take(claims, count, now).wait_seconds
        if wait > 0:
            assert bench.take(claims, count, now + 0.99 * wait).wait_seconds > 0
            now += wait
            assert bench.take(claims, count, now).wait_seconds == 0
