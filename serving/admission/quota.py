"""Quotas: rows a second and a burst, for each tenant and for each of its keys."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote

from lintel.settings import Settings
from lintel.store.state import Principal


@dataclass(frozen=True, slots=True)
class Quota:
    """A token bucket's size and refill. A request larger than the burst waits for a full bucket and leaves a debt."""

    rows_per_second: float
    burst_rows: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One bucket that a request is to be paid from. `holder` is `tenant` or `key`."""

    bucket: str
    holder: str
    quota: Quota


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether rows were taken, and how the tightest bucket stands now.

    Parameters
    ----------
    wait_seconds: 0 if the rows were taken; else nothing was, and asking again after so long succeeds if no one else
        takes from the bucket meanwhile.
    claim: the tightest bucket.
    backlog_seconds: until that bucket is full again.
    """

    wait_seconds: float
    claim: Claim
    backlog_seconds: float

    @property
    def remaining_rows(self) -> int:
        quota = self.claim.quota
        return max(0, math.floor(quota.burst_rows - self.backlog_seconds * quota.rows_per_second + 1e-6))


class Buckets(Protocol):
    """Token buckets, wherever they are kept. Times in seconds on the caller's monotonic clock."""

    async def take(self, claims: Sequence[Claim], rows: int, now: float) -> Verdict:
        """Take `rows` from all buckets, or from none of them. `claims` is not empty."""

    def known_wait(self, claims: Sequence[Claim], now: float) -> float:
        """Seconds until one row can be had, as far as this process knows; nothing is asked or taken."""

    async def close(self) -> None: ...


class Quotas:
    """Which quotas hold for whom.

    Parameters
    ----------
    tenant, key: what holds for every tenant and every key; None: no quota.
    overrides: by `tenant` or `tenant/key`, in place of those.
    """

    def __init__(
        self, tenant: Quota | None = None, key: Quota | None = None, overrides: Mapping[str, Quota] | None = None
    ) -> None:
        self._tenant = tenant
        self._key = key
        self._overrides = dict(overrides or {})

    def claims(self, principal: Principal) -> tuple[Claim, ...]:
        """The buckets that a request of this caller is paid from; none without quotas."""
        tenant = self._overrides.get(principal.tenant, self._tenant)
        key = self._overrides.get(f"{principal.tenant}/{principal.name}", self._key)
        claims = []
        if tenant is not None:
            claims.append(Claim(_bucket(principal.tenant), "tenant", tenant))
        if key is not None:
            claims.append(Claim(_bucket(principal.tenant, principal.name), "key", key))
        return tuple(claims)


def quotas_of(settings: Settings) -> Quotas:
    overrides = {name: Quota(rate, burst) for name, (rate, burst) in settings.quota_overrides.items()}
    tenant = _quota(settings.quota_rows_per_second, settings.quota_burst_rows)
    key = _quota(settings.quota_key_rows_per_second, settings.quota_key_burst_rows)
    return Quotas(tenant, key, overrides)


def _quota(rows_per_second: float | None, burst_rows: int) -> Quota | None:
    return None if rows_per_second is None else Quota(rows_per_second, burst_rows)


@lru_cache(maxsize=10_000)
def _bucket(tenant: str, key: str | None = None) -> str:
    """A name that no other tenant or key can have. In braces: what Redis Cluster places buckets by."""
    holder = "tenant" if key is None else f"key:{quote(key, safe='')}"
    return f"lintel:quota:{{{quote(tenant, safe='')}}}:{holder}"
