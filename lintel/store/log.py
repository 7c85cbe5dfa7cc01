"""A tenant's whole log as arrays: what a nightly run works on."""

from dataclasses import dataclass
from datetime import datetime

from lintel.events.columns import EventColumns
from lintel.events.moments import to_microseconds
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.store.tenants import Tenant


@dataclass(frozen=True, slots=True)
class TenantLog:
    """A tenant's whole event log in memory, and the moment that its clock shows."""

    tenant: Tenant
    lead_ids: tuple[str, ...]  # (L,) the lead of each code in `columns.lead`, sorted
    columns: EventColumns
    as_of: datetime
    context: ContextColumns = NO_CONTEXT  # the tenant's market series

    @property
    def end(self) -> int:
        """UTC µs of `as_of`: labels are mature as far as this."""
        return to_microseconds(self.as_of)
