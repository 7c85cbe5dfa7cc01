"""Token buckets in Redis: one quota over all workers and machines.

One script takes from all buckets of a request, or from none, on the server's clock. While Redis is away or slow, each
worker goes on with the buckets as it last saw them: limits then hold for each worker by itself.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from importlib import resources

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from lintel.errors import InputError
from serving.admission.quota import Claim, Verdict
from serving.admission.token_buckets import TOLERANCE_SECONDS, TokenBuckets, verdict_of
from serving.breaker import Breaker

logger = logging.getLogger("lintel.serving")

CONNECTIONS = 8
"""Most connections of a worker: a script takes some 20 µs, so that more would only wait in Redis."""
_SCRIPT = (resources.files("serving.admission") / "take_rows.lua").read_text()


class RedisBuckets:
    """See `Buckets`. For one event loop.

    Parameters
    ----------
    url: `redis://`, `rediss://` or `unix://`.
    timeout_seconds: for all that a check asks of Redis; after it the worker's own buckets decide.
    breaker: keeps requests from waiting for a Redis that is away.
    on_fallback: told of each check that the worker's own buckets decided, for metrics.
    clock: monotonic seconds, the one that `now` comes from.
    bucket_clock: seconds in place of the server's own clock.

    Raises InputError if `url` is no address of Redis.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        breaker: Breaker,
        *,
        on_fallback: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        bucket_clock: Callable[[], float] | None = None,
    ) -> None:
        self._client = Redis.from_pool(_pool(url, timeout_seconds))
        self._script = self._client.register_script(_SCRIPT)
        self._timeout_seconds = timeout_seconds
        self._breaker = breaker
        self._on_fallback = on_fallback
        self._clock = clock
        self._bucket_clock = bucket_clock
        self._own = TokenBuckets()

    async def take(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        """See `Buckets`. Never raises for Redis: its trouble shows in the breaker and in `on_fallback`."""
        permit = self._breaker.allow(now)
        if permit is None:
            return self._take_own(claims, rows, now)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                verdict = await self._take_shared(claims, rows, now)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            permit.failed(self._clock())
            logger.warning("Redis did not check a quota (%s); this worker's own limits hold.", type(error).__name__)
            return self._take_own(claims, rows, now)
        except BaseException:  # the request was cancelled: that says nothing of Redis
            permit.cancelled()
            raise
        permit.succeeded(self._clock())
        return verdict

    def known_wait(self, claims: Sequence[Claim], now: float) -> float:
        """See `Buckets`. Others may have taken since: there is at most as much left as is known here."""
        return self._own.known_wait(claims, now)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _take_shared(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        at = "" if self._bucket_clock is None else repr(self._bucket_clock())
        quotas = [
            value for claim in claims for value in (repr(claim.quota.rows_per_second), str(claim.quota.burst_rows))
        ]
        answer = await self._script(
            [claim.bucket for claim in claims], [at, str(rows), repr(TOLERANCE_SECONDS), *quotas]
        )
        wait, *backlogs = [float(number) for number in answer]
        for claim, backlog in zip(claims, backlogs, strict=True):
            self._own.learn(claim, now + backlog, now)
        return verdict_of(claims, backlogs, wait, rows)

    def _take_own(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        self._on_fallback()
        return self._own.take_now(claims, rows, now)


def _pool(url: str, timeout_seconds: float) -> BlockingConnectionPool:
    try:
        return BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            protocol=2,  # no handshake: a connection is to be made within the time-out
            driver_info=None,
        )
    except ValueError as error:
        raise InputError(
            "LINTEL_REDIS_URL is no address of Redis.", mend="Use redis://HOST:PORT/0, rediss:// or unix://."
        ) from error
