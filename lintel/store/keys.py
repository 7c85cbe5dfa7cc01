"""API keys: only their hashes are kept.

A key is 256 random bits, so a plain SHA-256 cannot be searched; slow password hashes are for what people choose.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa

from lintel.errors import InputError, NotFoundError
from lintel.events.moments import to_microseconds
from lintel.store.handle import Handle
from lintel.store.tables import api_keys

_PREFIX = "lintel_"  # lets secret scanners find a key that was committed by mistake
_MAX_NAME_LENGTH = 100


class Role(StrEnum):
    """What a key may do; each may also do what those before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key speaks for."""

    tenant: str
    name: str
    role: str


class KeyRing(Handle):
    """The keys of all tenants in the state database."""

    scripts = "state"

    def create(self, tenant: str, name: str, role: str) -> str:
        """A new key, shown this once. Raises InputError for a role that does not exist or a name that is in use."""
        if role not in set(Role):
            raise InputError(f"{role!r} is not a role.", mend=f"Use one of {', '.join(Role)}.")
        if not name.strip() or len(name) > _MAX_NAME_LENGTH:
            raise InputError(f"A key's name has 1 to {_MAX_NAME_LENGTH} characters.")
        token = _PREFIX + secrets.token_urlsafe(32)
        row = {"digest": _digest(token), "tenant": tenant, "name": name, "role": str(role), "created_at": _now()}
        with self._database.write() as connection:
            if connection.execute(sa.select(api_keys.c.digest).where(_live(tenant, name))).first():
                raise InputError(
                    f"{tenant!r} has a key named {name!r} already.", mend="Revoke it, or use another name."
                )
            connection.execute(sa.insert(api_keys).values(row))
        return token

    def resolve(self, token: str) -> Principal | None:
        """Who the key speaks for; None if it is unknown or revoked."""
        query = sa.select(api_keys.c.tenant, api_keys.c.name, api_keys.c.role)
        query = query.where(api_keys.c.digest == _digest(token), api_keys.c.revoked_at.is_(None))
        with self._database.read() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else Principal(*found)

    def principals(self, tenant: str) -> list[Principal]:
        """Who holds a key of a tenant, by name."""
        query = sa.select(api_keys.c.tenant, api_keys.c.name, api_keys.c.role).order_by(api_keys.c.name)
        query = query.where(api_keys.c.tenant == tenant, api_keys.c.revoked_at.is_(None))
        with self._database.read() as connection:
            return [Principal(*found) for found in connection.execute(query)]

    def revoke(self, tenant: str, name: str) -> None:
        """End a key. Raises NotFoundError if there is none of that name."""
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(api_keys).where(_live(tenant, name)).values(revoked_at=_now())
            ).rowcount
        if not ended:
            raise NotFoundError(f"{tenant!r} has no key named {name!r}.", mend="`lintel keys list` shows them.")


def _live(tenant: str, name: str) -> sa.ColumnElement[bool]:
    return (api_keys.c.tenant == tenant) & (api_keys.c.name == name) & api_keys.c.revoked_at.is_(None)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _now() -> int:
    return to_microseconds(datetime.now(UTC))
