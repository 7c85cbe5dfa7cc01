"""Events that a gate set aside: they stay in the log and in the quarantine, and no read shows them until they return.

A row of the quarantine with a `seq` stands for one event and one rule that it breaks. Nothing is moved: what is set
aside is a set of numbers, which every read subtracts, so that leaving out is exact and coming back is too. Each change
counts as one of the tenant's merges does: whatever is kept of the log in memory is read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from lintel.events.validation import Rejection
from lintel.store.engine import Database
from lintel.store.quarantine import quarantine_row
from lintel.store.tables import events, quarantine, tenants

SOURCE = "gate:events"
_CHUNK = 500  # rows a transaction, some 10 ms


@dataclass(frozen=True, slots=True)
class RowFault:
    """That the event with this `seq` breaks a rule; `reason` says what the rule asks for, without values."""

    seq: int
    rule: str
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAsideReport:
    """Events that a run set aside and those that came back, mended, and how many are set aside now."""

    added: int
    returned: int
    total: int


class SetAside:
    """What is set aside of all tenants, who go by their numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seqs(self, tenant: int) -> list[int]:
        """The events that are set aside, ascending."""
        return sorted({seq for seq, _ in self._rows(tenant, released=False)})

    def released(self, tenant: int) -> Mapping[str, list[int]]:
        """Rule -> events that a person released from it."""
        found: dict[str, list[int]] = {}
        for seq, rule in sorted(self._rows(tenant, released=True)):
            found.setdefault(rule, []).append(seq)
        return found

    def replace(self, tenant: int, faults: Sequence[RowFault], now: int) -> SetAsideReport:
        """Let `faults` be all that is set aside: what is new is added, what is mended returns, the rest stays as it is.

        A run that is killed halfway is completed by the next one. `now` in UTC µs.
        """
        before = self._rows(tenant, released=False)
        wanted = {(one.seq, one.rule): one for one in faults}
        gone = sorted(before - wanted.keys())
        fresh = [wanted[key] for key in sorted(wanted.keys() - before)]
        for start in range(0, len(gone), _CHUNK):
            some = gone[start : start + _CHUNK]
            self._change(tenant, [seq for seq, _ in some], _gone(tenant, some))
        for start in range(0, len(fresh), _CHUNK):
            rows = [_row(tenant, one, now) for one in fresh[start : start + _CHUNK]]
            seqs = [one.seq for one in fresh[start : start + _CHUNK]]
            self._change(tenant, seqs, self._database.insert_new(quarantine).values(rows))
        old, new = {seq for seq, _ in before}, set(self.seqs(tenant))
        return SetAsideReport(len(new - old), len(old - new), len(new))

    def release(self, tenant: int, seqs: Iterable[int], now: int) -> int:
        """Let events return for good, though they break their rules; how many were set aside and are not any more."""
        asked = sorted(set(seqs) & set(self.seqs(tenant)))
        held = (quarantine.c.tenant == tenant) & quarantine.c.released_at.is_(None)
        for start in range(0, len(asked), _CHUNK):
            some = asked[start : start + _CHUNK]
            change = sa.update(quarantine).where(held, quarantine.c.seq.in_(some)).values(released_at=now)
            self._change(tenant, some, change)
        return len(asked)

    def _rows(self, tenant: int, *, released: bool) -> set[tuple[int, str]]:
        state = quarantine.c.released_at.is_not(None) if released else quarantine.c.released_at.is_(None)
        query = sa.select(quarantine.c.seq, quarantine.c.rule).where(
            quarantine.c.tenant == tenant, quarantine.c.seq.is_not(None), state
        )
        with self._database.read() as connection:
            return {(seq, rule) for seq, rule in connection.execute(query)}

    def _change(self, tenant: int, seqs: Sequence[int], statement: sa.Executable) -> None:
        """Change what is set aside, and with it the version of all that is kept of the log and, if need be, its end."""
        mine = events.c.tenant == tenant
        touched = sa.select(sa.func.max(events.c.known_at)).where(mine, events.c.seq.in_(seqs))
        ends = sa.select(tenants.c.newest_known_at).where(tenants.c.number == tenant)
        with self._database.write() as connection:
            connection.execute(statement)
            changes: dict[str, object] = {"merges": tenants.c.merges + 1}
            moved, end = connection.execute(touched).scalar(), connection.execute(ends).scalar()
            if moved is not None and (end is None or moved >= end):  # else the whole log need not be looked at
                newest = sa.select(sa.func.max(events.c.known_at)).where(mine, shown())
                changes["newest_known_at"] = newest.scalar_subquery()
            connection.execute(sa.update(tenants).where(tenants.c.number == tenant).values(changes))


def shown() -> sa.ColumnElement[bool]:
    """That an event is not set aside."""
    mine = (quarantine.c.tenant == events.c.tenant) & (quarantine.c.seq == events.c.seq)
    aside = sa.select(quarantine.c.seq).where(mine, quarantine.c.released_at.is_(None))
    return ~sa.exists(aside.correlate(events))


def _gone(tenant: int, keys: Sequence[tuple[int, str]]) -> sa.Executable:
    key = sa.tuple_(quarantine.c.seq, quarantine.c.rule)
    return sa.delete(quarantine).where(quarantine.c.tenant == tenant, key.in_(keys))


def _row(tenant: int, fault: RowFault, now: int) -> dict[str, object]:
    rejection = Rejection(f"seq {fault.seq}", fault.column, f"{fault.rule}: {fault.reason}")
    return {**quarantine_row(tenant, rejection, SOURCE, now), "seq": fault.seq, "rule": fault.rule}
