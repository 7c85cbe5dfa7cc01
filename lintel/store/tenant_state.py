"""What all that is kept of a tenant in memory is versioned by: one row of the store, read before each use."""

from dataclasses import dataclass
from datetime import datetime

from lintel.errors import NotFoundError
from lintel.events.moments import from_microseconds
from lintel.store.tenants import Clock, Tenant


@dataclass(frozen=True, slots=True)
class TenantState:
    """A tenant at one moment of its log. Equal states mean equal events, merges, market series and settings."""

    tenant: Tenant
    number: int
    last_seq: int  # of the newest event, 0 before the first
    newest_known_at: int | None  # UTC µs, where the log ends
    merges: int  # grows when leads are merged, when one is erased, and when events are set aside or return
    context_changes: int  # grows with every change of the market series

    def time(self, now: datetime) -> datetime:
        """What `as_of: null` means. Raises NotFoundError if the log is empty and the tenant's clock is its end."""
        return clock_time(self.tenant, self.newest_known_at, now)


@dataclass(frozen=True, slots=True)
class ChangedLeads:
    """Leads that have events with after_seq < seq <= up_to_seq; as recorded, without merges."""

    last_seq: dict[str, int]  # lead -> its newest such event
    up_to_seq: int
    complete: bool  # False if the limit was reached: there are more after `up_to_seq`


def clock_time(tenant: Tenant, newest_known_at: int | None, now: datetime) -> datetime:
    """What a tenant's clock shows: now, or the end of its log (UTC µs). Raises NotFoundError if the log is empty."""
    if tenant.clock is Clock.LIVE:
        return now
    if newest_known_at is None:
        raise NotFoundError(f"Tenant {tenant.id!r} has no events yet.", mend="Ingest some first.")
    return from_microseconds(newest_known_at)
