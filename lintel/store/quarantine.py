"""Rows that were not taken, each with its place and reason, until someone mends them."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from lintel.events.validation import Rejection
from lintel.language.redaction import redact
from lintel.store.engine import YIELD_SECONDS, Database
from lintel.store.tables import events, quarantine

_CHUNK = 500  # rows a transaction, which takes some 10 ms
_MAX_COLUMN_LENGTH = 100
_READ_LENGTH = 400  # of a column's name: redaction shortens, and takes its time over a megabyte of digits


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that was not taken; `raw` is the row without its body.

    Or an event of the log, by its `seq`, that a gate set aside for breaking `rule`, until it is mended or released.
    """

    source: str
    place: str
    column: str
    reason: str
    raw: str | None
    quarantined_at: int  # UTC µs
    seq: int | None = None
    rule: str | None = None
    released_at: int | None = None  # UTC µs


class Quarantine:
    """The quarantine of all tenants, who go by their numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tenant: int, rejections: Sequence[Rejection], source: str, now: int) -> None:
        """Keep rejected rows. A row that is here already, from an earlier run over the same source, stays one row."""
        insert = self._database.insert_new(quarantine)
        for start in range(0, len(rejections), _CHUNK):
            rows = [quarantine_row(tenant, one, source, now) for one in rejections[start : start + _CHUNK]]
            with self._database.write() as connection:
                connection.execute(insert, rows)
            if start + _CHUNK < len(rejections):
                time.sleep(YIELD_SECONDS)

    def newest(self, tenant: int, limit: int) -> list[Quarantined]:
        """The newest rows first."""
        names = list(Quarantined.__dataclass_fields__)
        query = sa.select(*(quarantine.c[name] for name in names)).where(quarantine.c.tenant == tenant)
        query = query.order_by(quarantine.c.quarantined_at.desc(), quarantine.c.digest).limit(limit)
        with self._database.read() as connection:
            return [Quarantined(*row) for row in connection.execute(query)]

    def erase(self, connection: sa.Connection, tenant: int, lead_id: str) -> None:
        """Remove the rows that name a lead, and those that stand for its events, while these are in the log."""
        mine = sa.select(events.c.seq).where(events.c.tenant == tenant, events.c.lead_id == lead_id)
        connection.execute(sa.delete(quarantine).where(quarantine.c.tenant == tenant, quarantine.c.seq.in_(mine)))
        named = json.dumps({"lead_id": lead_id}, ensure_ascii=False)[1:-1]
        connection.execute(
            sa.delete(quarantine).where(
                quarantine.c.tenant == tenant, quarantine.c.raw.contains(named, autoescape=True)
            )
        )


def quarantine_row(tenant: int, rejection: Rejection, source: str, now: int) -> dict[str, Any]:
    """The row of the table for a rejection, at `now` (UTC µs): the same one twice has the same key."""
    row = {"source": source, **asdict(rejection), "column": _column(rejection.column)}
    digest = blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).hexdigest()
    return {"tenant": tenant, "digest": digest, **row, "quarantined_at": now}


def _column(name: str) -> str:
    """What is safe to keep of a column's name: callers make up fields, and may put anything into their names."""
    printable = re.sub(r"[\x00-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", name[:_READ_LENGTH])
    return redact(printable).text[:_MAX_COLUMN_LENGTH]
