"""The scores of leads: those of the last half year, the newest of each lead, and how the leads ranked."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa

from lintel.errors import InputError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.store.engine import Database, RowRead
from lintel.store.handle import Handle
from lintel.store.tables import rankings, score_versions, scores

_CHUNK = 200  # rows a transaction, some 10 ms
_NOT_LATEST = {"latest": False}
_VERSION = sa.select(score_versions.c.version).where(score_versions.c.tenant == sa.bindparam("tenant"))

KEPT_DAYS = 180
"""Twice the longest horizon, so that what was said can be held against what became of it."""


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

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._read_version = RowRead(_VERSION, database)

    def version(self, tenant: str) -> int:
        """Grows with every change of the tenant's scores and rankings; 0 before the first. One row by its key."""
        rows = self._read_version(tenant=tenant)
        return int(rows[0][0]) if rows else 0

    def put(self, tenant: str, rows: Sequence[ScoreRow]) -> None:
        """Keep scores. The newest `as_of` of a lead is its latest; the same lead, as_of and bundle is replaced."""
        unique = {(row.lead_id, row.as_of, row.bundle): row for row in rows}
        ordered = sorted(unique.values(), key=lambda row: (row.lead_id, row.as_of, row.scored_at))
        for start in range(0, len(ordered), _CHUNK):
            with self._database.write() as connection:
                self._put(connection, tenant, ordered[start : start + _CHUNK])
                self._changed(connection, tenant)

    def retire(self, tenant: str, before: datetime) -> int:
        """Take leads that were last scored before a moment (closed or gone since) off the list; how many there were.

        Their history stays.
        """
        stale = (scores.c.tenant == tenant) & scores.c.latest & (scores.c.scored_at < to_microseconds(before))
        with self._database.write() as connection:
            retired = connection.execute(sa.update(scores).where(stale).values(_NOT_LATEST)).rowcount
            self._changed(connection, tenant)
        return retired

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

    def past(
        self,
        tenant: str,
        dimension: str,
        *,
        bundle: str,
        since: datetime,
        until: datetime,
        lead_ids: Sequence[str] | None = None,
    ) -> dict[str, list[tuple[int, float]]]:
        """Lead -> (as_of in UTC µs, probability) of one dimension by one bundle, since <= as_of < until, by time.

        Leads without such scores are left out; `lead_ids` None means all leads.
        """
        query = sa.select(scores.c.lead_id, scores.c.as_of, scores.c.probabilities)
        query = query.where(scores.c.tenant == tenant, scores.c.bundle == bundle)
        query = query.where(scores.c.as_of >= to_microseconds(since), scores.c.as_of < to_microseconds(until))
        if lead_ids is not None:
            query = query.where(scores.c.lead_id.in_(lead_ids))
        found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        with self._database.read() as connection:
            for lead, as_of, probabilities in connection.execute(query):
                probability = json.loads(probabilities).get(dimension)
                if probability is not None:
                    found[lead].append((as_of, probability))
        return {lead: sorted(scored) for lead, scored in found.items()}

    def firsts(
        self, tenant: str, *, since: int, width: int
    ) -> list[tuple[str, int, str, int | None, dict[str, float]]]:
        """Of each lead and bundle the first score in every stretch of `width` µs from `since` (UTC µs) on: lead, as_of
        (UTC µs), bundle, version, probabilities."""
        begun = (scores.c.tenant == tenant) & (scores.c.as_of >= since)
        first = sa.select(scores.c.lead_id, scores.c.bundle, sa.func.min(scores.c.as_of).label("as_of")).where(begun)
        first = first.group_by(scores.c.lead_id, scores.c.bundle, (scores.c.as_of - since) // width)
        told = (scores.c.lead_id, scores.c.as_of, scores.c.bundle, scores.c.model_version, scores.c.probabilities)
        chosen = sa.tuple_(scores.c.lead_id, scores.c.bundle, scores.c.as_of).in_(first)
        with self._database.read() as connection:
            found = connection.execute(sa.select(*told).where(begun, chosen)).all()
        return [(*row[:4], json.loads(row.probabilities)) for row in found]

    def put_ranking(self, tenant: str, as_of: datetime, bundle: str, ranking: Mapping[str, Any]) -> None:
        """Keep how the open leads ranked in one nightly run; the same run and bundle is replaced."""
        row = {"tenant": tenant, "as_of": to_microseconds(as_of), "bundle": bundle, "ranking": json.dumps(ranking)}
        insert = self._database.insert(rankings)
        changes = {"ranking": insert.excluded.ranking}
        with self._database.write() as connection:
            keys = list(rankings.primary_key)
            connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes), row)
            self._changed(connection, tenant)

    def ranking(self, tenant: str, bundle: str, *, until: datetime) -> tuple[datetime, dict[str, Any]] | None:
        """The newest ranking by a bundle that is not newer than `until`, and its as-of time."""
        query = sa.select(rankings.c.as_of, rankings.c.ranking)
        query = query.where(rankings.c.tenant == tenant, rankings.c.bundle == bundle)
        query = query.where(rankings.c.as_of <= to_microseconds(until)).order_by(rankings.c.as_of.desc()).limit(1)
        with self._database.read() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else (from_microseconds(found.as_of), json.loads(found.ranking))

    def ranking_times(self, tenant: str, bundle: str) -> list[int]:
        """The as-of times (UTC µs) of all rankings by a bundle, ascending."""
        query = sa.select(rankings.c.as_of).where(rankings.c.tenant == tenant, rankings.c.bundle == bundle)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(rankings.c.as_of)).scalars())

    def forget(self, tenant: str, as_of: datetime) -> int:
        """Remove scores and rankings more than `KEPT_DAYS` older than `as_of`, but for each lead's latest; how many
        scores there were."""
        before = to_microseconds(as_of - timedelta(days=KEPT_DAYS))
        with self._database.write() as connection:
            old = (rankings.c.tenant == tenant) & (rankings.c.as_of < before)
            connection.execute(sa.delete(rankings).where(old))
            self._changed(connection, tenant)
        key = sa.tuple_(*scores.primary_key)
        old = (scores.c.tenant == tenant) & (scores.c.as_of < before) & sa.not_(scores.c.latest)
        some = sa.select(*scores.primary_key).where(old).limit(_CHUNK)
        removed, last = 0, _CHUNK
        while last == _CHUNK:
            with self._database.write() as connection:
                last = connection.execute(sa.delete(scores).where(key.in_(some))).rowcount
                self._changed(connection, tenant)
            removed += last
        return removed

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
            self._changed(connection, tenant)
        self._database.forget_log()
        return removed

    def _changed(self, connection: sa.Connection, tenant: str) -> None:
        """Part of every transaction that changes scores or rankings."""
        insert = self._database.insert(score_versions).values(tenant=tenant, version=1)
        change = {"version": score_versions.c.version + 1}
        connection.execute(insert.on_conflict_do_update(index_elements=["tenant"], set_=change))

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
