"""Writing events: short transactions, each event once, `seq` in the order of commits."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from lintel.errors import NotFoundError
from lintel.store.engine import WRITE_BUDGET_SECONDS, YIELD_SECONDS, BulkInsert, Database
from lintel.store.rows import NewEvent
from lintel.store.tables import bodies, events, lead_merges, tenants
from lintel.store.tombstones import Tombstones, read_tombstones

_SLICE = 256  # rows between two looks at the clock
_HELD = sa.select(events.c.event_id).where(
    events.c.tenant == sa.bindparam("tenant"), events.c.event_id.in_(sa.bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction did: events taken from the front of what it was given, how many of them were new and were
    written, and how many were new and of erased leads, which were not."""

    taken: int
    appended: int
    last_seq: int
    withheld: int


class EventWriter:
    """Writes events of a tenant in transactions of at most 50 ms, so that other writers get their turn."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_erased: dict[int, tuple[int, Tombstones]] = {}
        self._insert_events = BulkInsert(events, events.c.keys(), database.dialect)
        self._insert_bodies = BulkInsert(bodies, bodies.c.keys(), database.dialect)

    def transaction(self, tenant: str, pending: Sequence[NewEvent]) -> Written:
        """Write as many of `pending` as fit into one transaction. Raises NotFoundError for an unknown tenant."""
        with self._database.write() as connection:
            number, last_seq, newest, merges, erased = self._lock(connection, tenant)
            deadline = time.perf_counter() + WRITE_BUDGET_SECONDS
            taken, seq, withheld = 0, last_seq, 0
            while taken < len(pending) and (taken == 0 or time.perf_counter() < deadline):
                unheld = self._fresh(connection, number, pending[taken : taken + _SLICE])
                fresh = _admitted(unheld, erased)
                withheld += len(unheld) - len(fresh)
                merges += self._insert(connection, number, seq, fresh)
                seq += len(fresh)
                newest = max([newest, *(event.known_at for event in fresh)])
                taken = min(taken + _SLICE, len(pending))
            if seq > last_seq:
                changes = {"last_seq": seq, "newest_known_at": newest, "merges": merges}
                connection.execute(sa.update(tenants).where(tenants.c.number == number).values(changes))
        return Written(taken, seq - last_seq, seq, withheld)

    def pause(self) -> None:
        """Let waiting writers in."""
        time.sleep(YIELD_SECONDS)

    def _lock(self, connection: sa.Connection, tenant: str) -> tuple[int, int, int, int, Tombstones]:
        """The tenant's number, counters and erased leads; PostgreSQL locks its row, so that its writers take turns."""
        counters = (tenants.c.last_seq, tenants.c.newest_known_at, tenants.c.merges, tenants.c.erasures)
        query = sa.select(tenants.c.number, *counters)
        row = connection.execute(query.where(tenants.c.id == tenant).with_for_update()).one_or_none()
        if row is None:
            raise unknown_tenant(tenant)
        newest = -(2**62) if row.newest_known_at is None else row.newest_known_at
        return row.number, row.last_seq, newest, row.merges, self._erased(connection, row.number, row.erasures)

    def _erased(self, connection: sa.Connection, tenant: int, version: int) -> Tombstones:
        """Erased leads, read again only when one was added or taken away: a tenant without any pays no query."""
        known = self._known_erased.get(tenant, (0, Tombstones()))
        if known[0] != version:
            known = self._known_erased[tenant] = (version, read_tombstones(connection, tenant))
        return known[1]

    def _fresh(self, connection: sa.Connection, tenant: int, some: Sequence[NewEvent]) -> list[NewEvent]:
        """Those that the store does not hold, the first of each `event_id`."""
        asked = {"tenant": tenant, "ids": [event.event_id for event in some]}
        held = set(connection.execute(_HELD, asked).scalars())
        first: dict[str, NewEvent] = {}
        for event in some:
            if event.event_id not in held:
                first.setdefault(event.event_id, event)
        return list(first.values())

    def _insert(self, connection: sa.Connection, tenant: int, last_seq: int, fresh: Sequence[NewEvent]) -> int:
        """Insert events with the numbers after `last_seq`; the number of merges among them."""
        numbered = list(enumerate(fresh, start=last_seq + 1))
        self._insert_events(connection, [(tenant, seq, *event.columns) for seq, event in numbered])
        with_body = [(tenant, seq, event.text, event.attributes) for seq, event in numbered if event.has_body]
        self._insert_bodies(connection, with_body)
        merges = [merge for seq, event in numbered if (merge := event.merge(seq))]
        if merges:
            connection.execute(sa.insert(lead_merges), [{"tenant": tenant, **asdict(merge)} for merge in merges])
        return len(merges)


def _admitted(some: Sequence[NewEvent], erased: Tombstones) -> list[NewEvent]:
    """Events that name nobody who was erased."""
    gone = erased.among(lead for event in some for lead in event.leads) if erased else set()
    return [event for event in some if gone.isdisjoint(event.leads)] if gone else list(some)


def unknown_tenant(tenant: str) -> NotFoundError:
    """What every part of the store raises for a tenant that was never put."""
    mend = "Check its id; `lintel tenants add` and `lintel ingest` make one."
    return NotFoundError(f"The tenant {tenant!r} is not known here.", mend=mend)
