"""The audit log: every act by person or machine, append-only, numbered without gaps, each line chained to the last.

A line is written in the transaction of the act it tells of, so that there is never one without the other. That
transaction is also the one serialised writer: `BEGIN IMMEDIATE` on SQLite, a lock on the table on PostgreSQL.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lintel.errors import IncompatibleError, InputError, RefusedError
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.language.redaction import redact
from lintel.registry.actor import Actor, ActorKind
from lintel.registry.audit_chain import Fault, FaultKind, Head, Line, Verified, check, digest_of
from lintel.registry.audit_head import HeadFile, settle
from lintel.store.engine import after_commit
from lintel.store.handle import Handle
from lintel.store.tables import audit

HEAD_FILE = "audit_head.json"
_MOST_REASON, _MOST_DETAILS = 4_000, 64_000  # characters
_COLUMNS = tuple(Line.__dataclass_fields__)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the log of one database is kept: with which key, and where its head lies (None: nowhere)."""

    key: bytes | None
    head: HeadFile | None


_KEEPING: dict[str, Keeping] = {}
"""By address of the database: every handle on it must write one chain, whoever opened it."""


def keep(url: str, *, key: str | None, head: Path) -> None:
    """Set how this process keeps the log in the database at `url`."""
    _KEEPING[_address(sa.make_url(url))] = Keeping(key.encode() if key else None, HeadFile(head))


def record(
    connection: sa.Connection,
    *,
    tenant: str,
    actor: Actor,
    act: str,
    subject: str,
    reason: str,
    details: Mapping[str, Any],
    at: datetime,
) -> int:
    """Write one line inside the caller's write transaction on the state database; its number.

    `subject` is what was acted on, such as `model:acme/7`. `details` is plain JSON and small, and holds neither secrets
    nor personal data; e-mail addresses and numbers of people that a person put into `reason` are taken out. Raises
    InputError for a blank reason, act or subject, RefusedError where the log is sealed and this process has no key.
    """
    keeping = _keeping(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    newest = _newest(connection)
    line = Line(
        number=newest.count + 1,
        at=to_microseconds(at),
        tenant=tenant,
        actor=actor.name,
        actor_kind=str(actor.kind),
        act=act,
        subject=subject,
        reason=kept_reason(actor, reason),
        details=json.dumps(details, sort_keys=True, ensure_ascii=False, allow_nan=False),
        previous=newest.digest,
    )
    _check(line, newest, keeping)
    digest = digest_of(line, keeping.key)
    values = {name: getattr(line, name) for name in _COLUMNS} | {"digest": digest}
    connection.execute(sa.insert(audit).values(values))
    _anchor(connection, keeping, newest, Head(line.number, digest).signed(keeping.key))
    return line.number


def kept_reason(actor: Actor, reason: str) -> str:
    """A reason as it may be kept, in the log and wherever else it is shown: e-mail addresses and numbers of people that
    a person wrote are taken out."""
    return (redact(reason).text if actor.kind is ActorKind.PERSON else reason).strip()


class AuditLog(Handle):
    """The audit log in the state database."""

    scripts = "state"

    def append(
        self,
        *,
        tenant: str,
        actor: Actor,
        act: str,
        subject: str,
        reason: str,
        details: Mapping[str, Any],
        at: datetime,
    ) -> int:
        """`record` in a transaction of its own."""
        with self._database.write() as connection:
            return record(
                connection,
                tenant=tenant,
                actor=actor,
                act=act,
                subject=subject,
                reason=reason,
                details=details,
                at=at,
            )

    def read(
        self, tenant: str, subject: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Lines of a tenant, the newest first: the columns, with `at` in ISO 8601 and `details` as it was given.

        `before` leaves out the lines from that number on. Raises IncompatibleError for a line that cannot be read.
        """
        query = sa.select(audit).where(audit.c.tenant == tenant).order_by(audit.c.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        if before is not None:
            query = query.where(audit.c.number < before)
        with self._database.read() as connection:
            return [_shown(row) for row in connection.execute(query).mappings()]

    def head(self) -> Head:
        """Count and digest of the newest line, to be kept somewhere else."""
        with self._database.read() as connection:
            return _newest(connection)

    def verify(self, expected: Head | None = None) -> Verified:
        """Check every line of all tenants against its digest, its predecessor and the head outside the database.

        `expected` is a head that somebody kept elsewhere: the log must still hold that line. Raises InputError if
        lines are sealed with a key and none is set.
        """
        with self._database.read() as connection:
            keeping = _keeping(connection)
            head = Head() if keeping.head is None else keeping.head.read()  # before the lines: these only grow
            newest = connection.execute(sa.select(sa.func.max(audit.c.number))).scalar()
            rows = connection.execute(sa.select(*(audit.c[name] for name in _COLUMNS)).order_by(audit.c.number))
            lines = (Line(*row) for row in rows)
            found = check(lines, head, key=keeping.key, newest=newest if isinstance(newest, int) else 0)
            return found if expected is None or found.fault else _held_against(found, expected, connection)

    def anchor(self, *, tenant: str, actor: Actor, reason: str, at: datetime) -> Head:
        """Take the log as it stands: write a line that says so and what was wrong, and the head anew.

        For when lines are gone and will not come back (a restored copy), or a key is new. Lines that were changed stay
        a fault for good.
        """
        fault = self.verify().fault
        details = {"fault": None if fault is None else {"line": fault.number, "kind": fault.kind.value}}
        with self._database.write() as connection:
            keeping = _keeping(connection)
            number = record(
                connection,
                tenant=tenant,
                actor=actor,
                act="audit.anchor",
                subject="audit",
                reason=reason,
                details=details,
                at=at,
            )
            head = _newest(connection).signed(keeping.key)
            if keeping.head is not None:
                after_commit(connection, partial(_replace, keeping.head, head, _write_ahead_log(connection)))
        return Head(number, head.digest)


def _held_against(found: Verified, expected: Head, connection: sa.Connection) -> Verified:
    digest = connection.execute(sa.select(audit.c.digest).where(audit.c.number == expected.count)).scalar()
    if digest == expected.digest:
        return found
    kind = FaultKind.TRUNCATED if digest is None else FaultKind.REWRITTEN
    told = f"Line {expected.count} is {'gone' if digest is None else 'another one'} since that head was taken."
    return Verified(found.lines, found.digest, found.sealed_from, 0, Fault(expected.count, kind, told))


def _check(line: Line, newest: Head, keeping: Keeping) -> None:
    named = {"tenant": line.tenant, "act": line.act, "subject": line.subject, "reason": line.reason}
    blank = [name for name, value in named.items() if not value.strip()]
    if blank:
        raise InputError(f"An act in the audit log has a {blank[0]}.", mend="Say why, in a few words.")
    if len(line.reason) > _MOST_REASON or len(line.details) > _MOST_DETAILS:
        raise InputError(f"A reason has at most {_MOST_REASON:,} characters, details {_MOST_DETAILS:,}.")
    if newest.digest.startswith("hmac-") and keeping.key is None:
        raise RefusedError(
            "The audit log is sealed with a key that this process does not have, so that it may not act.",
            mend="Set LINTEL_AUDIT_KEY.",
        )


def _anchor(connection: sa.Connection, keeping: Keeping, newest: Head, head: Head) -> None:
    """Move the head on after the commit, unless it tells of lines that are gone: that is to be seen, not covered up."""
    if keeping.head is None:
        return
    if newest.count == 0 and keeping.head.read() is None:
        keeping.head.advance(Head().signed(keeping.key))
    present = keeping.head.read()
    if present is not None and present.trusted(keeping.key) and _holds(connection, present):
        after_commit(connection, partial(_advance, keeping.head, head, _write_ahead_log(connection)))


def _advance(file: HeadFile, head: Head, log: Path | None) -> None:
    """The act is done by now and must not look as if it were not; a head that stays behind is no fault."""
    try:
        if log is not None:
            settle(log)
        file.advance(head)
    except OSError as error:
        _log.warning("the head of the audit log could not be written (%s)", error.strerror)


def _replace(file: HeadFile, head: Head, log: Path | None) -> None:
    if log is not None:
        settle(log)
    file.replace(head)


def _write_ahead_log(connection: sa.Connection) -> Path | None:
    """Where SQLite keeps what was committed last; None for other databases, which sync it themselves."""
    database = connection.engine.url.database
    return Path(f"{database}-wal") if connection.dialect.name == "sqlite" and database else None


def _holds(connection: sa.Connection, head: Head) -> bool:
    if head.count == 0:
        return True
    return connection.execute(sa.select(audit.c.digest).where(audit.c.number == head.count)).scalar() == head.digest


def _newest(connection: sa.Connection) -> Head:
    query = sa.select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return Head() if found is None else Head(*found)


def _keeping(connection: sa.Connection) -> Keeping:
    url = connection.engine.url
    found = _KEEPING.get(_address(url))
    if found is not None:
        return found
    if connection.dialect.name == "postgresql" or url.database is None:
        return Keeping(None, None)
    return Keeping(None, HeadFile(Path(url.database).with_name(HEAD_FILE)))


def _address(url: sa.URL) -> str:
    """Without the name of the driver, which a handle adds."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def _shown(row: Any) -> dict[str, Any]:
    try:
        return {**row, "at": from_microseconds(row["at"]).isoformat(), "details": json.loads(row["details"])}
    except (TypeError, ValueError, OverflowError):  # whatever somebody wrote there
        fault = f"Line {row['number']} of the audit log is none that Lintel wrote."
        raise IncompatibleError(fault, mend="`lintel audit verify` says where the log was changed.") from None
