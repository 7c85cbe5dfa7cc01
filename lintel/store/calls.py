"""Calls that were listened to, redacted, and the cards that agents saw with their word on them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from lintel.errors import NotFoundError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.store.handle import Handle
from lintel.store.tables import calls, cards

_KEY = ("tenant", "call_id")
Source = Literal["twilio", "webrtc", "file"]
State = Literal["live", "working", "done", "failed"]
Verdict = Literal["dismissed", "useful"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `document` is JSON of what is known of it by now; every text in it must be redacted before."""

    tenant: str
    call_id: str
    lead_id: str | None
    agent_id: str | None
    source: Source
    state: State
    began_at: datetime
    ended_at: datetime | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card that an agent saw."""

    card_id: str
    rule: str
    severity: str
    shown_at: datetime


@dataclass(frozen=True, slots=True)
class CardRecord:
    """How a rule's cards were taken: how many were shown, and how many of these found useful or dismissed."""

    rule: str
    shown: int
    useful: int
    dismissed: int


class CallStore(Handle):
    """The calls of all tenants in the state database."""

    scripts = "state"

    def put(self, call: Call) -> None:
        """Write a call, or what has become of it since."""
        insert = self._database.insert(calls)
        changes = {column.name: insert.excluded[column.name] for column in calls.c if not column.primary_key}
        with self._database.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=changes), _row(call))

    def get(self, tenant: str, call_id: str) -> Call:
        """Raises NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(calls).where(*_is(calls, tenant, call_id))).one_or_none()
        if row is None:
            raise NotFoundError(f"{tenant!r} has no call {call_id!r}.", mend="`lintel call list` shows what is kept.")
        return _call(row)

    def newest(self, tenant: str, *, lead_id: str | None = None, limit: int = 50) -> list[Call]:
        """The newest calls first."""
        query = sa.select(calls).where(calls.c.tenant == tenant)
        if lead_id is not None:
            query = query.where(calls.c.lead_id == lead_id)
        query = query.order_by(calls.c.began_at.desc(), calls.c.call_id).limit(limit)
        with self._database.read() as connection:
            return [_call(row) for row in connection.execute(query)]

    def show(self, tenant: str, call_id: str, shown: Collection[ShownCard]) -> None:
        """Keep that cards were shown; one that is known already stays as it is."""
        rows = [
            {
                "tenant": tenant,
                "call_id": call_id,
                "card_id": one.card_id,
                "rule": one.rule,
                "severity": one.severity,
                "shown_at": to_microseconds(one.shown_at),
            }
            for one in shown
        ]
        if rows:
            with self._database.write() as connection:
                connection.execute(self._database.insert_new(cards), rows)

    def judge(self, tenant: str, call_id: str, card_id: str, verdict: Verdict) -> None:
        """Keep the agent's word on a card; the last one counts. Raises NotFoundError."""
        place = (*_is(cards, tenant, call_id), cards.c.card_id == card_id)
        with self._database.write() as connection:
            done = connection.execute(sa.update(cards).where(*place).values(verdict=verdict))
        if not done.rowcount:
            raise NotFoundError(f"The call {call_id!r} of {tenant!r} showed no card {card_id!r}.")

    def card_records(self, tenant: str) -> list[CardRecord]:
        """Every rule whose cards were ever shown, by name."""
        counted = [
            sa.func.count(),
            sa.func.sum(sa.case((cards.c.verdict == "useful", 1), else_=0)),
            sa.func.sum(sa.case((cards.c.verdict == "dismissed", 1), else_=0)),
        ]
        query = sa.select(cards.c.rule, *counted).where(cards.c.tenant == tenant).group_by(cards.c.rule)
        with self._database.read() as connection:
            return [CardRecord(*row) for row in connection.execute(query.order_by(cards.c.rule))]

    def erase(self, tenant: str, leads: Collection[str]) -> int:
        """Remove the calls of persons, and the cards of these calls; how many calls there were."""
        theirs = sa.and_(calls.c.tenant == tenant, calls.c.lead_id.in_(list(leads)))
        shown = sa.and_(cards.c.tenant == tenant, cards.c.call_id.in_(sa.select(calls.c.call_id).where(theirs)))
        with self._database.write() as connection:
            connection.execute(sa.delete(cards).where(shown))
            removed = connection.execute(sa.delete(calls).where(theirs)).rowcount
        self._database.forget_log()
        return removed


def _is(table: sa.Table, tenant: str, call_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.tenant == tenant, table.c.call_id == call_id


def _row(call: Call) -> dict[str, Any]:
    return {
        "tenant": call.tenant,
        "call_id": call.call_id,
        "lead_id": call.lead_id,
        "agent_id": call.agent_id,
        "source": call.source,
        "state": call.state,
        "began_at": to_microseconds(call.began_at),
        "ended_at": None if call.ended_at is None else to_microseconds(call.ended_at),
        "document": json.dumps(call.document, allow_nan=False),
    }


def _call(row: sa.Row[Any]) -> Call:
    return Call(
        tenant=row.tenant,
        call_id=row.call_id,
        lead_id=row.lead_id,
        agent_id=row.agent_id,
        source=row.source,
        state=row.state,
        began_at=from_microseconds(row.began_at),
        ended_at=None if row.ended_at is None else from_microseconds(row.ended_at),
        document=json.loads(row.document),
    )
