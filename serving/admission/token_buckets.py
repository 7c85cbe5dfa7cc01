"""Token buckets in this process: pure logic on the caller's clock.

A bucket is one number, the moment it is full again (the generic cell rate algorithm, ITU-T I.371 annex A): tokens need
no timer to refill, and a bucket whose moment has passed is as good as none.
"""

from collections.abc import Iterable, Sequence

from serving.admission.quota import Claim, Quota, Verdict

TOLERANCE_SECONDS = 1e-6
"""Less than this is the rounding of floats: a caller who waited as told must not be refused for it."""


def wait_of(quota: Quota, backlog_seconds: float, rows: int) -> float:
    """Seconds until `rows` can be taken from a bucket that is full in `backlog_seconds`."""
    enough = min(rows, quota.burst_rows)
    wait = backlog_seconds - (quota.burst_rows - enough) / quota.rows_per_second
    return wait if wait > TOLERANCE_SECONDS else 0.0


def verdict_of(claims: Iterable[Claim], backlogs: Iterable[float], wait_seconds: float, rows: int) -> Verdict:
    """The verdict over buckets as they stand after it: refused, the longest to wait for is the tightest; granted, the
    one with the fewest rows left."""
    pairs = list(zip(claims, backlogs, strict=True))
    if wait_seconds > 0:
        claim, backlog = max(pairs, key=lambda pair: wait_of(pair[0].quota, pair[1], rows))
    else:
        claim, backlog = min(pairs, key=lambda pair: pair[0].quota.burst_rows - pair[1] * pair[0].quota.rows_per_second)
    return Verdict(wait_seconds, claim, backlog)


class TokenBuckets:
    """The buckets of one process.

    Parameters
    ----------
    capacity: most buckets that are not full. Beyond it, the one that is full soonest is forgiven.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    async def take(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        """See `Buckets`."""
        return self.take_now(claims, rows, now)

    def take_now(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        """`take` without a wait for anything."""
        backlogs = [self._backlog(claim, now) for claim in claims]
        wait = max(wait_of(claim.quota, backlog, rows) for claim, backlog in zip(claims, backlogs, strict=True))
        if wait == 0:
            backlogs = [
                backlog + rows / claim.quota.rows_per_second for claim, backlog in zip(claims, backlogs, strict=True)
            ]
            for claim, backlog in zip(claims, backlogs, strict=True):
                self.learn(claim, now + backlog, now)
        return verdict_of(claims, backlogs, wait, rows)

    def known_wait(self, claims: Sequence[Claim], now: float) -> float:
        """See `Buckets`."""
        return max((wait_of(claim.quota, self._backlog(claim, now), 1) for claim in claims), default=0.0)

    def learn(self, claim: Claim, full_at: float, now: float) -> None:
        """Set when a bucket is full again."""
        if claim.bucket not in self._full_at and len(self._full_at) >= self._capacity:
            self._make_room(now)
        self._full_at[claim.bucket] = full_at

    async def close(self) -> None:
        """Nothing is open."""

    def _backlog(self, claim: Claim, now: float) -> float:
        return max(0.0, self._full_at.get(claim.bucket, now) - now)

    def _make_room(self, now: float) -> None:
        self._full_at = {bucket: full_at for bucket, full_at in self._full_at.items() if full_at > now}
        if len(self._full_at) >= self._capacity:
            del self._full_at[min(self._full_at, key=self._full_at.__getitem__)]
