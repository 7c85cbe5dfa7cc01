"""The scores of leads: every one that was given, and the newest of each lead."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa

from lintel.errors import InputError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.store.handle import Handle
from lintel.store.tables import scores

_CHUNK = 200  # rows a transaction, some 10 ms
_NOT_LATEST = {"latest": False}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One answer for one lead."""

    lead_id: str
    as_of: datetime
    seq: int  # newest event of the tenant that it could see
    bundle: str  # digest
    model_version: int | None
    priority: float
    probabilities: Mapping[str, float]  # dimension -> probability, of those that have one
    answer: Mapping[str, Any]  # the whole answer, as the endpoint gives it
    scored_at: datetime

    @classmethod
    def of(cls, answer: Mapping[str, Any], scored_at: datetime) -> Self:
        """The row of an answer in the endpoint's form. One without a priority goes to the end of the list."""
        dimensions = answer["dimensions"]
        return cls(
            lead_id=answer["lead_id"],
            as_of=datetime.fromisoformat(answer["as_of"]),
            seq=answer["seq"],
            bundle=answer["model"]["digest"],
            model_version=answer["model"]["version"],
            priority=answer["overall"].get("priority", 0.0),
            probabilities={name: one["probability"] for name, one in dimensions.items() if "probability" in one},
            answer=answer,
            scored_at=scored_at,
        )


@dataclass(frozen=True, slots=True)
class ScorePage:
    """Whole answers in order, and the cursor of the next page; None on the last."""

    leads: list[dict[str, Any]]
    next_cursor: str | None


class ScoreStore(Handle):
    """Scores of all tenants in the state database."""

    scripts = "state"

    def put(self, tenant: str, rows: Sequence[ScoreRow]) -> None:
        """Keep scores. The newest `as_of` of a lead is its latest; the same lead, as_of and bundle is replaced."""
        unique = {(row.lead_id, row.as_of, row.bundle): row for row in rows}
        ordered = sorted(unique.values(), key=lambda row: (row.lead_id, row.as_of, row.scored_at))
        for start in range(0, len(ordered), _CHUNK):
            with self._database.write() as connection:
                self._put(connection, tenant, ordered[start : start + _CHUNK])

    def retire(self, tenant: str, before: datetime) -> int:
        """Take leads that were last scored before a moment (closed or gone since) off the list; how many there were.

        Their history stays.
        """
        stale = (scores.c.tenant == tenant) & scores.c.latest & (scores.c.scored_at < to_microseconds(before))
        with self._database.write() as connection:
            return connection.execute(sa.update(scores).where(stale).values(_NOT_LATEST)).rowcount

    def page(self, tenant: str, sort: str = "priority", limit: int = 50, cursor: str | None = None) -> ScorePage:
        """The latest answers, highest priority first, ties by lead id downward.

        Raises InputError for another sort, a limit under 1 or a cursor that no page gave.
        """
        if sort != "priority" or limit < 1:
            raise InputError("Scores are paged by priority, at least one a page.", mend="Use sort=priority, limit>=1.")
        key = sa.tuple_(scores.c.priority, scores.c.lead_id)
        query = sa.select(scores.c.priority, scores.c.lead_id, scores.c.answer)
        query = query.where(scores.c.tenant == tenant, scores.c.latest)
        if cursor is not None:
            query = query.where(key < sa.tuple_(*_position(cursor)))
        query = query.order_by(scores.c.priority.desc(), scores.c.lead_id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            found = connection.execute(query).all()
        shown = found[:limit]
        more = _cursor(shown[-1].priority, shown[-1].lead_id) if len(found) > limit else None
        return ScorePage([json.loads(row.answer) for row in shown], more)

    def history(self, tenant: str, lead_id: str) -> list[ScoreRow]:
        """All scores of a lead by `as_of`."""
        query = sa.select(scores).where(scores.c.tenant == tenant, scores.c.lead_id == lead_id)
        with self._database.read() as connection:
            return [_row(found) for found in connection.execute(query.order_by(scores.c.as_of, scores.c.scored_at))]

    def latest(self, tenant: str, lead_id: str) -> ScoreRow | None:
        """The newest score of a lead."""
        query = sa.select(scores).where(scores.c.tenant == tenant, scores.c.lead_id == lead_id, scores.c.latest)
        with self._database.read() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else _row(found)

    def erase(self, tenant: str, lead_id: str) -> int:
        """Remove all scores of a lead; how many there were."""
        with self._database.write() as connection:
            removed = connection.execute(
                sa.delete(scores).where(scores.c.tenant == tenant, scores.c.lead_id == lead_id)
            ).rowcount
        self._database.forget_log()
        return removed

    def _put(self, connection: sa.Connection, tenant: str, rows: Sequence[ScoreRow]) -> None:
        """`rows` by (lead, as_of)."""
        newest = {row.lead_id: row for row in rows}
        mine = (scores.c.tenant == tenant) & scores.c.lead_id.in_(list(newest)) & scores.c.latest
        held = {
            row.lead_id: row.as_of
            for row in connection.execute(sa.select(scores.c.lead_id, scores.c.as_of).where(mine))
        }
        latest = {lead: row for lead, row in newest.items() if to_microseconds(row.as_of) >= held.get(lead, -(2**62))}
        replaced = (scores.c.tenant == tenant) & scores.c.lead_id.in_(list(latest)) & scores.c.latest
        connection.execute(sa.update(scores).where(replaced).values(_NOT_LATEST))
        insert = self._database.insert(scores)
        changes = {column.name: insert.excluded[column.name] for column in scores.c if not column.primary_key}
        insert = insert.on_conflict_do_update(index_elements=list(scores.primary_key), set_=changes)
        connection.execute(insert, [_values(tenant, row, latest.get(row.lead_id) is row) for row in rows])


def _values(tenant: str, row: ScoreRow, latest: bool) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "lead_id": row.lead_id,
        "as_of": to_microseconds(row.as_of),
        "bundle": row.bundle,
        "seq": row.seq,
        "model_version": row.model_version,
        "priority": row.priority,
        "probabilities": json.dumps(dict(row.probabilities), sort_keys=True),
        "answer": json.dumps(row.answer, ensure_ascii=False),
        "scored_at": to_microseconds(row.scored_at),
        "latest": latest,
    }


def _row(found: sa.Row[Any]) -> ScoreRow:
    return ScoreRow(
        lead_id=found.lead_id,
        as_of=from_microseconds(found.as_of),
        seq=found.seq,
        bundle=found.bundle,
        model_version=found.model_version,
        priority=found.priority,
        probabilities=json.loads(found.probabilities),
        answer=json.loads(found.answer),
        scored_at=from_microseconds(found.scored_at),
    )


def _cursor(priority: float, lead_id: str) -> str:
    return urlsafe_b64encode(json.dumps([priority, lead_id]).encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[float, str]:
    try:
        priority, lead_id = json.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        if not isinstance(lead_id, str):
            raise TypeError
        return float(priority), lead_id
    except (ValueError, TypeError, RecursionError):
        raise InputError("The cursor is none that a page gave.", mend="Leave it out to begin at the top.") from None
