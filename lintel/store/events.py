"""The event store: the one place where events are written, and where they are read by lead, by time and by `seq`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from lintel.errors import ErasedLeadError, InputError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.schema import MAX_ID_LENGTH
from lintel.events.validation import Rejection, check
from lintel.store.aliases import Aliases, Merge
from lintel.store.append import EventWriter, unknown_tenant
from lintel.store.context import ContextStore
from lintel.store.engine import Database, RowRead
from lintel.store.handle import Handle
from lintel.store.quarantine import Quarantine, Quarantined
from lintel.store.rows import READ_COLUMNS, new_events, stored_table
from lintel.store.set_aside import RowFault, SetAside, SetAsideReport, shown
from lintel.store.tables import bodies, events, lead_merges, tenants
from lintel.store.tenant_state import ChangedLeads, TenantState
from lintel.store.tenants import Clock, Tenant
from lintel.store.tombstones import PLACE, REASON, Tombstones, lay, lift, read_tombstones

CLOCK_JUMP = timedelta(days=90)
"""How far the end of a log may move at once before its reader is told: a stray event would do it silently."""

_PAGE = 4_096  # events made ready at a time, outside of any transaction
_LEADS_PER_QUERY = 500

_EVENTS = sa.select(*(events.c[name] for name in READ_COLUMNS)).where(events.c.tenant == sa.bindparam("tenant"))
_OF_LEADS = events.c.lead_id.in_(sa.bindparam("leads", expanding=True))
_BY_LEAD = _EVENTS.where(_OF_LEADS).order_by(events.c.lead_id, events.c.occurred_at, events.c.seq)
# `seq + 0`: by the bare column SQLite goes through the whole log instead of the index by lead, at twenty times the time
_BY_LEAD_UP_TO = _BY_LEAD.where(events.c.seq + 0 <= sa.bindparam("up_to_seq"))
_BY_TIME = _EVENTS.where(shown()).order_by(events.c.occurred_at, events.c.seq).limit(sa.bindparam("limit"))
_BY_TIME_AFTER = _BY_TIME.where(
    sa.tuple_(events.c.occurred_at, events.c.seq)
    > sa.tuple_(sa.bindparam("time", type_=sa.BigInteger), sa.bindparam("seq"))
)
_CHANGES = _EVENTS.where(events.c.seq > sa.bindparam("after_seq")).order_by(events.c.seq).limit(sa.bindparam("limit"))
_LEAD_SEQ = (
    sa.select(events.c.lead_id, sa.func.max(events.c.seq))
    .where(events.c.tenant == sa.bindparam("tenant"), _OF_LEADS)
    .group_by(events.c.lead_id)
)
_LEADS = (
    sa.select(events.c.lead_id)
    .distinct()
    .where(events.c.tenant == sa.bindparam("tenant"), events.c.lead_id > sa.bindparam("after"), shown())
    .order_by(events.c.lead_id)
    .limit(sa.bindparam("limit"))
)
_COUNTERS = sa.select(tenants.c.number, tenants.c.last_seq, tenants.c.newest_known_at, tenants.c.merges).where(
    tenants.c.id == sa.bindparam("tenant")
)
_STATE = sa.select(
    tenants.c.settings,
    tenants.c.number,
    tenants.c.last_seq,
    tenants.c.newest_known_at,
    tenants.c.merges,
    tenants.c.context_changes,
).where(tenants.c.id == sa.bindparam("tenant"))
_CHANGED = (
    sa.select(events.c.lead_id, events.c.seq)
    .where(events.c.tenant == sa.bindparam("number"))
    .where(events.c.seq > sa.bindparam("after_seq"), events.c.seq <= sa.bindparam("up_to_seq"))
    .order_by(events.c.seq)
)


@dataclass(frozen=True, slots=True)
class _Counters:
    """A tenant's number and how far its log goes; `merges` grows with every change of who lives on as whom, and of what
    is set aside."""

    number: int
    last_seq: int
    newest_known_at: int | None
    merges: int


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased, under every id that a merge made one with the lead, and how many events that were."""

    leads: tuple[str, ...]
    events: int


@dataclass(frozen=True, slots=True)
class AppendReport:
    """What an append did. `withheld` events were of leads that were erased: the quarantine says so by source and does
    not say whose they were. Other writers' events may lie between `first_seq` and `last_seq`; None if none was new.

    `clock_moved_days` is None unless the append moved the clock of a `log_end` tenant by more than CLOCK_JUMP.
    """

    appended: int
    duplicates: int
    rejected: tuple[Rejection, ...]
    first_seq: int | None
    last_seq: int | None
    clock_moved_days: float | None
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """The redacted text of an event, and everything else its source said, as JSON."""

    text: str | None
    attributes: str | None


class EventStore(Handle):
    """The log of all tenants in one database, and their market series (`context`). Safe to share between threads; every
    process opens its own.

    Every method that names a tenant raises NotFoundError if it was never put, and every method UnavailableError when
    the database cannot be reached.
    """

    scripts = "events"

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._writer = EventWriter(database)
        self._quarantine = Quarantine(database)
        self._aside = SetAside(database)
        self.context = ContextStore(database)
        self._known_aliases: dict[int, tuple[int, list[Merge], Aliases]] = {}
        self._known_aside: dict[int, tuple[int, pa.Array]] = {}
        self._known_settings: dict[str, tuple[str, Tenant]] = {}
        self._read_state = RowRead(_STATE, database)
        self._read_changed = RowRead(_CHANGED, database)

    # tenants

    def put_tenant(self, tenant: Tenant) -> None:
        """Make a tenant, or change its settings. Its events stay."""
        if not tenant.id.strip() or len(tenant.id) > MAX_ID_LENGTH:
            raise InputError(f"A tenant's id has 1 to {MAX_ID_LENGTH} characters.", mend="Give it another one.")
        row = {"id": tenant.id, "settings": tenant.to_json(), "last_seq": 0, "merges": 0}
        insert = self._database.insert(tenants).values(row)
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_={"settings": row["settings"]}))

    def tenant(self, tenant: str) -> Tenant:
        """The settings of a tenant."""
        query = sa.select(tenants.c.settings).where(tenants.c.id == tenant)
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise unknown_tenant(tenant)
        return Tenant.from_json(found)

    def tenants(self) -> list[Tenant]:
        """All tenants, by id."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(tenants.c.settings).order_by(tenants.c.id)).scalars().all()
        return [Tenant.from_json(settings) for settings in found]

    # writing

    def append(
        self,
        tenant: str,
        table: pa.Table,
        *,
        now: datetime,
        places: Sequence[str] | None = None,
        source: str = "",
        progress: Callable[[int], object] | None = None,
    ) -> AppendReport:
        """Check, redact and write events; the same `event_id` twice is a no-op, in one table or in two.

        Rows that fail the check go to the quarantine. A killed or failed append keeps what it had committed, and the
        same append again adds the rest.

        Parameters
        ----------
        table: columns of INCOMING_SCHEMA. places: the source's own name of each row. source: where rejected rows are
        said to come from. progress: told how many rows were dealt with since it was told last.

        Raises InputError if the table's columns are not those of events, StorageFullError when the disk is full.
        """
        number, log_end = self._counters(tenant).number, self.newest_known_at(tenant)
        checked = check(table, tenant=tenant, now=now, places=places)
        stamp = to_microseconds(now)
        self._quarantine.add(number, self._erased(number).nameless(checked.rejected), source, stamp)
        appended, withheld, first_seq, last_seq = 0, 0, None, None
        for taken, new, seq, kept_out in self._written(tenant, checked.events, stamp):
            appended, withheld = appended + new, withheld + kept_out
            if new:
                first_seq, last_seq = first_seq or seq - new + 1, seq
            if progress:
                progress(taken)
        if progress and checked.rejected:
            progress(len(checked.rejected))
        if withheld:
            self._quarantine.add(number, [Rejection(PLACE, "lead_id", REASON)], source, stamp)
        duplicates = len(checked.events) - appended - withheld
        moved = self.clock_moved_days(tenant, log_end)
        return AppendReport(appended, duplicates, checked.rejected, first_seq, last_seq, moved, withheld)

    def quarantine(self, tenant: str, rejections: Sequence[Rejection], source: str, now: datetime) -> None:
        """Keep rows that a source could not read."""
        number = self._counters(tenant).number
        self._quarantine.add(number, self._erased(number).nameless(rejections), source, to_microseconds(now))

    def erase(self, tenant: str, lead_id: str) -> Erased:
        """Remove a person: the events, bodies, merges and quarantined rows of the lead and of all it was merged with.
        What is appended of them from now on is withheld, until they are readmitted.

        Erase in the store first and then, with the leads that it names, in the lake: no advance between the two
        brings a row back.
        """
        counters = self._counters(tenant)
        number, members = counters.number, self._aliases(counters).members(lead_id)
        mine = (events.c.tenant == number) & events.c.lead_id.in_(members)
        merged = lead_merges.c.absorbed.in_(members) | lead_merges.c.survivor.in_(members)
        change = sa.update(tenants).where(tenants.c.number == number).values(merges=tenants.c.merges + 1)
        with self._database.write() as connection:
            connection.execute(change)
            lay(self._database, connection, number, members)
            seqs = sa.select(events.c.seq).where(mine)
            connection.execute(sa.delete(bodies).where(bodies.c.tenant == number, bodies.c.seq.in_(seqs)))
            for member in members:
                self._quarantine.erase(connection, number, member)
            removed = connection.execute(sa.delete(events).where(mine)).rowcount
            connection.execute(sa.delete(lead_merges).where(lead_merges.c.tenant == number, merged))
        self._database.forget_log()
        return Erased(tuple(members), removed)

    def readmit(self, tenant: str, lead_id: str) -> bool:
        """Let events of an erased lead in again, from the next append on; whether they were withheld."""
        number = self._counters(tenant).number
        with self._database.write() as connection:
            return lift(connection, number, lead_id)

    def is_erased(self, tenant: str, lead_id: str) -> bool:
        """Whether events of a lead are withheld because it was erased."""
        return lead_id in self._erased(self._counters(tenant).number)

    def check_not_erased(self, tenant: str, lead_id: str) -> None:
        """Raises ErasedLeadError, NotFoundError for no such tenant."""
        if self.is_erased(tenant, lead_id):
            raise ErasedLeadError

    def erased_among(self, tenant: str, lead_ids: Iterable[str]) -> set[str]:
        """Those of some leads whose events are withheld because they were erased."""
        return self._erased(self._counters(tenant).number).among(lead_ids)

    def _erased(self, number: int) -> Tombstones:
        with self._database.read() as connection:
            return read_tombstones(connection, number)

    def _written(self, tenant: str, table: pa.Table, stamp: int) -> Iterator[tuple[int, int, int, int]]:
        """(rows taken, rows new, newest seq, rows withheld) of each transaction."""
        for start in range(0, len(table), _PAGE):
            pending = new_events(table.slice(start, _PAGE), stamp)
            while pending:
                written = self._writer.transaction(tenant, pending)
                yield written.taken, written.appended, written.last_seq, written.withheld
                pending = pending[written.taken :]
                if pending or start + _PAGE < len(table):
                    self._writer.pause()

    # reading

    def lead_events(
        self, tenant: str, lead_ids: Sequence[str], *, up_to_seq: int | None = None, merged_by: datetime | None = None
    ) -> pa.Table:
        """All events of some leads (STORED_SCHEMA), those of merged contacts under the lead they live on as.

        An absorbed lead may be asked for too: its survivor's events come back. `up_to_seq` shows the log as it was;
        merges that became known after `merged_by` are not applied.
        """
        counters = self._counters(tenant)
        aliases = self._aliases(counters, up_to_seq, merged_by)
        wanted = list(dict.fromkeys(member for lead in lead_ids for member in aliases.members(lead)))
        query = _BY_LEAD if up_to_seq is None else _BY_LEAD_UP_TO
        rows: list[Any] = []
        for start in range(0, len(wanted), _LEADS_PER_QUERY):
            some = wanted[start : start + _LEADS_PER_QUERY]
            rows += self._rows(query, tenant=counters.number, leads=some, up_to_seq=up_to_seq)
        return aliases.relabel(self._shown(counters, stored_table(tenant, rows)))

    def survivors(
        self, tenant: str, lead_ids: Sequence[str], *, up_to_seq: int | None = None, merged_by: datetime | None = None
    ) -> dict[str, str]:
        """The lead that each lives on as, by the merges that `lead_events` applies: itself if none absorbed it."""
        aliases = self._aliases(self._counters(tenant), up_to_seq, merged_by)
        return {lead: aliases.survivor(lead) for lead in lead_ids}

    def by_time(self, tenant: str, after: tuple[int, int] | None = None, limit: int = 10_000) -> pa.Table:
        """The next events by (occurred_at, seq) after such a pair (UTC µs, seq), as recorded: merges not applied."""
        number = self._counters(tenant).number
        time, seq = after or (None, None)
        query = _BY_TIME if after is None else _BY_TIME_AFTER
        return stored_table(tenant, self._rows(query, tenant=number, time=time, seq=seq, limit=limit))

    def changes(self, tenant: str, after_seq: int = 0, limit: int = 10_000) -> pa.Table:
        """The next events by `seq`, as recorded and with those set aside: the feed that derived data follows."""
        number = self._counters(tenant).number
        return stored_table(tenant, self._rows(_CHANGES, tenant=number, after_seq=after_seq, limit=limit))

    def state(self, tenant: str) -> TenantState:
        """What everything kept of a tenant in memory is versioned by. One row by its key, some 20 µs."""
        rows = self._read_state(tenant=tenant)
        if not rows:
            raise unknown_tenant(tenant)
        settings, *counters = rows[0]
        known = self._known_settings.get(tenant)
        if known is None or known[0] != settings:
            known = self._known_settings[tenant] = (settings, Tenant.from_json(settings))
        return TenantState(known[1], *counters)

    def changed_leads(self, state: TenantState, after_seq: int, limit: int = 2_000) -> ChangedLeads:
        """Which leads have events newer than `after_seq` as of `state`, from the next `limit` numbers of events."""
        up_to = min(state.last_seq, after_seq + limit)
        rows = self._read_changed(number=state.number, after_seq=after_seq, up_to_seq=up_to)
        return ChangedLeads(dict(rows), up_to, complete=up_to == state.last_seq)

    def merges(self, tenant: str, *, up_to_seq: int) -> list[Merge]:
        """All merges of a tenant's leads among the events up to `up_to_seq`."""
        counters = self._counters(tenant)
        self._aliases(counters)
        return [merge for merge in self._known_aliases[counters.number][1] if merge.seq <= up_to_seq]

    def latest_seq(self, tenant: str) -> int:
        """The newest `seq`; 0 before the first event."""
        return self._counters(tenant).last_seq

    def has_events(self, tenant: str) -> bool:
        """Whether anything was ever written for a tenant; erasing all its leads does not undo that."""
        return self.latest_seq(tenant) > 0

    def newest_known_at(self, tenant: str) -> datetime | None:
        """Where the log ends: the newest `known_at` ever written and not set aside. Erasing a lead does not move it."""
        newest = self._counters(tenant).newest_known_at
        return None if newest is None else from_microseconds(newest)

    def clock_moved_days(self, tenant: str, since: datetime | None) -> float | None:
        """Days by which the end of the log has moved from `since`, which was its end before something was written.

        None if it moved by CLOCK_JUMP or less, if the log was empty, or if the tenant's clock is not the log's end.
        """
        newest = self.newest_known_at(tenant)
        if since is None or newest is None or newest - since <= CLOCK_JUMP:
            return None
        return (newest - since) / timedelta(days=1) if self.tenant(tenant).clock is Clock.LOG_END else None

    def lead_seq(self, tenant: str, lead_ids: Sequence[str]) -> dict[str, int]:
        """The newest `seq` of each lead and all merged into it; leads without events are left out."""
        counters = self._counters(tenant)
        aliases = self._aliases(counters)
        newest: dict[str, int] = {}
        wanted = list(dict.fromkeys(member for lead in lead_ids for member in aliases.members(lead)))
        for start in range(0, len(wanted), _LEADS_PER_QUERY):
            some = wanted[start : start + _LEADS_PER_QUERY]
            for lead, seq in self._rows(_LEAD_SEQ, tenant=counters.number, leads=some):
                survivor = aliases.survivor(lead)
                newest[survivor] = max(seq, newest.get(survivor, 0))
        return {lead: newest[aliases.survivor(lead)] for lead in lead_ids if aliases.survivor(lead) in newest}

    def lead_ids(self, tenant: str, after: str = "", limit: int = 10_000) -> list[str]:
        """The next leads by id, without those merged into another."""
        counters = self._counters(tenant)
        aliases = self._aliases(counters)
        found: list[str] = []
        while len(found) < limit:
            page = [row[0] for row in self._rows(_LEADS, tenant=counters.number, after=after, limit=limit)]
            found += [lead for lead in page if aliases.survivor(lead) == lead]
            if len(page) < limit:
                break
            after = page[-1]
        return found[:limit]

    def bodies(self, tenant: str, event_ids: Sequence[str]) -> dict[str, Body]:
        """The bodies of events that have one, by `event_id`."""
        number = self._counters(tenant).number
        joined = sa.join(events, bodies, (events.c.tenant == bodies.c.tenant) & (events.c.seq == bodies.c.seq))
        query = sa.select(events.c.event_id, bodies.c.text, bodies.c.attributes).select_from(joined)
        query = query.where(events.c.tenant == number, events.c.event_id.in_(sa.bindparam("ids", expanding=True)))
        found: dict[str, Body] = {}
        for start in range(0, len(event_ids), _LEADS_PER_QUERY):
            for event_id, text, attributes in self._rows(query, ids=list(event_ids[start : start + _LEADS_PER_QUERY])):
                found[event_id] = Body(text, attributes)
        return found

    def count(self, tenant: str) -> int:
        """How many events the tenant has, without those set aside."""
        number = self._counters(tenant).number
        with self._database.read() as connection:
            query = sa.select(sa.func.count()).select_from(events).where(events.c.tenant == number, shown())
            return connection.execute(query).scalar_one()

    def quarantined(self, tenant: str, limit: int = 100) -> list[Quarantined]:
        """Rows that were not taken, the newest first."""
        return self._quarantine.newest(self._counters(tenant).number, limit)

    # setting aside

    def set_aside(self, tenant: str, faults: Sequence[RowFault], now: datetime) -> SetAsideReport:
        """Let `faults` be all that is set aside of the tenant's log. No read but `changes` shows these events."""
        return self._aside.replace(self._counters(tenant).number, faults, to_microseconds(now))

    def release(self, tenant: str, seqs: Sequence[int], now: datetime) -> int:
        """Let events that were set aside return for good; how many of them were."""
        return self._aside.release(self._counters(tenant).number, seqs, to_microseconds(now))

    def seqs_aside(self, tenant: str) -> list[int]:
        """The events that are set aside, ascending."""
        return self._aside.seqs(self._counters(tenant).number)

    def released(self, tenant: str) -> Mapping[str, list[int]]:
        """Rule -> events that were released from it."""
        return self._aside.released(self._counters(tenant).number)

    def _shown(self, counters: _Counters, table: pa.Table) -> pa.Table:
        """Without what is set aside, which is read again only when the tenant's count of merges has changed."""
        aside = self._seqs_aside(counters)
        return table.filter(pc.invert(pc.is_in(table.column("seq"), aside))) if len(aside) else table

    def _seqs_aside(self, counters: _Counters) -> pa.Array:
        number, version = counters.number, counters.merges
        known = self._known_aside.get(number)
        if known is None or known[0] != version:
            seqs = self._aside.seqs(number) if version else []
            known = self._known_aside[number] = (version, pa.array(seqs, pa.int64()))
        return known[1]

    def _rows(self, query: sa.Select[Any], **parameters: object) -> list[Any]:
        """Plain tuples straight from the driver: a result of SQLAlchemy would wrap each."""
        with self._database.read() as connection:
            result: Any = connection.execute(query, parameters)
            return result.cursor.fetchall()

    def _counters(self, tenant: str) -> _Counters:
        rows = self._rows(_COUNTERS, tenant=tenant)
        if not rows:
            raise unknown_tenant(tenant)
        return _Counters(*rows[0])

    def _aliases(self, counters: _Counters, up_to_seq: int | None = None, merged_by: datetime | None = None) -> Aliases:
        """Who lives on as whom: read again only when the tenant's count of merges has changed."""
        number, version = counters.number, counters.merges
        known = self._known_aliases.get(number)
        if known is None or known[0] != version:
            columns = [lead_merges.c[name] for name in Merge.__dataclass_fields__]
            query = sa.select(*columns).where(lead_merges.c.tenant == number)
            aside = set(self._seqs_aside(counters).to_pylist())
            merges = [Merge(*row) for row in self._rows(query) if row[0] not in aside] if version else []
            known = self._known_aliases[number] = (version, merges, Aliases(merges))
        if (up_to_seq is None and merged_by is None) or not known[2]:
            return known[2]
        latest = None if merged_by is None else to_microseconds(merged_by)
        return Aliases(
            merge
            for merge in known[1]
            if (up_to_seq is None or merge.seq <= up_to_seq) and (latest is None or merge.known_at <= latest)
        )
