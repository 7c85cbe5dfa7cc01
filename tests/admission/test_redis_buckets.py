import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lintel.errors import InputError
from serving.admission.quota import Claim, Quota
from serving.admission.redis_buckets import RedisBuckets
from serving.breaker import Breaker, BreakerState
from tests.admission.redis_server import redis_server

CLAIM = Claim("lintel:quota:{acme}:tenant", "tenant", Quota(0.001, 100))
PATIENT_SECONDS = 30.0


class Counted(RedisBuckets):
    """Counts the checks that this worker's own buckets decided."""

    def __init__(self, url: str, timeout_seconds: float = PATIENT_SECONDS) -> None:
        self.fallbacks = 0
        self.breaker = Breaker("redis")
        super().__init__(url, timeout_seconds, self.breaker, on_fallback=self._count, clock=lambda: 0.0)

    def _count(self) -> None:
        self.fallbacks += 1


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")  # the path of a Unix socket has about a hundred characters at most


def asked(url: str, workers: int, ask: Callable[[list[Counted]], Awaitable[None]], **more: float) -> list[Counted]:
    """`ask` with so many workers' buckets, closed afterwards."""

    async def run() -> list[Counted]:
        buckets = [Counted(url, **more) for _ in range(workers)]
        try:
            await ask(buckets)
        finally:
            for one in buckets:
                await one.close()
        return buckets

    return asyncio.run(run())


def test_workers_take_from_one_bucket_and_never_more_than_it_holds(folder: Path) -> None:
    async def ask(workers: list[Counted]) -> None:
        verdicts = await asyncio.gather(*(one.take([CLAIM], 3, 0.0) for one in workers for _ in range(20)))
        assert sum(verdict.wait_seconds == 0 for verdict in verdicts) == 33
        assert all(one.known_wait([CLAIM], 0.0) == 0 for one in workers)  # one row is left
        await workers[0].take([CLAIM], 1, 0.0)
        assert workers[0].known_wait([CLAIM], 0.0) == pytest.approx(1_000.0, rel=0.01)

    with redis_server(folder) as url:
        assert [one.fallbacks for one in asked(url, 4, ask)] == [0] * 4


def test_buckets_go_on_where_redis_left_them_when_it_goes_away(folder: Path) -> None:
    async def before_and_after(workers: list[Counted]) -> None:
        (worker,) = workers
        await worker.take([CLAIM], 90, 0.0)
        server.__exit__(None, None, None)
        assert (await worker.take([CLAIM], 11, 0.0)).wait_seconds == pytest.approx(1_000.0, rel=0.01)
        assert (await worker.take([CLAIM], 10, 0.0)).wait_seconds == 0
        assert (await worker.take([CLAIM], 1, 0.0)).wait_seconds > 0

    server = redis_server(folder)
    url = server.__enter__()
    (worker,) = asked(url, 1, before_and_after)
    assert worker.fallbacks == 3


def test_a_redis_that_is_away_is_left_alone_by_the_breaker(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(workers: list[Counted]) -> None:
        for _ in range(20):
            await workers[0].take([CLAIM], 1, 0.0)

    with caplog.at_level(logging.WARNING, "lintel.serving"):
        (worker,) = asked(f"unix://{folder / 'nobody.sock'}", 1, ask)
    assert worker.fallbacks == 20
    assert worker.breaker.state is BreakerState.OPEN
    assert len(caplog.records) == worker.breaker.policy.consecutive_failures
    assert "acme" not in caplog.text


def test_a_redis_that_does_not_answer_is_waited_for_no_longer_than_told(folder: Path) -> None:
    async def ask(workers: list[Counted]) -> None:
        assert (await workers[0].take([CLAIM], 1, 0.0)).wait_seconds == 0

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "silent.sock"))
        silent.listen()
        (worker,) = asked(f"unix://{folder / 'silent.sock'}", 1, ask, timeout_seconds=0.05)
    assert worker.fallbacks == 1


def test_redis_is_used_again_when_it_is_back(folder: Path) -> None:
    async def ask(workers: list[Counted]) -> None:
        for _ in range(5):
            await workers[0].take([CLAIM], 1, 0.0)
        with redis_server(folder):
            verdict = await workers[0].take([CLAIM], 100, 100.0)
        assert verdict.wait_seconds == 0  # the shared bucket is full, whatever this worker took by itself

    (worker,) = asked(f"unix://{folder / 'redis.sock'}", 1, ask)
    assert worker.fallbacks == 5
    assert worker.breaker.state is BreakerState.CLOSED


def test_a_cancelled_request_says_nothing_of_redis(folder: Path) -> None:
    async def ask(workers: list[Counted]) -> None:
        for _ in range(10):
            asking = asyncio.create_task(workers[0].take([CLAIM], 1, 0.0))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled()

    with redis_server(folder) as url:
        (worker,) = asked(url, 1, ask)
    assert worker.fallbacks == 0
    assert worker.breaker.state is BreakerState.CLOSED


def test_what_is_no_address_is_refused_without_its_password() -> None:
    with pytest.raises(InputError, match="LINTEL_REDIS_URL") as raised:
        RedisBuckets("http://:secret@host", 1.0, Breaker("redis"))
    assert "secret" not in str(raised.value)


def test_a_bucket_that_is_full_again_leaves_redis(folder: Path) -> None:
    async def ask(workers: list[Counted]) -> None:
        await workers[0].take([CLAIM], 1, 0.0)
        client = workers[0]._client
        kept = await client.pttl(CLAIM.bucket)
        assert 1_000_000 < kept <= 1_060_001

    with redis_server(folder) as url:
        asked(url, 1, ask)
