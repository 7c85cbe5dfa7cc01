"""The histories of leads kept in memory: a score reads none from the store while its lead has no new event."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import itemgetter
from typing import NamedTuple

import pyarrow.compute as pc

from lintel.events.columns import EventColumns, columns_from_table, joined, split
from lintel.events.moments import to_microseconds
from lintel.market.context import ContextColumns
from lintel.scoring.answers import Histories, read_histories
from lintel.store.aliases import Aliases
from lintel.store.events import EventStore
from lintel.store.tenant_state import TenantState
from lintel.store.tenants import Tenant
from serving.hot.bounded import Bounded
from serving.hot.recent_changes import RecentChanges

MAX_CHANGES = 2_000
"""Events followed one by one; after more, all that is known of the tenant is forgotten: it is being loaded."""

_OVERHEAD = 2_300  # bytes of the objects around a lead's arrays, as tracemalloc counts them
_FORGOTTEN_AT_ONCE = 200
_NOTHING = 300  # bytes of knowing that a lead has no events


class Synced(NamedTuple):
    """The state of a tenant that the memory has followed to; another `epoch` means that all was forgotten."""

    state: TenantState
    epoch: int


class HotFigures(NamedTuple):
    """What the memory holds, and how often it was enough."""

    leads: int
    nbytes: int
    hits: int
    misses: int


class _Held(NamedTuple):
    """A lead's events as of `seq`; None if it had none."""

    events: EventColumns | None
    epoch: int
    seq: int


@dataclass(slots=True)
class _Followed:
    """One tenant. `changes` are noted as far as `state`, both under the lock."""

    state: TenantState
    epoch: int
    changes: RecentChanges
    aliases: Aliases
    last_merge: int | None  # when the merge that was known last became known, UTC µs
    context: ContextColumns | None = None  # None until it is asked for, and when it has changed


class HotLeads:
    """Events by lead, as columns, of all tenants; the leads used longest ago go first. Safe to share between threads.

    What `histories` says is what the store says as of the last `sync`: call that first, whenever what was acknowledged
    to anyone must be seen.

    Parameters
    ----------
    max_bytes: of all columns held, with what surrounds them.
    """

    def __init__(self, store: EventStore, max_bytes: int) -> None:
        self._store = store
        self._syncing = threading.Lock()  # a state is read and followed before the next one is read: none goes back
        self._lock = threading.Lock()  # of all below; never held while the store is read
        self._tenants: dict[str, _Followed] = {}
        self._epochs = count(1)
        self._held: Bounded[tuple[str, str], _Held] = Bounded(max_bytes)
        self._hits = self._misses = 0

    def sync(self, tenant: str) -> Synced:
        """Follow the store to its newest state of a tenant: one row, and which leads changed if any did. Blocking.

        Raises NotFoundError if the tenant was never put, UnavailableError if the store cannot be read.
        """
        with self._syncing:
            state = self._store.state(tenant)
            known = self._tenants.get(tenant)
            if known is None or _broken(known.state, state):
                known = self._begin(state)
            elif known.state != state:
                self._follow(known, state)
            return Synced(state, known.epoch)

    def unchanged(self, tenant: str, lead_id: str, epoch: int, since: int) -> bool:
        """Whether a lead, and all that it is one with, surely has no event newer than `since`, as of the last sync, and
        the tenant's epoch is the same."""
        with self._lock:
            known = self._tenants.get(tenant)
            return known is not None and known.epoch == epoch and known.changes.unchanged(lead_id, since)

    def histories(self, tenant: Tenant, lead_ids: Sequence[str], moment: datetime) -> Histories:
        """What `read_histories` says as of the last sync of the tenant. Blocking where leads are not held.

        As of a moment before the newest merge was known the store is asked: leads lived as others then.
        """
        if tenant.id not in self._tenants:
            self.sync(tenant.id)
        known = self._tenants[tenant.id]
        if known.last_merge is not None and to_microseconds(moment) < known.last_merge:
            return read_histories(self._store, tenant, lead_ids, moment)
        survivors = {lead: known.aliases.survivor(lead) for lead in dict.fromkeys(lead_ids)}
        wanted = set(survivors.values())
        with self._lock:
            state, context = known.state, known.context
            found = self._find(known, wanted)
        if missing := sorted(wanted - found.keys()):
            found |= self._read(state, known.epoch, missing)
        parts = {lead: held.events for lead, held in found.items() if held.events is not None}
        leads = tuple(sorted(parts))
        if context is None:
            context = self._read_context(state)
        return Histories(leads, joined([parts[lead] for lead in leads]), survivors, state.last_seq, context)

    def figures(self) -> HotFigures:
        with self._lock:
            return HotFigures(len(self._held), self._held.nbytes, self._hits, self._misses)

    def _begin(self, state: TenantState) -> _Followed:
        tenant = state.tenant.id
        merges = self._store.merges(tenant, up_to_seq=state.last_seq) if state.merges else []
        last_merge = max((merge.known_at for merge in merges), default=None)
        changes = RecentChanges(floor=state.last_seq)
        begun = _Followed(state, next(self._epochs), changes, Aliases(merges), last_merge)
        with self._lock:
            self._tenants[tenant] = begun
            keys = self._held.keys()
        self._forget([key for key in keys if key[0] == tenant])
        return begun

    def _forget(self, keys: Sequence[tuple[str, str]]) -> None:
        """At once, for a person may have been erased; some at a time, so that nobody waits long for the lock."""
        for start in range(0, len(keys), _FORGOTTEN_AT_ONCE):
            with self._lock:
                for key in keys[start : start + _FORGOTTEN_AT_ONCE]:
                    self._held.discard(key)

    def _follow(self, known: _Followed, state: TenantState) -> None:
        """Note which leads changed between the two states."""
        changed = self._store.changed_leads(state, known.state.last_seq, MAX_CHANGES)
        by_seq = sorted(changed.last_seq.items(), key=itemgetter(1))
        noted = {member: seq for lead, seq in by_seq for member in known.aliases.members(lead)}
        with self._lock:
            if changed.complete:
                known.changes.note(noted)
            else:
                known.changes = RecentChanges(floor=state.last_seq)
            if known.state.context_changes != state.context_changes or known.state.tenant.area != state.tenant.area:
                known.context = None
            known.state = state

    def _find(self, known: _Followed, leads: set[str]) -> dict[str, _Held]:
        """What is held of the leads and still holds."""
        found: dict[str, _Held] = {}
        for lead in leads:
            held = self._held.get((known.state.tenant.id, lead))
            if held is not None and held.epoch == known.epoch and known.changes.unchanged(lead, held.seq):
                found[lead] = held
        self._hits += len(found)
        self._misses += len(leads) - len(found)
        return found

    def _read(self, state: TenantState, epoch: int, leads: Sequence[str]) -> dict[str, _Held]:
        """Leads from the store as of `state`, in one read, held from now on.

        They are held as of the epoch and `seq` before the read: whatever has come since makes them stale. Those of an
        epoch that has ended are not held: one of them may be of a person who was erased meanwhile.
        """
        tenant, seq = state.tenant.id, state.last_seq
        events = self._store.lead_events(tenant, leads, up_to_seq=seq)
        known = pc.unique(events.column("lead_id")).sort()
        parts = split(columns_from_table(events, known), len(known))
        for part in parts:
            part.freeze()
        read = dict.fromkeys(leads, _Held(None, epoch, seq))
        read |= {lead: _Held(part, epoch, seq) for lead, part in zip(known.to_pylist(), parts, strict=True)}
        with self._lock:
            if self._tenants[tenant].epoch != epoch:
                return read
            for lead, held in read.items():
                size = _NOTHING if held.events is None else held.events.nbytes + _OVERHEAD
                self._held.put((tenant, lead), held, size + len(lead))
        return read

    def _read_context(self, state: TenantState) -> ContextColumns:
        context = self._store.context.columns(state.tenant.id)
        with self._lock:
            known = self._tenants[state.tenant.id]
            if known.state.context_changes == state.context_changes and known.state.tenant == state.tenant:
                known.context = context
        return context


def _broken(known: TenantState, state: TenantState) -> bool:
    """Whether the new state does not follow from the known one by events alone."""
    return known.merges != state.merges or known.number != state.number or known.last_seq > state.last_seq
