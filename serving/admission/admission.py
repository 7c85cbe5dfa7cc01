"""Admission: every scoring request passes here before it may queue. For one event loop."""

from collections.abc import Callable, Mapping
from types import TracebackType

from lintel.settings import Settings
from lintel.store.state import Principal
from serving.admission import refusals
from serving.admission.quota import Buckets, Quotas, quotas_of
from serving.admission.shares import Room, Shares
from serving.admission.token_buckets import TokenBuckets
from serving.breaker import Breaker
from serving.urgency import Urgency

Sheds = Callable[[Urgency, float], bool]
"""Whether a class is refused now: `BrownOut.sheds`."""
DrainSeconds = Callable[[Urgency], float]
"""Seconds after which the queue will have room for a class again, from its own drain rate."""


class Ticket:
    """Leave to have rows in flight. To be released when the answer is ready, also by leaving its `with` block.

    Parameters
    ----------
    headers: `RateLimit` fields for the answer; empty without a quota.
    """

    __slots__ = ("_release", "headers", "rows", "urgency")

    def __init__(self, urgency: Urgency, rows: int, headers: Mapping[str, str], release: Callable[[], None]) -> None:
        self.urgency = urgency
        self.rows = rows
        self.headers = headers
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Give the rows back; once is enough, more does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> "Ticket":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Admission:
    """Brown-out, shares and quotas, in this order: what is refused for another's sake costs no quota.

    Parameters
    ----------
    buckets: where the quotas' token buckets are kept.
    shares: the rows in flight of each class.
    """

    def __init__(
        self,
        quotas: Quotas,
        buckets: Buckets,
        shares: Mapping[Urgency, Shares],
        *,
        sheds: Sheds,
        drain_seconds: DrainSeconds,
    ) -> None:
        self._quotas = quotas
        self._buckets = buckets
        self._shares = dict(shares)
        self._sheds = sheds
        self._drain_seconds = drain_seconds

    def expect(self, principal: Principal, urgency: Urgency | None, now: float) -> None:
        """Refuse early, before the body is read, what would be refused anyway.

        `urgency` is None while it is not known. Raises RequestError: 503 if the class is shed, 429 if a bucket of the
        caller is empty. Takes nothing.
        """
        if urgency is not None:
            self._refuse_shed(urgency, now)
        wait = self._buckets.known_wait(self._quotas.claims(principal), now)
        if wait > 0:
            raise refusals.quota_empty(wait)

    async def admit(self, principal: Principal, urgency: Urgency, rows: int, now: float) -> Ticket:
        """Leave for `rows` leads. Waits for nothing unless the buckets are in Redis.

        Raises RequestError: 503 `overloaded` if the class is shed or full; 429 `share-exceeded` or `quota-exceeded`.
        """
        self._refuse_shed(urgency, now)
        shares = self._shares[urgency]
        self._hold(shares, principal, urgency, rows, now)
        try:
            headers = await self._pay(principal, rows, now)
        except BaseException:  # a cancelled request must not keep its rows either
            shares.release(principal, rows)
            raise
        return Ticket(urgency, rows, headers, lambda: shares.release(principal, rows))

    def rows_in_flight(self) -> dict[Urgency, int]:
        """For metrics."""
        return {urgency: shares.rows for urgency, shares in self._shares.items()}

    async def close(self) -> None:
        """Close what the buckets hold open."""
        await self._buckets.close()

    def _refuse_shed(self, urgency: Urgency, now: float) -> None:
        if self._sheds(urgency, now):
            raise refusals.overloaded(urgency, self._drain_seconds(urgency))

    def _hold(self, shares: Shares, principal: Principal, urgency: Urgency, rows: int, now: float) -> None:
        room = shares.hold(principal, rows, now)
        if room is Room.FULL:
            raise refusals.overloaded(urgency, self._drain_seconds(urgency))
        if room is Room.OVER_SHARE:
            raise refusals.share_exceeded(self._drain_seconds(urgency))

    async def _pay(self, principal: Principal, rows: int, now: float) -> dict[str, str]:
        claims = self._quotas.claims(principal)
        if not claims:
            return {}
        verdict = await self._buckets.take(claims, rows, now)
        if verdict.wait_seconds > 0:
            raise refusals.quota_exceeded(verdict, rows)
        return refusals.rate_limit_headers(verdict)


def admission_of(
    settings: Settings,
    buckets: Buckets,
    capacity_rows: Mapping[Urgency, int],
    *,
    sheds: Sheds,
    drain_seconds: DrainSeconds,
) -> Admission:
    """The admission that the settings ask for; `capacity_rows` bounds the rows in flight of each class."""
    shares = {
        urgency: Shares(
            max(capacity, settings.max_leads),  # one request always fits
            tenant_share=settings.tenant_share,
            key_share=settings.key_share,
            weights=settings.tenant_weights,
        )
        for urgency, capacity in capacity_rows.items()
    }
    return Admission(quotas_of(settings), buckets, shares, sheds=sheds, drain_seconds=drain_seconds)


def buckets_of(settings: Settings, breaker: Breaker, *, on_fallback: Callable[[], None] = lambda: None) -> Buckets:
    """The buckets that the settings ask for: in Redis if it is set, else in this process.

    Raises InputError if `redis_url` is no address of Redis; that it answers is not asked for.
    """
    if settings.redis_url is None:
        return TokenBuckets()
    from serving.admission.redis_buckets import RedisBuckets  # noqa: PLC0415  # 300 ms that most do not pay

    timeout_seconds = settings.redis_timeout_ms / 1_000
    return RedisBuckets(settings.redis_url, timeout_seconds, breaker, on_fallback=on_fallback)
